"""The standard API: what OpenEMR's access control keeps from a member of staff."""

import secrets

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver.record_kinds import ISSUES
from fixtures.given.marked_records import AT_FHIR, MARKED, rows, upload
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

pytestmark = writes  # a member of staff with few rights is made, and a patient with records

#: Somebody at the front desk may see demographics and appointments, and nothing of these.
CLINICAL = ["encounter", *ISSUES, "vital", "soap_note", "transaction", "document"]
UNREAD = ["transaction"]  # has no route of its own to be read
#: Kinds whose lists do not show the text of a record.
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
def clerk(clerk, api, chart):
    """The token of a clerk who sees what the group may see; else nothing is refused for it."""
    response = api.get(f"/api/patient/{chart.owner.uuid}", clerk)
    if chart.owner.uuid not in response.text:
        line = exchange_line(response.request, response)
        raise Blocked(f"the user may not even see a patient's demographics: {line}")
    return clerk


@pytest.fixture(scope="session")
def refused(api, chart, clerk):
    """Give what the clerk gets to see of the chart, each path asked for once."""
    answers = {}

    def get(place):
        if place not in answers:
            answers[place] = api.get(path_of(chart, place), clerk)
        return answers[place]

    return get


PLACES = [
    *(f"list_of_{kind}" for kind in CLINICAL),
    *(f"one_{kind}" for kind in CLINICAL if kind not in UNREAD),
    *(f"every_{kind}" for kind in [*EVERYBODY, *BILLING]),
    *(f"direct_{kind}" for kind in AT_FHIR),
]


@requirement("REST-acl-read")
@pytest.mark.parametrize("place", PLACES)
def test_user_without_the_right_sees_nothing(refused, chart, place):
    """A user is shown nothing that OpenEMR's access control keeps from this user."""
    response = refused(place)

    expect.no_data(response, because=WHY)
    expect.that(chart.mark not in response.text, "nothing of the record", response.text, response)


@requirement("REST-acl-status")
@pytest.mark.parametrize("place", PLACES)
def test_refusal_for_want_of_rights_is_said_so(refused, place):
    """A refusal by access control has the status 403 or 404."""
    response = refused(place)

    expect.status(response, 403, 404)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", CREATED)
def test_record_is_not_made_without_the_right(api, written_chart, clerk, kind):
    """A write that access control denies is refused and changes nothing."""
    response, more = _unwanted(api, written_chart, kind, clerk)

    expect.equal(more, 0, f"how many more there are afterwards of {kind}", response)
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", CHANGED)
def test_record_is_not_changed_without_the_right(api, written_chart, clerk, kind):
    """A write that access control denies is refused and changes nothing."""
    mark = f"kept{secrets.token_hex(6)}"
    record = written_chart.add(kind, mark)
    body = written_chart.body(kind, "Changed") | {"user": "admin", "group": "Default"}
    response = api.put(record.path, clerk, json=body)

    _expect_kept(written_chart, record, mark, response)
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("kind", ISSUES)
def test_record_is_not_deleted_without_the_right(api, written_chart, clerk, kind):
    """A write that access control denies is refused and changes nothing."""
    mark = f"kept{secrets.token_hex(6)}"
    record = written_chart.add(kind, mark)
    response = api.delete(record.path, clerk)

    _expect_kept(written_chart, record, mark, response)
    expect.no_data(response, because=WHY)


@requirement("REST-acl-write")
@pytest.mark.parametrize("name", ["facility", "practitioner"])
def test_practice_is_not_changed_without_the_right(api, staff, clerk, name):
    """A write that access control denies is refused and changes nothing."""
    mark = f"unwanted{secrets.token_hex(6)}"
    names = {"name": mark, "fname": mark, "lname": mark}
    body = names | {"facility_npi": "1234567893", "npi": "1234567893"}
    response = api.post(f"/api/{name}", clerk, json=body)
    after = api.get(f"/api/{name}", staff)

    expect.that(after.is_success, "the list for the administrator", after, after)
    expect.that(mark not in after.text, "no such record", mark, response)
    expect.no_data(response, because=WHY)


@requirement("REST-refused-write-changes-nothing")
@pytest.mark.parametrize("kind", ["encounter", "medication", "document"])
@pytest.mark.parametrize(
    "who",
    ["no_token", "read_only", pytest.param("patient", marks=needs("portal", "patients", "fhir"))],
)
def test_refused_record_is_not_made(api, tokens, written_chart, who, kind):
    """A write without the right to it is refused and changes nothing."""
    token = {
        "no_token": lambda: None,
        "read_only": lambda: tokens.staff(READ_ONLY),
        "patient": lambda: tokens.patient(PORTAL),
    }[who]()
    response, more = _unwanted(api, written_chart, kind, token)

    expect.status(response, 401, 403)
    expect.equal(more, 0, f"how many more there are afterwards of {kind}", response)


def path_of(chart, place):
    """Return the path of a list of the chart, of one of its records, or of everybody's."""
    what, _, kind = place.removeprefix("list_of_").partition("_")
    if place.startswith("list_of_"):
        kind = place.removeprefix("list_of_")
        if kind not in UNREAD:
            chart.record(kind)  # an empty list may be 404, which is no refusal
        return chart.collection(kind)
    if what == "one":
        return chart.record(kind).path
    if what == "direct":
        return chart.record(kind).direct
    return f"/api/{kind}"


def _unwanted(api, chart, kind, token):
    """Try to make a record; return the answer, and how many more there are afterwards."""
    mark = f"unwanted{secrets.token_hex(6)}"
    options = {"json": chart.body(kind, mark)} if kind in MARKED else upload(mark)
    counted = kind in COUNTED
    before = len(rows(chart.listed(kind))) if counted else 0
    response = api.post(chart.collection(kind), token, **options)
    if kind == "message":  # cannot be listed
        return response, 0
    after = chart.listed(kind)
    return response, len(rows(after)) - before if counted else after.text.count(mark)


def _expect_kept(chart, record, mark, response):
    """Expect a record as it was; Blocked if the server does not even show an untouched one."""
    after = chart.shown(record)
    if mark not in after.text and chart.mark not in chart.shown(chart.record(record.kind)).text:
        line = exchange_line(after.request, after)
        raise Blocked(f"no {record.kind} is shown: {line} {after.text[:200]}")
    expect.that(mark in after.text, f"the record as before: {WHY}", "no longer there", response)
