"""The CapabilityStatement is true: the server has what it declares, and nothing else."""

import re
import uuid
from typing import Any

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import DOCUMENTED_TYPES, LATER_TYPES, found, ids
from fixtures.given.patient_compartment import SHARED
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # the patient whose data is searched is made by the run

#: Types that OpenEMR writes, and so might delete as well.
DELETED = {"DocumentReference", "Observation", "Organization", "Practitioner"}
#: Values that no resource has, by the type of the parameter.
NOBODYS = {
    "reference": "00000000-0000-4000-8000-000000000000",
    "date": "lt1800-01-01",
    "string": "Nobodyatall",
    "token": "nobodyatall",
}
#: The place of a parameter's value in a resource, for the parameters that are searched with it.
PLACES = {
    "address": "address.0.line.0",
    "address-city": "address.0.city",
    "address-postalcode": "address.0.postalCode",
    "address-state": "address.0.state",
    "authoredon": "authoredOn",
    "birthdate": "birthDate",
    "category": "category.0.coding.0.code",
    "clinical-status": "clinicalStatus.coding.0.code",
    "code": "code.coding.0.code",
    "email": "telecom.email",
    "family": "name.0.family",
    "gender": "gender",
    "given": "name.0.given.0",
    "identifier": "identifier.0.value",
    "intent": "intent",
    "name": "name.0.family",
    "onset-date": "onsetDateTime",
    "phone": "telecom.phone",
    "status": "status",
    "title": "title",
}
DATES = {"Appointment": "start", "Encounter": "period.start", "Observation": "effectiveDateTime"}


@pytest.fixture
def declared_type(compartment):
    """The declaration of a type; not applicable if the type is not declared."""

    def of(kind):
        if kind not in compartment.types:
            not_applicable(f"the server does not declare a search for {kind}")
        return compartment.declared[kind]

    return of


@requirement("FHIR-metadata-searchparams-match")
@pytest.mark.parametrize("kind", DOCUMENTED_TYPES + LATER_TYPES)
def test_declared_search_parameters_filter(compartment, declared_type, capability_statement, kind):
    types = {one["name"]: one["type"] for one in declared_type(kind).get("searchParam", [])}
    shared = kind in SHARED  # no resource of these types is about the patient
    own = {"patient": compartment.person.uuid} if "patient" in types and not shared else {}
    key, there = own_values(compartment, kind, types)
    has = found_among(compartment, key)
    together = compartment.get(f"/{kind}", params=own | there) if there else None
    questions = [
        (name, {name: nobodys(name, kind_of)}, empty, "an empty Bundle")
        for name, kind_of in types.items()
        if name != "active"  # every value of it is there
    ]
    if together and not (together.status_code == 200 and has(together)):
        also = f"also {kind}/{key}"  # each parameter by itself
        questions += [(name, own | {name: value}, has, also) for name, value in there.items()]
    wrong, failed = [], []
    for name, params, fits, words in questions:
        response = compartment.get(f"/{kind}", params=params)
        if response.status_code != 200 or not fits(response):
            said = f"{response.status_code}, {len(found(response))} found"
            wrong.append(f"{name}={params[name]}: {said}, expected {words}")
            failed.append(response)

    judged = [*failed, capability_statement]
    expect.that(not wrong, "every declared parameter to filter", "; ".join(wrong), judged)


@requirement("FHIR-metadata-writes-match")
def test_declared_writes_are_served(compartment, resources, capability_statement):
    missing, failed = [], []
    for kind, said in compartment.declared.items():
        codes = {one.get("code") for one in said.get("interaction", [])}
        body = {"resourceType": "Nothing"}  # not a resource, so that nothing is written
        if "create" in codes:
            response = resources.post(f"/{kind}", body)
            if response.status_code in {404, 405, 501}:
                missing.append(f"create {kind}: {response.status_code}")
                failed.append(response)
        if "update" in codes:
            response = resources.put(f"/{kind}/{uuid.uuid4()}", body)
            if response.status_code in {405, 501}:
                missing.append(f"update {kind}: {response.status_code}")
                failed.append(response)

    judged = [*failed, capability_statement]
    expect.that(not missing, "every declared write to be served", "; ".join(missing), judged)


@requirement("FHIR-metadata-undeclared-refused")
@pytest.mark.parametrize("interaction", ["create", "delete"])
@pytest.mark.usefixtures("fhir_api_control")
def test_undeclared_writes_are_refused(api, compartment, capability_statement, interaction):
    done, accepted = [], []
    for kind, said in compartment.declared.items():
        if {"code": interaction} in said.get("interaction", []):
            continue
        if interaction == "delete" and kind not in DELETED:
            continue  # one request per type is enough, and all other types are tried with create
        path = f"/fhir/{kind}" if interaction == "create" else f"/fhir/{kind}/{uuid.uuid4()}"
        method = {"create": "POST", "delete": "DELETE"}[interaction]
        body = {"json": {"resourceType": kind}} if interaction == "create" else {}
        response = api.request(method, path, compartment.token, **body)
        if not response.is_client_error and response.status_code != 501:
            done.append(f"{interaction} {kind}: {response.status_code}")
            accepted.append(response)

    judged = [*accepted, capability_statement]
    expect.that(not done, "every undeclared write to be refused", "; ".join(done), judged)


@requirement("OPENEMR-FHIR-readme-resources")
@pytest.mark.parametrize("kind", DOCUMENTED_TYPES)
def test_documented_type_is_served(compartment, capability_statement, kind):
    types = compartment.types
    expect.that(kind in types, f"a search of {kind} to be offered", types, capability_statement)
    response = compartment.search(kind)

    expect.status(response, 200)
    expect.equal(expect.member(response, "resourceType"), "Bundle", "resourceType", response)


@requirement("USCORE-supported-profiles")
def test_profiles_of_us_core_are_declared(compartment, capability_statement):
    named = {
        str(profile).partition("|")[0].rpartition("/")[2]
        for said in compartment.declared.values()
        for profile in said.get("supportedProfile", [])
    }
    others = {one for one in named if one.startswith("us-core-")} - {"us-core-patient"}

    words = "us-core-patient and at least one other profile"
    right = "us-core-patient" in named and others
    expect.that(right, words, sorted(named), capability_statement)


def nobodys(name, kind_of):
    """Return a value that no resource has, for a parameter of a type."""
    return NOBODYS["reference"] if name == "_id" else NOBODYS.get(kind_of, "nobodyatall")


def own_values(compartment, kind, types):
    """Return the id of one resource, and its values by parameter; no values without one."""
    first = compartment.resources(kind)[:1]
    one: dict[str, Any] = next((each for each in first if each.get("resourceType") == kind), {})
    values = {}
    for name, kind_of in types.items():
        place = DATES.get(kind, "date") if name == "date" else PLACES.get(name, "-")
        value = value_at(one, place)
        if value is None and name == "name":
            value = one.get("name") if isinstance(one.get("name"), str) else None
        if value is not None:
            values[name] = value[:10] if kind_of == "date" else value
    return one.get("id"), values


def found_among(compartment, key):
    """Return a predicate: whether a search has the resource of an id among its matches."""
    return lambda response: key in compartment.all_ids(response)


def empty(response):
    """Return whether an answer is a Bundle without a match."""
    if "json" not in response.headers.get("content-type", ""):
        return False
    bundle = json_body(response) or {}
    return bundle.get("resourceType") == "Bundle" and not ids(response)


def value_at(resource, place):
    """Return the text at a path in a resource, such as `name.0.family` or `telecom.email`."""
    value = resource
    for part in place.split("."):
        if isinstance(value, list) and not re.fullmatch(r"\d+", part):
            value = next((one["value"] for one in value if one.get("system") == part), None)
        elif isinstance(value, list):
            value = value[int(part)] if len(value) > int(part) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value else None
