"""The standard API and the FHIR API show the same records."""

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # a patient is made, and a record of each kind

#: Where a record of the standard API is, and the type and the reference to its patient in FHIR.
RECORDS = {
    "encounter": ("Encounter", "subject"),
    "allergy": ("AllergyIntolerance", "patient"),
    "medical_problem": ("Condition", "subject"),
}
CONTACTS = ["street", "city", "state", "postal_code", "country_code", "phone_home", "email"]


@pytest.fixture(scope="module")
def shown(api, staff, person):
    """The patient as the standard API shows it."""
    return api.get(person.path, staff)


@requirement("REST-fhir-contact-agree")
@pytest.mark.parametrize("name", [*CONTACTS, "pubpid"])
def test_both_apis_tell_the_same_contact(resources, shown, name):
    """The standard API and the FHIR API tell the same address, contacts and number of a patient."""
    response = resources.read("Patient")

    expect.status(shown, 200)
    expect.status(response, 200)
    value = expect.member(shown, "data", kind=dict).get(name)
    expect.that(value, f"{name} at the standard API", value, shown)
    told = contacts(expect.json_object(response))[name]
    words = f"{value!r} as at the standard API"
    expect.that(value in told, words, told, [response, shown])


@requirement("REST-fhir-records-agree")
@pytest.mark.parametrize("kind", RECORDS)
def test_both_apis_tell_the_same_record(api, staff, records, resources, person, kind):
    """A record of the standard API is the same resource at the FHIR API."""
    record = records.first(kind, person)
    resource_type, owner = RECORDS[kind]
    at_rest = api.get(record.direct, staff)
    response = resources.read(resource_type)

    expect.status(at_rest, 200)
    expect.status(response, 200)
    resource = expect.json_object(response)
    expect.equal(resource.get("id"), record.key, "id", response)
    expect.equal(
        str(resource.get(owner, {}).get("reference")), f"Patient/{person.uuid}", owner, response
    )
    told = " ".join(texts(resource))
    for value in described(json_body(at_rest), kind):
        words = f"{value!r} as at the standard API"
        expect.that(value in told, words, told, [response, at_rest])


def contacts(resource):
    """Return what a Patient tells, by the names of the standard API."""
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
    """Return what the standard API tells of a record: its day, and what it is."""
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
