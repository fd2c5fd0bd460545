"""The standard API: creating, changing and deleting records."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.record_kinds import DELETABLE, KINDS
from fixtures.driver.tokens import READING_SCOPE
from fixtures.given.changed_records import CHANGES
from fixtures.wire.client import Blocked, json_body
from fixtures.wire.exchanges import exchange_line

pytestmark = writes

NESTED = [*KINDS]
#: Messages have no list. The list of notes shows other forms of OpenEMR at random.
#: A transaction is listed by the number of its form, which no response contains.
LISTED = [name for name in KINDS if name not in {"message", "soap_note", "transaction"}]
#: The kinds that can be changed, that FHIR shows, and whose uuid the standard API shows.
SHOWN_BY_FHIR = ["encounter", "allergy", "medical_problem", "vital"]


@requirement("REST-create-201")
def test_patient_is_made(api, staff_token, records):
    body = records.body(allow_patient_portal="NO")
    response = api.post("/api/patient", staff_token, json=body)
    records.forget(body["lname"])

    expect.status(response, 201)
    data = expect.member(response, "data", kind=dict)
    expect.that(data.get("uuid") and data.get("pid"), "uuid and pid", data, response)


@requirement("REST-create-201")
@pytest.mark.parametrize("kind", NESTED)
def test_record_is_made(records, shared_patient, kind):
    response = records.answer(kind, shared_patient)

    expect.status(response, 201)
    body = expect.json_object(response)
    data = body.get("data", body)
    data = data[0] if isinstance(data, list) and data else data
    known = isinstance(data, dict) and {KINDS[kind].key, "uuid"} & data.keys()
    expect.that(known, "the id of the record", body, response)


@requirement("REST-created-is-listed")
@pytest.mark.parametrize("kind", LISTED)
def test_record_is_listed_once(api, staff_token, records, shared_patient, kind):
    record = records.first(kind, shared_patient)
    response = api.get(record.collection, staff_token)

    expect.status(response, 200)
    times = sum(record.key in keys for keys in keys_of(response))
    expect.equal(times, 1, f"how many times {kind} is listed", response)


@requirement("REST-created-is-listed")
def test_transaction_is_listed_with_all_its_signs(api, staff_token, records, shared_patient):
    text = f"O'Brien <b>& 😀 {uuid.uuid4()}"
    made = records.post("transaction", shared_patient, body=text)
    response = api.get(records.collection("transaction", shared_patient), staff_token)

    expect.success(made)
    expect.status(response, 200)
    listed = json_body(response)["data"]
    texts = [one.get("body") for row in listed for one in (row if isinstance(row, list) else [row])]
    expect.equal(texts.count(text), 1, "how many times the transaction is listed", response)


@requirement("REST-update-200")
def test_patient_is_changed(api, staff_token, records):
    mine = records.patient()
    body = mine.fields | {"city": "Changedville"}
    changed = api.put(mine.path, staff_token, json=body)
    after = api.get(mine.path, staff_token)

    expect.status(changed, 200)
    data = expect.member(after, "data", kind=dict)
    expect.equal(data.get("city"), "Changedville", "city", [after, changed])
    expect.equal(data.get("fname"), mine.fields["fname"], "fname", [after, changed])


@requirement("REST-update-200")
@pytest.mark.parametrize("kind", CHANGES)
def test_record_is_changed(record_change, kind):
    done = record_change("PUT", kind)

    expect.status(done.response, 200)
    expect.status(done.after, 200)
    name, value = next(iter(CHANGES[kind].items()))
    told = fields_of(done.after).get(name)
    right = str(told).startswith(value)
    expect.that(right, f"{name} to be {value!r}", told, [done.after, done.response])


@requirement("REST-update-keeps-uuid")
@pytest.mark.parametrize("kind", SHOWN_BY_FHIR)
def test_changed_record_keeps_its_uuid(record_change, kind):
    done = record_change("PUT", kind)
    before, after = (uuid_of(response) for response in (done.unchanged, done.after))

    expect.that(before, "a uuid", before, done.unchanged)
    expect.equal(after, before, "uuid", [done.after, done.response, done.unchanged])
    if not done.response.is_success:
        raise Blocked(
            f"no changed {kind} to judge with: "
            f"{exchange_line(done.response.request, done.response)}"
        )


@requirement("REST-delete-200")
@pytest.mark.parametrize("kind", DELETABLE)
def test_record_is_deleted(record_change, kind):
    done = record_change("DELETE", kind)

    expect.status(done.response, 200, 204)
    expect.no_server_error(done.after)
    left = fields_of(done.after)
    expect.that(not left, "no record", left, [done.after, done.response])


@requirement("REST-documented-dates")
@pytest.mark.parametrize(
    "kind", ["allergy", "medical_problem", "medication", "surgery", "dental_issue"]
)
def test_documented_date_is_accepted(records, shared_patient, kind):
    response = records.post(kind, shared_patient, begdate="2010-10-13")

    expect.success(response)
    body = expect.json_object(response)
    expect.that(not body.get("validationErrors"), "no validation error", body, response)
    expect.that("begdate" not in body, "no complaint about begdate", body, response)


@requirement("REST-no-mass-assignment")
def test_ids_in_a_body_move_nothing(api, staff_token, records):
    mine, other = records.patient(), records.patient()
    before = api.get(other.path, staff_token)
    body = mine.fields | {"city": "Changedville", "id": other.pid, "pid": other.pid}
    response = api.put(mine.path, staff_token, json=body | {"uuid": other.uuid, "pubpid": "x"})
    after = api.get(other.path, staff_token)
    own = api.get(mine.path, staff_token)

    expect.no_server_error(response)
    around = [after, response, before]
    expect.equal(fields_of(after), fields_of(before), "the other patient", around)
    fields = fields_of(own)
    found = fields.get("uuid"), int(fields.get("pid", 0))
    expect.equal(found, (mine.uuid, mine.pid), "the patient's own ids", [own, response])


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_refused_change_of_a_record_changes_nothing(
    api, staff_token, records, shared_patient, method
):
    record = records.add("medical_problem", shared_patient)
    response = api.request(
        method, record.path, json=KINDS["medical_problem"].body | {"title": "No"}
    )
    after = api.get(record.direct, staff_token)

    expect.status(response, 401, 403)
    title = KINDS["medical_problem"].body["title"]
    expect.equal(fields_of(after).get("title"), title, "title", [after, response])


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("case", ["no_token", "read_only"])
def test_refused_change_of_a_patient_changes_nothing(
    api, staff_token, tokens, records, shared_patient, case
):
    token = {"no_token": lambda: None, "read_only": lambda: tokens.staff(READING_SCOPE)}[case]()
    response = api.put(
        shared_patient.path, token, json=shared_patient.fields | {"city": "Changedville"}
    )
    after = api.get(shared_patient.path, staff_token)

    expect.status(response, 401, 403)
    city = shared_patient.fields["city"]
    expect.equal(fields_of(after).get("city"), city, "city", [after, response])


def fields_of(response):
    """Return the fields of one record, with or without envelope; empty without a record."""
    body = json_body(response) if response.content else {}
    data = body.get("data", body) if isinstance(body, dict) else body
    if isinstance(data, list):
        data = data[0] if data else {}
    known = {"validationErrors", "internalErrors", "message", "error", "error_description", "code"}
    return {k: v for k, v in data.items() if k not in known} if isinstance(data, dict) else {}


def uuid_of(response):
    """Return the uuid of one record; an encounter may have it in `euuid` only."""
    fields = fields_of(response)
    return fields.get("uuid") or fields.get("euuid")


def keys_of(response):
    """Return the ids of each record of a list, from any member with an id."""
    body = json_body(response)
    rows = body.get("data", []) if isinstance(body, dict) else body
    return [{str(row.get(name)) for name in ("uuid", "euuid", "pc_eid", "id")} for row in rows]
