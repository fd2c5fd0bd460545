"""The standard API: a record belongs to the patient in its path."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.record_kinds import DELETABLE, KINDS
from fixtures.given.changed_records import CHANGES, elsewhere

pytestmark = writes

READ = [name for name in KINDS if name not in {"message", "transaction"}]


@pytest.fixture
def foreign_path(shared_patient, unrelated_patient):
    """The path of a record with the other patient in it: `foreign_path(record)`."""

    def path(record):
        return elsewhere(record.path, shared_patient, unrelated_patient)

    return path


@requirement("REST-idor")
@pytest.mark.parametrize("kind", READ)
def test_record_is_not_shown_below_another_patient(
    api, staff_token, records, shared_patient, foreign_path, kind
):
    record = records.first(kind, shared_patient)
    response = api.get(foreign_path(record), staff_token)

    expect.answered(response)
    expect.that(not shown(response), "nothing of the record", response.text, response)


@requirement("REST-idor")
@pytest.mark.parametrize("kind", [*READ, "document"])
def test_list_of_one_patient_shows_nothing_of_another(
    api, staff_token, marked_records, unrelated_patient, kind
):
    marked_records.record(kind)
    response = api.get(
        elsewhere(marked_records.collection(kind), marked_records.owner, unrelated_patient),
        staff_token,
    )

    expect.answered(response)
    expect.that(
        marked_records.mark not in response.text, "nothing of the record", response, response
    )
    of_its_patient = marked_records.owner.uuid in str(shown(response))
    expect.that(not of_its_patient, "nothing of its patient", response, response)


@requirement("REST-idor")
def test_file_is_not_shown_below_another_patient(
    api, staff_token, marked_records, unrelated_patient
):
    record = marked_records.record("document")
    own = api.get(record.path, staff_token)
    response = api.get(elsewhere(record.path, marked_records.owner, unrelated_patient), staff_token)

    expect.that(marked_records.mark in own.text, "the file with its own patient's path", own, own)
    expect.no_server_error(response)
    expect.that(marked_records.mark not in response.text, "nothing of the file", response, response)


@requirement("REST-idor")
@pytest.mark.parametrize("parameter", ["puuid", "pid", "patient", "uuid"])
@pytest.mark.parametrize("kind", ["encounter", "allergy", "medical_problem"])
def test_parameter_does_not_lead_to_another_patient(
    api, staff_token, marked_records, unrelated_patient, kind, parameter
):
    marked_records.record(kind)
    value = str(marked_records.owner.pid) if parameter == "pid" else marked_records.owner.uuid
    response = api.get(f"{unrelated_patient.path}/{kind}", staff_token, params={parameter: value})

    expect.answered(response)
    expect.that(
        marked_records.mark not in response.text, "nothing of the record", response, response
    )


@requirement("REST-idor")
@pytest.mark.parametrize("kind", CHANGES)
def test_record_is_not_changed_below_another_patient(record_change, kind):
    done = record_change("PUT", kind)

    before = seen(done.before)
    changed = seen(done.after)
    around = [done.between, done.wrong, done.before]
    expect.equal(seen(done.between), before, "the record afterwards", around)
    words = "a change with the right path to have an effect"
    expect.that(changed != before, words, changed, [done.after, done.response])


@requirement("REST-idor")
@pytest.mark.parametrize("kind", DELETABLE)
def test_record_is_not_deleted_below_another_patient(record_change, kind):
    done = record_change("DELETE", kind)

    before = seen(done.before)
    gone = seen(done.after)
    around = [done.between, done.wrong, done.before]
    expect.equal(seen(done.between), before, "the record afterwards", around)
    words = "a deletion with the right path to have an effect"
    expect.that(gone != before, words, gone, [done.after, done.response])


def shown(response):
    """Return the part of a response that shows a record, for any status."""
    try:
        body = response.json()
    except ValueError:
        return response.text if response.is_success else ""
    if response.is_success and isinstance(body, dict):
        return body.get("data", body)
    return body if response.is_success else (body or {}).get("data")


def seen(response):
    """Return status and body of the response to reading a record."""
    return response.status_code, response.text
