"""The standard API: what it refuses, and how."""

import uuid
from functools import cache

import pytest

from conformance import expect, requirement, writes
from conformance.watch.disclosure import DATABASE
from fixtures.driver.record_kinds import DELETABLE, KINDS
from fixtures.wire.client import json_body

pytestmark = writes  # what is refused could be created

INVALID = [
    "patient",
    "facility",
    "practitioner",
    "encounter",
    *DELETABLE,
    "message",
    "transaction",
    "insurance",
    "insurance_company",
]
READ = [
    "patient",
    "facility",
    "practitioner",
    "user",
    "allergy",
    "medical_problem",
    "immunization",
    "procedure",
    "drug",
    "prescription",
    "patient_encounter",
    "patient_allergy",
    "patient_medical_problem",
]
MALFORMED = {
    "word": "abc",
    "zero": "0",
    "negative": "-1",
    "quote": "1%27",
    "long": "a" * 300,
    "uuid_and_more": "00000000-0000-4000-8000-000000000000x",
}
#: Signs of the internals of a server: PHP paths, classes, and SQL.
INTERNALS = (".php", "\\Uuid", "SELECT ", "Stack trace", "on line ", *DATABASE)


@pytest.fixture
def collection_path(records, shared_patient):
    """The path to which a record is posted: `collection_path(name)`."""

    def of(name):
        if name == "insurance":
            return f"{shared_patient.path}/insurance"
        own = {"patient", "facility", "practitioner", "insurance_company"}
        return f"/api/{name}" if name in own else records.collection(name, shared_patient)

    return of


@pytest.fixture(scope="module")
def response_to_unknown_id(api, staff_token, shared_patient):
    """The response to reading a resource with an id that does not exist, sent once."""

    def read(name, key):
        below, _, sub = name.partition("_")
        nested = below == "patient" and sub
        path = f"{shared_patient.path}/{sub}/{key}" if nested else f"/api/{name}/{key}"
        return api.get(path, staff_token)

    return cache(read)


@requirement("REST-envelope-validation")
@pytest.mark.parametrize("name", INVALID)
def test_empty_body_is_refused_with_its_fields(api, staff_token, collection_path, name):
    response = api.post(collection_path(name), staff_token, json={})

    body = expect.json_object(response)
    wrong = body.get("validationErrors", body)
    expect.status(response, 400, 422)
    expect.that(isinstance(wrong, dict) and wrong, "the wrong fields", wrong, response)
    expect.that(not body.get("data"), "no data", body.get("data"), response)


@requirement("REST-envelope-validation")
@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        pytest.param("patient", "DOB", "yesterday", id="patient-DOB"),
        pytest.param("patient", "email", "nobody", id="patient-email"),
        pytest.param("allergy", "begdate", "yesterday", id="allergy-begdate"),
        pytest.param("medical_problem", "begdate", "yesterday", id="medical_problem-begdate"),
        pytest.param("encounter", "class_code", "A", id="encounter-class_code"),
    ],
)
def test_wrong_value_is_refused_with_its_field(
    api, staff_token, records, shared_patient, collection_path, name, field, value
):
    body = records.body() if name == "patient" else KINDS[name].body
    response = api.post(collection_path(name), staff_token, json=body | {field: value})
    if name == "patient":
        records.forget(body["lname"])

    expect.status(response, 400, 422)
    wrong = expect.member(response, "validationErrors", kind=dict)
    expect.contains(list(wrong), field, "validationErrors", response)


@requirement("REST-404-unknown-id")
@pytest.mark.parametrize("name", READ)
def test_unknown_id_is_refused(response_to_unknown_id, name):
    response = response_to_unknown_id(name, uuid.uuid4())

    expect.status(response, 404, 400)
    hidden = not response.content or _shows_nothing(response)
    expect.that(hidden, "no record", response.text, response)


@requirement("REST-malformed-id-4xx")
@pytest.mark.parametrize("malformed", MALFORMED)
@pytest.mark.parametrize(
    "name", ["patient", "facility", "practitioner", "user", "allergy", "medical_problem"]
)
def test_malformed_id_is_refused(response_to_unknown_id, name, malformed):
    response = response_to_unknown_id(name, MALFORMED[malformed])

    expect.refused(response)
    hidden = not response.content or _shows_nothing(response)
    expect.that(hidden, "no record", response.text, response)


@requirement("REST-no-internals")
@pytest.mark.parametrize(
    "name", ["patient", "allergy", "medical_problem", "user", "drug", "procedure"]
)
def test_error_shows_nothing_of_the_inside(response_to_unknown_id, name):
    response = response_to_unknown_id(name, "abc")

    found = [word for word in INTERNALS if word in response.text]
    expect.that(not found, "no internals in the error", found, response)


@requirement("REST-404-unknown-route")
@pytest.mark.parametrize("path", ["/api/nothing", "/api/patient/1/nothing/1"])
@pytest.mark.usefixtures("standard_api_control")
def test_unknown_route_is_not_found(api, staff_token, path):
    response = api.get(path, staff_token)

    expect.status(response, 404)


@requirement("REST-bad-json-400")
@pytest.mark.parametrize("name", ["patient", "allergy", "appointment"])
@pytest.mark.parametrize("body", ["{", '"text"', "[1]"], ids=["cut_off", "text", "array"])
def test_body_that_is_no_json_object_is_refused(api, staff_token, collection_path, name, body):
    headers = {"Content-Type": "application/json"}
    response = api.post(collection_path(name), staff_token, content=body, headers=headers)

    expect.status(response, 400, 422)


@requirement("REST-405-wrong-method")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_wrong_method_is_refused(api, staff_token, method):
    response = api.request(method, "/api/patient", staff_token, json={})

    expect.status(response, 405)
    expect.header(response, "Allow", contains="GET")


def _shows_nothing(response):
    """Return whether an error has no data."""
    body = json_body(response)
    return not body if not isinstance(body, dict) else not body.get("data")
