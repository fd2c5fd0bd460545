"""The standard API and the FHIR API show the same records."""

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # a patient is made, and a record of each kind

#: The FHIR type of a record of the standard API, and the element that refers to its patient.
RECORDS = {
    "encounter": ("Encounter", "subject"),
    "allergy": ("AllergyIntolerance", "patient"),
    "medical_problem": ("Condition", "subject"),
}
CONTACTS = ["street", "city", "state", "postal_code", "country_code", "phone_home", "email"]


@pytest.fixture(scope="module")
def rest_patient_response(api, staff_token, shared_patient):
    """The response of the standard API with the patient."""
    return api.get(shared_patient.path, staff_token)


@requirement("REST-fhir-contact-agree")
@pytest.mark.parametrize("name", [*CONTACTS, "pubpid"])
def test_both_apis_tell_the_same_contact(resources, rest_patient_response, name):
    response = resources.read("Patient")

    expect.status(rest_patient_response, 200)
    expect.status(response, 200)
    value = expect.member(rest_patient_response, "data", kind=dict).get(name)
    expect.that(value, f"{name} at the standard API", value, rest_patient_response)
    told = contacts(expect.json_object(response))[name]
    words = f"{value!r} as at the standard API"
    expect.that(value in told, words, told, [response, rest_patient_response])


@requirement("REST-fhir-records-agree")
@pytest.mark.parametrize("kind", RECORDS)
def test_both_apis_tell_the_same_record(api, staff_token, records, resources, shared_patient, kind):
    record = records.first(kind, shared_patient)
    resource_type, owner = RECORDS[kind]
    at_rest = api.get(record.direct, staff_token)
    response = resources.read(resource_type)

    expect.status(at_rest, 200)
    expect.status(response, 200)
    resource = expect.json_object(response)
    expect.equal(resource.get("id"), record.key, "id", response)
    expect.equal(
        str(resource.get(owner, {}).get("reference")),
        f"Patient/{shared_patient.uuid}",
        owner,
        response,
    )
    told = " ".join(texts(resource))
    for value in described(json_body(at_rest), kind):
        words = f"{value!r} as at the standard API"
        expect.that(value in told, words, told, [response, at_rest])


def contacts(resource):
    """Return the contact data of a Patient, by the names of the standard API."""
    addresses = resource.get("address", [])
    telecom = [one.get("value") for one in resource.get("telecom", [])]
    return {
        "street": [line for one in addresses for line in one.get("line", [])],
        "city": [one.get("city") for one in addresses],
        "state": [one.get("state") for one in addresses],
        "postal_code": [one.get("postalCode") for one in addresses],
        "country_code": [one.get("country") for one in addresses],
        "phone_home": telecom,
        "email": telecom,
        "pubpid": [one.get("value") for one in resource.get("identifier", [])],
    }


def described(body, kind):
    """Return the day and the description of a record of the standard API."""
    data = body.get("data", body)
    data = data[0] if isinstance(data, list) else data
    if kind == "encounter":
        return [str(data["date"])[:10], str(data["reason"])]
    return [str(data["title"])] + ([str(data["begdate"])[:10]] if data.get("begdate") else [])


def texts(value):
    """Return all texts in a resource."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [text for one in inner for text in texts(one)]
    return [value] if isinstance(value, str) else []
