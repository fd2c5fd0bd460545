"""Reading FHIR resources that exist, and ids and types that do not."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import STAFF_TYPES, found
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # the patient whose data is read is made by the run

READ = ["Patient", "Encounter", "AllergyIntolerance", "Condition", "Appointment", "Organization"]
TYPES = [*READ, *(kind for kind in STAFF_TYPES if kind not in {*READ, "Medication"})]
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MALFORMED = {
    "word": "not-a-uuid",
    "quote": "1%27",
    "long": "a" * 300,
    "blank": "a%20b",
    "unicode": "%E5%BC%A0",
}


@requirement("FHIR-read-200")
@pytest.mark.parametrize("kind", READ)
def test_resource_is_read(resources, kind):
    response = resources.read(kind)

    expect.status(response, 200)
    expect.equal(expect.member(response, "resourceType"), kind, "resourceType", response)
    expect.equal(expect.member(response, "id"), resources.key(kind), "id", response)


@requirement("OPENEMR-FHIR-uuid-ids")
@pytest.mark.parametrize("kind", READ)
def test_id_is_the_uuid_of_the_record(resources, kind):
    response = resources.read(kind)

    expect.status(response, 200)
    key = expect.member(response, "id", kind=str)
    expect.equal(key, str(uuid.UUID(resources.key(kind))), "id", response)


@requirement("FHIR-read-search-agree")
@pytest.mark.parametrize("kind", READ)
def test_search_by_id_gives_what_read_gives(resources, kind):
    response = resources.search(kind, {"_id": resources.key(kind)})

    answer = resources.read(kind)
    read = json_body(answer)
    matches = found(response)
    expect.equal(len(matches), 1, "the number of matches", response)
    for one in (read, matches[0]):
        one.get("meta", {}).pop("lastUpdated", None)
    expect.equal(matches[0], read, "the match", [response, answer])


@requirement("FHIR-read-unknown-404")
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.usefixtures("fhir_api_control")
def test_unknown_id_is_not_found(resources, kind):
    resources.need_interaction(kind, "read")
    response = resources.get_once(f"/{kind}/{UNKNOWN}")

    expect.status(response, 404)


@requirement("FHIR-read-bad-id")
@pytest.mark.parametrize("malformed", MALFORMED)
@pytest.mark.parametrize("kind", ["Patient", "Encounter", "Observation", "Organization"])
@pytest.mark.usefixtures("fhir_api_control")
def test_malformed_id_is_refused(resources, kind, malformed):
    resources.need_interaction(kind, "read")
    response = resources.get_once(f"/{kind}/{MALFORMED[malformed]}")

    expect.refused(response)


@requirement("FHIR-unknown-resource-404")
@pytest.mark.parametrize("kind", ["Nothing", "Nowhere", "patient"])
@pytest.mark.usefixtures("fhir_api_control")
def test_unknown_type_is_not_found(resources, kind):
    response = resources.get_once(f"/{kind}")

    expect.status(response, 404)


@requirement("FHIR-error-operationoutcome")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/Patient/{UNKNOWN}", id="unknown_id"),
        pytest.param("/Patient/not-a-uuid", id="malformed_id"),
        pytest.param("/Nothing", id="unknown_type"),
        pytest.param(f"/Encounter/{UNKNOWN}", id="unknown_encounter"),
    ],
)
def test_error_carries_an_operation_outcome(resources, path):
    response = resources.get_once(path)

    expect.refused(response)
    expect.schema(response, "operation_outcome")


@requirement("FHIR-error-operationoutcome")
def test_refused_token_carries_an_operation_outcome(api, shared_patient):
    response = api.get(f"/fhir/Patient/{shared_patient.uuid}", "garbage")

    expect.status(response, 401)
    expect.schema(response, "operation_outcome")


@requirement("FHIR-405-allow")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/metadata", "/Location/{unknown}"])
def test_refused_method_comes_with_those_that_are_allowed(api, resources, path, method):
    path = path.format(unknown=UNKNOWN)
    response = api.request(method, f"/fhir{path}", resources.token)
    if response.status_code != 405:
        not_applicable("the server does not answer with 405")

    expect.header(response, "Allow")


@requirement("FHIR-last-modified")
def test_read_tells_the_time_of_the_last_change(resources):
    response = resources.read("Patient")

    expect.status(response, 200)
    expect.header(response, "Last-Modified")


@requirement("FHIR-head")
@pytest.mark.parametrize("path", ["/metadata", "/Patient", "/Patient/{key}"])
def test_head_works_where_get_does(api, resources, path):
    path = path.format(key=resources.key("Patient"))
    response = api.request("HEAD", f"/fhir{path}", resources.token)

    expect.status(response, 200, 405, 501)
    expect.equal(response.content, b"", "the body", response)
