"""The standard API: a record belongs to the patient in whose path it is."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.record_kinds import DELETABLE, KINDS
from fixtures.given.changed_records import CHANGES, elsewhere

pytestmark = writes

READ = [name for name in KINDS if name not in {"message", "transaction"}]


@pytest.fixture
def below(person, stranger):
    """Return the path of a record as if it belonged to the other patient."""

    def path(record):
        return elsewhere(record.path, person, stranger)

    return path


@requirement("REST-idor")
@pytest.mark.parametrize("kind", READ)
def test_record_is_not_shown_below_another_patient(api, staff, records, person, below, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    record = records.first(kind, person)
    response = api.get(below(record), staff)

    expect.answered(response)
    expect.that(not shown(response), "nothing of the record", response.text, response)


@requirement("REST-idor")
@pytest.mark.parametrize("kind", [*READ, "document"])
def test_list_of_one_patient_shows_nothing_of_another(api, staff, chart, stranger, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    chart.record(kind)
    response = api.get(elsewhere(chart.collection(kind), chart.owner, stranger), staff)

    expect.answered(response)
    expect.that(chart.mark not in response.text, "nothing of the record", response, response)
    of_its_patient = chart.owner.uuid in str(shown(response))
    expect.that(not of_its_patient, "nothing of its patient", response, response)


@requirement("REST-idor")
def test_file_is_not_shown_below_another_patient(api, staff, chart, stranger):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    record = chart.record("document")
    own = api.get(record.path, staff)
    response = api.get(elsewhere(record.path, chart.owner, stranger), staff)

    expect.that(chart.mark in own.text, "the file below its own patient", own, own)
    expect.no_server_error(response)
    expect.that(chart.mark not in response.text, "nothing of the file", response, response)


@requirement("REST-idor")
@pytest.mark.parametrize("parameter", ["puuid", "pid", "patient", "uuid"])
@pytest.mark.parametrize("kind", ["encounter", "allergy", "medical_problem"])
def test_parameter_does_not_lead_to_another_patient(api, staff, chart, stranger, kind, parameter):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    chart.record(kind)
    value = str(chart.owner.pid) if parameter == "pid" else chart.owner.uuid
    response = api.get(f"{stranger.path}/{kind}", staff, params={parameter: value})

    expect.answered(response)
    expect.that(chart.mark not in response.text, "nothing of the record", response, response)


@requirement("REST-idor")
@pytest.mark.parametrize("kind", CHANGES)
def test_record_is_not_changed_below_another_patient(change, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    done = change("PUT", kind)

    before = seen(done.before)
    changed = seen(done.after)
    around = [done.between, done.wrong, done.before]
    expect.equal(seen(done.between), before, "the record afterwards", around)
    words = "a change by the right path to be seen"
    expect.that(changed != before, words, changed, [done.after, done.response])


@requirement("REST-idor")
@pytest.mark.parametrize("kind", DELETABLE)
def test_record_is_not_deleted_below_another_patient(change, kind):
    """A record is neither shown nor changed below a patient to whom it does not belong."""
    done = change("DELETE", kind)

    before = seen(done.before)
    gone = seen(done.after)
    around = [done.between, done.wrong, done.before]
    expect.equal(seen(done.between), before, "the record afterwards", around)
    words = "a deletion by the right path to be seen"
    expect.that(gone != before, words, gone, [done.after, done.response])


def shown(response):
    """Return what an answer shows of a record, whatever its status."""
    try:
        body = response.json()
    except ValueError:
        return response.text if response.is_success else ""
    if response.is_success and isinstance(body, dict):
        return body.get("data", body)
    return body if response.is_success else (body or {}).get("data")


def seen(response):
    """Return all that can be seen of a record: the answer when it is read."""
    return response.status_code, response.text
