"""The headers of FHIR writes: Prefer, conditions, formats, and the headers of the response."""

import secrets
from json import dumps

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.wire.client import json_body

pytestmark = writes


@pytest.fixture(scope="module")
def patient_update(resources, records):
    """A patient of this file, and a function that updates it."""
    mine = records.patient()

    def update(query="", **headers):
        path = f"/Patient?{query}" if query else f"/Patient/{mine.uuid}"
        body = patient_body(mine.family, mine.fields["fname"], id=mine.uuid)
        return resources.put(path, body, headers=headers)

    return mine, update


@requirement("FHIR-create-prefer")
@pytest.mark.parametrize("kind", ["minimal", "representation", "OperationOutcome"])
def test_answer_is_as_preferred(patient_update, kind):
    _, update = patient_update
    response = update(Prefer=f"return={kind}")

    expect.status(response, 200, 204)
    body = json_body(response) if response.content else {}
    wanted = {"minimal": None, "representation": "Patient", "OperationOutcome": "OperationOutcome"}
    expect.equal(body.get("resourceType"), wanted[kind], "resourceType of the response", response)


@requirement("FHIR-update-headers")
def test_answer_to_an_update_tells_the_version(resources, patient_update):
    mine, update = patient_update
    response = update()
    read = resources.get(f"/Patient/{mine.uuid}")

    expect.status(response, 200, 204)
    expect.header(response, "Last-Modified")
    version = json_body(read).get("meta", {}).get("versionId")
    if version:  # the server keeps versions, whatever the body of its response to the update
        expect.header(response, "ETag")


@requirement("FHIR-write-415")
@pytest.mark.parametrize("media_type", ["text/plain", "application/fhir+xml"])
def test_format_that_is_not_read_is_refused(api, resources, media_type):
    family = f"Created{secrets.token_hex(4)}"
    xml = f'<Patient xmlns="http://hl7.org/fhir"><name><family value="{family}"/></name></Patient>'
    content = xml if media_type.endswith("xml") else dumps(patient_body(family, "Ada"))
    headers = {"Content-Type": media_type}
    response = api.post("/fhir/Patient", resources.token, headers=headers, content=content)
    made, listed = resources.made(family)

    expect.status(response, 415, 406, 400)
    expect.equal(made, [], "patients", [response, listed])


@requirement("FHIR-conditional-unsupported")
@needs("fhir.patient_create")
def test_conditional_create_makes_no_second_patient(resources, records, patient_update):
    mine, _ = patient_update
    body = patient_body(mine.family, mine.fields["fname"])
    condition = f"_id={mine.uuid}"
    response = resources.post("/Patient", body, headers={"If-None-Exist": condition})
    listed = resources.search("Patient", {"family": mine.family})
    records.forget(mine.family)

    expect.status(response, 200, 412, 400, 501)
    expect.equal(ids(listed), [mine.uuid], "the patients of that name", [response, listed])


@requirement("FHIR-conditional-unsupported")
@needs("fhir.patient_update")
def test_conditional_update_makes_no_second_patient(resources, patient_update):
    mine, update = patient_update
    response = update(query=f"_id={mine.uuid}")

    expect.that(response.status_code != 201, "no new patient", response, response)
    expect.no_server_error(response)
    listed = resources.search("Patient", {"_id": mine.uuid})
    expect.equal(ids(listed), [mine.uuid], "the patient", [listed, response])


def patient_body(family, given, **elements):
    """Return a Patient that OpenEMR's rules accept."""
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": "female",
        "birthDate": "1985-05-05",
        **elements,
    }
