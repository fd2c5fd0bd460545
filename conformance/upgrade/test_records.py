"""Records from before an upgrade, at every API."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.provisioning.upgrade import PORTAL_SCOPE, STAFF_SCOPE, VIEWS, patient_record

#: What is compared, by API; the rest is each release's own way to show it.
MEMBERS = {
    "fhir": ("name.0.family", "name.0.given.0", "birthDate", "gender", "address.0.city"),
    "rest": ("fname", "lname", "DOB", "sex", "city"),
    "portal": ("fname", "lname", "DOB", "sex", "city"),
}
IDS = {"fhir": "id", "rest": "uuid", "portal": "uuid"}
BY_API = pytest.mark.parametrize("name", VIEWS)


@pytest.fixture(scope="session")
def patient_now(upgraded):
    """The patient from before as an API shows it now, to somebody who logs in now."""

    def see(name):
        role, path = VIEWS[name]
        scope, user = {
            "staff": (STAFF_SCOPE, upgraded.user("admin")),
            "patient": (PORTAL_SCOPE, upgraded.old_user("patient")),
        }[role]
        client = upgraded.registrar.confidential(scope)
        token = require_tokens(upgraded.tokens.fetch(client, user, scope))["access_token"]
        return patient_record(upgraded, path, upgraded.old_user("patient"), token) or {}

    return see


def at(record, path):
    """The value at a path such as name.0.given."""
    for step in path.split("."):
        if isinstance(record, list):
            record = record[int(step)] if int(step) < len(record) else None
        else:
            record = (record or {}).get(step)
    return record


@requirement("UPGRADE-patient-ids")
@BY_API
def test_patient_keeps_its_id(upgraded, patient_now, name):
    """A patient has the same id after an upgrade, at every API."""
    before = upgraded.record(name)

    now = patient_now(name)

    expect.equal(now.get(IDS[name]), before.get(IDS[name]), f"the patient's {IDS[name]}")


@requirement("UPGRADE-data")
@BY_API
def test_patient_keeps_its_data(upgraded, patient_now, name):
    """A patient's name, birth date and address are after an upgrade what they were before."""
    before = upgraded.record(name)

    now = patient_now(name)

    for path in MEMBERS[name]:
        expect.equal(at(now, path), at(before, path), path)
