"""Records from before an upgrade, at every API."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.provisioning.upgrade import PORTAL_SCOPE, STAFF_SCOPE, VIEWS, patient_record
from fixtures.wire.exchanges import record_exchanges

#: The compared elements, by API; releases show the others differently.
MEMBERS = {
    "fhir": ("name.0.family", "name.0.given.0", "birthDate", "gender", "address.0.city"),
    "rest": ("fname", "lname", "DOB", "sex", "city"),
    "portal": ("fname", "lname", "DOB", "sex", "city"),
}
IDS = {"fhir": "id", "rest": "uuid", "portal": "uuid"}
BY_API = pytest.mark.parametrize("name", VIEWS)


@pytest.fixture(scope="session")
def patient_after_upgrade(upgraded_server):
    """The patient from before as an API shows it now, to a user who logs in now.

    `patient_after_upgrade(name)` returns the patient, empty if it is not shown, and the exchange.
    """

    def see(name):
        role, path = VIEWS[name]
        scope, user = {
            "staff": (STAFF_SCOPE, upgraded_server.user("admin")),
            "patient": (PORTAL_SCOPE, upgraded_server.old_user("patient")),
        }[role]
        client = upgraded_server.registrar.confidential(scope)
        token = require_tokens(upgraded_server.tokens.fetch(client, user, scope))["access_token"]
        with record_exchanges() as exchanges:
            record = patient_record(
                upgraded_server, path, upgraded_server.old_user("patient"), token
            )
        return record or {}, exchanges[-1]

    return see


def at(record, path):
    """Return the value at a path such as name.0.given."""
    for step in path.split("."):
        if isinstance(record, list):
            record = record[int(step)] if int(step) < len(record) else None
        else:
            record = (record or {}).get(step)
    return record


@requirement("UPGRADE-patient-ids")
@BY_API
def test_patient_keeps_its_id(upgraded_server, patient_after_upgrade, name):
    before = upgraded_server.record(name)

    now, exchange = patient_after_upgrade(name)

    wanted = before.get(IDS[name])
    expect.equal(now.get(IDS[name]), wanted, f"the patient's {IDS[name]}", exchange)


@requirement("UPGRADE-data")
@BY_API
def test_patient_keeps_its_data(upgraded_server, patient_after_upgrade, name):
    before = upgraded_server.record(name)

    now, exchange = patient_after_upgrade(name)

    for path in MEMBERS[name]:
        expect.equal(at(now, path), at(before, path), path, exchange)
