"""Updates and deletes of FHIR resources that the CapabilityStatement does not declare."""

import uuid

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.given.fhir_resources import patient_body
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes

#: The interaction behind each method.
WRITES = {"PUT": "update", "DELETE": "delete"}


@pytest.fixture(scope="module")
def written_patient(records):
    """A patient of this file."""
    return records.patient()


@pytest.fixture
def update_of_an_unknown_id(resources, records):
    """The responses to an update of an unknown id, and to a read of it afterwards."""

    def send():
        key = str(uuid.uuid4())
        body = patient_body(id=key)
        response = resources.put(f"/Patient/{key}", body)
        after = resources.get(f"/Patient/{key}")
        if after.is_success:
            records.adopt(key)
        records.forget(body["name"][0]["family"])
        return response, after

    return send


@requirement("FHIR-update-unknown")
def test_update_of_an_unknown_id_is_refused(resources, update_of_an_unknown_id):
    if resources.declared["Patient"].get("updateCreate"):
        not_applicable("the server declares that an update may create a Patient (updateCreate)")
    response, after = update_of_an_unknown_id()

    expect.that(not response.is_success, "a refusal", response, response)
    expect.status(after, 404, 410)


@requirement("FHIR-update-create-201")
def test_update_that_creates_answers_created(resources, update_of_an_unknown_id):
    if not resources.declared["Patient"].get("updateCreate"):
        not_applicable("the server does not declare that an update may create a Patient")
    response, after = update_of_an_unknown_id()
    if response.is_client_error and not after.is_success:
        not_applicable("the server did not create this Patient")

    expect.status(response, 201)
    expect.status(after, 200)


@requirement("FHIR-write-not-supported")
@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("kind", ["Encounter", "AllergyIntolerance", "Condition", "Patient"])
def test_write_that_is_not_offered_is_refused(api, resources, written_patient, kind, method):
    if WRITES[method] in resources.interactions(kind):
        not_applicable(f"the server declares the interaction {WRITES[method]} of {kind}")
    key = written_patient.uuid if kind == "Patient" else resources.key(kind)
    before = resources.get(f"/{kind}/{key}")
    expect.status(before, 200)
    body = json_body(before)
    response = api.request(method, f"/fhir/{kind}/{key}", resources.token, json=body)
    after = resources.get(f"/{kind}/{key}")

    refused(response)
    both = [after, response]
    expect.equal(json_body(after).get("id"), body.get("id"), "the resource", both)


@requirement("FHIR-write-not-supported")
@needs("fhir.patient_update")
def test_update_without_an_id_in_its_url_changes_nothing(resources, written_patient):
    before = resources.body(written_patient)
    body = patient_body(id=written_patient.uuid, birthDate="1999-09-09")
    response = resources.put("/Patient", body)
    after, read = resources.shown(written_patient)

    refused(response)
    expect.equal(after.get("birthDate"), before.get("birthDate"), "birthDate", [read, response])


def refused(response):
    """Expect a refusal: a 4xx, or 501 for what the server does not implement."""
    __tracebackhide__ = True
    right = response.is_client_error or response.status_code == 501
    expect.that(right, "a status of 4xx, or 501", response, response)
