"""The standard API: a record belongs to the patient in whose path it is."""

import pytest

from conformance import expect, requirement, writes
from fixtures.records import KINDS

pytestmark = writes

READ = [name for name in KINDS if name != "message"]
CHANGED = {
    "encounter": "reason",
    "allergy": "title",
    "medical_problem": "title",
    "medication": "title",
    "surgery": "title",
    "dental_issue": "title",
    "vital": "bps",
    "soap_note": "subjective",
}
DELETED = ["allergy", "medical_problem", "medication", "surgery", "dental_issue", "appointment"]


@pytest.fixture
def below(person, stranger):
    """Return the path of a record as if it belonged to the other patient."""

    def path(record):
        return record.path.replace(person.uuid, stranger.uuid).replace(
            f"/patient/{person.pid}/", f"/patient/{stranger.pid}/"
        )

    return path


@requirement("REST-idor")
@pytest.mark.parametrize("kind", READ)
def test_record_is_not_shown_below_another_patient(api, staff, records, person, below, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    record = records.first(kind, person)
    response = api.get(below(record), staff)

    expect.that(not shown(response), "nothing of the record", response.text, response)


@requirement("REST-idor")
@pytest.mark.parametrize("kind", CHANGED)
def test_record_is_not_changed_below_another_patient(api, staff, records, person, below, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    record = records.add(kind, person)
    body = KINDS[kind].body | {"user": "admin", "group": "Default", CHANGED[kind]: "199"}
    before = seen(api, staff, record)
    response = api.put(below(record), staff, json=body)
    after = seen(api, staff, record)
    api.put(record.path, staff, json=body)
    changed = seen(api, staff, record)

    expect.equal(after, before, "the record afterwards", response)
    expect.that(changed != before, "a change by the right path to be seen", changed, response)


@requirement("REST-idor")
@pytest.mark.parametrize("kind", DELETED)
def test_record_is_not_deleted_below_another_patient(api, staff, records, person, below, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    record = records.add(kind, person)
    before = seen(api, staff, record)
    response = api.delete(below(record), staff)
    after = seen(api, staff, record)
    api.delete(record.path, staff)
    deleted = seen(api, staff, record)

    expect.equal(after, before, "the record afterwards", response)
    expect.that(deleted != before, "a deletion by the right path to be seen", deleted, response)


def shown(response):
    """Return what an answer shows of a record, whatever its status."""
    try:
        body = response.json()
    except ValueError:
        return response.text if response.is_success else ""
    if response.is_success and isinstance(body, dict):
        return body.get("data", body)
    return body if response.is_success else (body or {}).get("data")


def seen(api, staff, record):
    """Return all that can be seen of a record: the answer when it is read."""
    response = api.get(record.direct, staff)
    return response.status_code, response.text
