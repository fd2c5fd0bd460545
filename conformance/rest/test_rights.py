"""The standard API: what OpenEMR's access control denies a member of staff."""

import secrets
from functools import cache

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver.record_kinds import ISSUES
from fixtures.given.marked_records import AT_FHIR, MARKED, rows, upload
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

pytestmark = writes  # a member of staff with few rights is made, and a patient with records

#: The kinds that a front office account may not see: only demographics and appointments.
CLINICAL = ["encounter", *ISSUES, "vital", "soap_note", "transaction", "document"]
UNREAD = ["transaction"]  # there is no route to read one
#: Kinds whose lists do not have the text of a record.
COUNTED = {"allergy", "medical_problem", "document"}
EVERYBODY = [
    "allergy",
    "medical_problem",
    "immunization",
    "procedure",
    "drug",
    "prescription",
    "facility",
    "practitioner",
    "user",
]
BILLING = ["insurance_company"]
ALLOWED = ["patient", "appointment"]
CREATED = [*CLINICAL, "message"]
CHANGED = [name for name in CLINICAL if name not in {"document", "transaction"}]
READ_ONLY = "openid api:oemr " + " ".join(
    f"user/{name}.read" for name in ("encounter", "allergy", "medication", "appointment")
)
PORTAL = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
WHY = "the access control group of this user has no right to it"


@pytest.fixture(scope="session")
def limited_token(front_office_token, api, marked_records):
    """The token of a front office account; Blocked unless it reads a patient's demographics."""
    response = api.get(f"/api/patient/{marked_records.owner.uuid}", front_office_token)
    if marked_records.owner.uuid not in response.text:
        line = exchange_line(response.request, response)
        raise Blocked(f"the user may not even see a patient's demographics: {line}")
    return front_office_token


@pytest.fixture(scope="session")
def limited_response(api, marked_records, limited_token):
    """The response to reading a place of the marked records with the limited token, read once."""
    return cache(lambda place: api.get(path_of(marked_records, place), limited_token))


PLACES = [
    *(f"list_of_{kind}" for kind in CLINICAL),
    *(f"one_{kind}" for kind in CLINICAL if kind not in UNREAD),
    *(f"every_{kind}" for kind in [*EVERYBODY, *BILLING]),
    *(f"direct_{kind}" for kind in AT_FHIR),
]


@requirement("REST-acl-read")
@pytest.mark.parametrize("place", PLACES)
def test_user_without_the_right_sees_nothing(limited_response, marked_records, place):
    response = limited_response(place)

    expect.no_data(response, because=WHY)
    expect.that(
        marked_records.mark not in response.text, "nothing of the record", response.text, response
    )


@requirement("REST-acl-status")
@pytest.mark.parametrize("place", PLACES)
def test_refusal_for_want_of_rights_is_said_so(limited_response, place):
    response = limited_response(place)

    expect.status(response, 403, 404)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", CREATED)
def test_record_is_not_made_without_the_right(api, writable_marked_records, limited_token, kind):
    response, more, after = _unwanted(api, writable_marked_records, kind, limited_token)

    expect.equal(more, 0, f"the number of new records of the kind {kind}", [response, *after])
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", CHANGED)
def test_record_is_not_changed_without_the_right(api, writable_marked_records, limited_token, kind):
    mark = f"kept{secrets.token_hex(6)}"
    record = writable_marked_records.add(kind, mark)
    body = writable_marked_records.body(kind, "Changed") | {"user": "admin", "group": "Default"}
    response = api.put(record.path, limited_token, json=body)

    _expect_kept(writable_marked_records, record, mark, response)
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", ISSUES)
def test_record_is_not_deleted_without_the_right(api, writable_marked_records, limited_token, kind):
    mark = f"kept{secrets.token_hex(6)}"
    record = writable_marked_records.add(kind, mark)
    response = api.delete(record.path, limited_token)

    _expect_kept(writable_marked_records, record, mark, response)
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("name", ["facility", "practitioner"])
def test_practice_is_not_changed_without_the_right(api, staff_token, limited_token, name):
    mark = f"unwanted{secrets.token_hex(6)}"
    names = {"name": mark, "fname": mark, "lname": mark}
    body = names | {"facility_npi": "1234567893", "npi": "1234567893"}
    response = api.post(f"/api/{name}", limited_token, json=body)
    after = api.get(f"/api/{name}", staff_token)

    expect.that(after.is_success, "the list, for the administrator", after, after)
    expect.that(mark not in after.text, "no such record", mark, [response, after])
    expect.no_data(response, because=WHY)


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("kind", ["encounter", "medication", "document"])
@pytest.mark.parametrize(
    "who",
    ["no_token", "read_only", pytest.param("patient", marks=needs("portal", "patients", "fhir"))],
)
def test_refused_record_is_not_made(api, tokens, writable_marked_records, who, kind):
    token = {
        "no_token": lambda: None,
        "read_only": lambda: tokens.staff(READ_ONLY),
        "patient": lambda: tokens.patient(PORTAL),
    }[who]()
    response, more, after = _unwanted(api, writable_marked_records, kind, token)

    expect.status(response, 401, 403)
    expect.equal(more, 0, f"the number of new records of the kind {kind}", [response, *after])


def path_of(marked_records, place):
    """Return the path of a list of the patient, of one of the records, or of all patients."""
    what, _, kind = place.removeprefix("list_of_").partition("_")
    if place.startswith("list_of_"):
        kind = place.removeprefix("list_of_")
        if kind not in UNREAD:
            marked_records.record(kind)  # an empty list may be 404, which is not a refusal
        return marked_records.collection(kind)
    if what == "one":
        return marked_records.record(kind).path
    if what == "direct":
        return marked_records.record(kind).direct
    return f"/api/{kind}"


def _unwanted(api, marked_records, kind, token):
    """Try to make a record.

    Returns the response, how many more records there are afterwards, and the lists that show it.
    """
    mark = f"unwanted{secrets.token_hex(6)}"
    options = {"json": marked_records.body(kind, mark)} if kind in MARKED else upload(mark)
    before = marked_records.listed(kind) if kind in COUNTED else None
    response = api.post(marked_records.collection(kind), token, **options)
    if kind == "message":  # cannot be listed
        return response, 0, []
    after = marked_records.listed(kind)
    if before is not None:
        return response, len(rows(after)) - len(rows(before)), [after, before]
    return response, after.text.count(mark), [after]


def _expect_kept(marked_records, record, mark, response):
    """Expect a record to be unchanged; Blocked if the server does not show unchanged records."""
    after = marked_records.shown(record)
    if (
        mark not in after.text
        and marked_records.mark not in marked_records.shown(marked_records.record(record.kind)).text
    ):
        line = exchange_line(after.request, after)
        raise Blocked(f"no {record.kind} is shown: {line} {after.text[:200]}")
    words = f"the record as before: {WHY}"
    expect.that(mark in after.text, words, "no longer there", [response, after])
