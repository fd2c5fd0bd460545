"""The standard API: making, changing and deleting records."""

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
#: Messages have no list; in that of notes OpenEMR's other forms show at random.
#: A transaction is listed by the number of its form, which nothing else tells.
LISTED = [name for name in KINDS if name not in {"message", "soap_note", "transaction"}]
#: What FHIR shows of what can be changed, and the standard API shows with its uuid.
SHOWN_BY_FHIR = ["encounter", "allergy", "medical_problem", "vital"]


@requirement("REST-create-201")
def test_patient_is_made(api, staff, records):
    """A POST that makes a record answers 201 and names it."""
    body = records.body(allow_patient_portal="NO")
    response = api.post("/api/patient", staff, json=body)
    records.forget(body["lname"])

    expect.status(response, 201)
    data = expect.member(response, "data", kind=dict)
    expect.that(data.get("uuid") and data.get("pid"), "uuid and pid", data, response)


@requirement("REST-create-201")
@pytest.mark.parametrize("kind", NESTED)
def test_record_is_made(records, person, kind):
    """A POST that makes a record answers 201 and names it."""
    response = records.answer(kind, person)

    expect.status(response, 201)
    body = expect.json_object(response)
    data = body.get("data", body)
    data = data[0] if isinstance(data, list) and data else data
    known = isinstance(data, dict) and {KINDS[kind].key, "uuid"} & data.keys()
    expect.that(known, "the id of the record", body, response)


@requirement("REST-created-is-listed")
@pytest.mark.parametrize("kind", LISTED)
def test_record_is_listed_once(api, staff, records, person, kind):
    """A record that was made is in the list of its patient."""
    record = records.first(kind, person)
    response = api.get(record.collection, staff)

    expect.status(response, 200)
    times = sum(record.key in keys for keys in keys_of(response))
    expect.equal(times, 1, f"how often {kind} is listed", response)


@requirement("REST-created-is-listed")
def test_transaction_is_listed_with_all_its_signs(api, staff, records, person):
    """A record that was made is in the list of its patient."""
    text = f"O'Brien <b>& 😀 {uuid.uuid4()}"
    made = records.post("transaction", person, body=text)
    response = api.get(records.collection("transaction", person), staff)

    expect.success(made)
    expect.status(response, 200)
    listed = json_body(response)["data"]
    texts = [one.get("body") for row in listed for one in (row if isinstance(row, list) else [row])]
    expect.equal(texts.count(text), 1, "how often the transaction is listed", response)


@requirement("REST-update-200")
def test_patient_is_changed(api, staff, records):
    """A PUT answers 200 and what it changed is there afterwards."""
    mine = records.patient()
    body = mine.fields | {"city": "Changedville"}
    changed = api.put(mine.path, staff, json=body)
    after = api.get(mine.path, staff)

    expect.status(changed, 200)
    data = expect.member(after, "data", kind=dict)
    expect.equal(data.get("city"), "Changedville", "city", after)
    expect.equal(data.get("fname"), mine.fields["fname"], "fname", after)


@requirement("REST-update-200")
@pytest.mark.parametrize("kind", CHANGES)
def test_record_is_changed(change, kind):
    """A PUT answers 200 and what it changed is there afterwards."""
    done = change("PUT", kind)

    expect.status(done.response, 200)
    expect.status(done.after, 200)
    name, value = next(iter(CHANGES[kind].items()))
    told = fields_of(done.after).get(name)
    expect.that(str(told).startswith(value), f"{name} to be {value!r}", told, done.after)


@requirement("REST-update-keeps-uuid")
@pytest.mark.parametrize("kind", SHOWN_BY_FHIR)
def test_changed_record_keeps_its_uuid(change, kind):
    """A record that is changed keeps its uuid, by which FHIR knows it."""
    done = change("PUT", kind)
    before, after = (uuid_of(response) for response in (done.unchanged, done.after))

    expect.that(before, "a uuid", before, done.unchanged)
    expect.equal(after, before, "uuid", done.after)
    if not done.response.is_success:
        raise Blocked(
            f"no changed {kind} to judge with: "
            f"{exchange_line(done.response.request, done.response)}"
        )


@requirement("REST-delete-200")
@pytest.mark.parametrize("kind", DELETABLE)
def test_record_is_deleted(change, kind):
    """A DELETE answers 200 or 204 and the record is gone."""
    done = change("DELETE", kind)

    expect.status(done.response, 200, 204)
    expect.no_server_error(done.after)
    left = fields_of(done.after)
    expect.that(not left, "no record any more", left, done.after)


@requirement("REST-documented-dates")
@pytest.mark.parametrize(
    "kind", ["allergy", "medical_problem", "medication", "surgery", "dental_issue"]
)
def test_documented_date_is_accepted(records, person, kind):
    """The dates of the documented examples are accepted."""
    response = records.post(kind, person, begdate="2010-10-13")

    expect.success(response)
    body = expect.json_object(response)
    expect.that(not body.get("validationErrors"), "no validation error", body, response)
    expect.that("begdate" not in body, "no complaint about begdate", body, response)


@requirement("REST-no-mass-assignment")
def test_ids_in_a_body_move_nothing(api, staff, records):
    """The ids in a body change neither this record's identity nor another record."""
    mine, other = records.patient(), records.patient()
    before = api.get(other.path, staff)
    body = mine.fields | {"city": "Changedville", "id": other.pid, "pid": other.pid}
    response = api.put(mine.path, staff, json=body | {"uuid": other.uuid, "pubpid": "x"})
    after = api.get(other.path, staff)

    expect.no_server_error(response)
    expect.equal(fields_of(after), fields_of(before), "the other patient", after)
    still = fields_of(api.get(mine.path, staff))
    expect.equal((still.get("uuid"), int(still.get("pid", 0))), (mine.uuid, mine.pid), "own ids")


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_refused_change_of_a_record_changes_nothing(api, staff, records, person, method):
    """A write without the right to it is refused and changes nothing."""
    record = records.add("medical_problem", person)
    response = api.request(
        method, record.path, json=KINDS["medical_problem"].body | {"title": "No"}
    )
    after = api.get(record.direct, staff)

    expect.status(response, 401, 403)
    expect.equal(fields_of(after).get("title"), KINDS["medical_problem"].body["title"], "title")


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("case", ["no_token", "read_only"])
def test_refused_change_of_a_patient_changes_nothing(api, staff, tokens, records, person, case):
    """A write without the right to it is refused and changes nothing."""
    token = {"no_token": lambda: None, "read_only": lambda: tokens.staff(READING_SCOPE)}[case]()
    response = api.put(person.path, token, json=person.fields | {"city": "Changedville"})
    after = api.get(person.path, staff)

    expect.status(response, 401, 403)
    expect.equal(fields_of(after).get("city"), person.fields["city"], "city", after)


def fields_of(response):
    """Return the fields of one record, with or without envelope; none if there is none."""
    body = json_body(response) if response.content else {}
    data = body.get("data", body) if isinstance(body, dict) else body
    if isinstance(data, list):
        data = data[0] if data else {}
    known = {"validationErrors", "internalErrors", "message", "error", "error_description", "code"}
    return {k: v for k, v in data.items() if k not in known} if isinstance(data, dict) else {}


def uuid_of(response):
    """Return the uuid of one record; of an encounter it may stand in `euuid` only."""
    fields = fields_of(response)
    return fields.get("uuid") or fields.get("euuid")


def keys_of(response):
    """Return per record of a list the ids that it has, in any of the members where they stand."""
    body = json_body(response)
    rows = body.get("data", []) if isinstance(body, dict) else body
    return [{str(row.get(name)) for name in ("uuid", "euuid", "pc_eid", "id")} for row in rows]
