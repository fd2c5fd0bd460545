"""The CapabilityStatement of the FHIR server, and the formats of its responses."""

import pytest

from conformance import expect, requirement, writes
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

JSON = "application/fhir+json"


@requirement("FHIR-metadata-public")
def test_metadata_is_public(capability_statement):
    response = capability_statement

    expect.status(response, 200)
    kind = expect.member(response, "resourceType")
    expect.equal(kind, "CapabilityStatement", "resourceType", response)
    expect.equal(expect.member(response, "fhirVersion"), "4.0.1", "fhirVersion", response)
    expect.equal(expect.member(response, "kind"), "instance", "kind", response)


@requirement("FHIR-metadata-valid")
def test_metadata_has_its_required_elements(capability_statement):
    expect.schema(capability_statement, "capability_statement")


@requirement("FHIR-metadata-valid")
def test_metadata_names_a_type_once(capability_statement):
    types = [one.get("type") for one in declared(capability_statement)]

    doubled = sorted({one for one in types if types.count(one) > 1})
    expect.that(not doubled, "each type once (cpb-9)", doubled, capability_statement)


@requirement("FHIR-metadata-valid")
def test_metadata_names_a_search_parameter_once(capability_statement):
    doubled = []
    for one in declared(capability_statement):
        names = [parameter.get("name") for parameter in one.get("searchParam", [])]
        doubled += [f"{one.get('type')}.{name}" for name in set(names) if names.count(name) > 1]

    expect.that(not doubled, "each parameter once (cpb-12)", doubled, capability_statement)


@requirement("FHIR-metadata-routes-match")
@writes
def test_declared_types_can_be_searched(capability_statement, compartment):
    answers = {kind: compartment.search(kind) for kind in compartment.types}

    failed = {kind: one for kind, one in answers.items() if one.status_code != 200}
    expect.that(answers, "types to search", "none", capability_statement)
    received = [f"{kind}: {one.status_code}" for kind, one in failed.items()]
    judged = [*failed.values(), capability_statement]
    expect.that(not failed, "every declared search to work", received, judged)


@requirement("OPENEMR-FHIR-metadata-public")
@pytest.mark.parametrize(
    "path", ["/fhir/OperationDefinition", "/fhir/.well-known/smart-configuration"]
)
def test_document_is_public(api, capability_statement, path):
    need_operations(capability_statement, path)
    response = api.get(path)

    expect.status(response, 200)
    expect.that(expect.json_object(response), "a document", response.text, response)


@requirement("OPENEMR-FHIR-metadata-public")
def test_listed_operations_are_public(api, capability_statement):
    need_operations(capability_statement, "/fhir/OperationDefinition")
    listed = api.get("/fhir/OperationDefinition")
    expect.status(listed, 200)
    entries = json_body(listed).get("entry") or []
    first = (entries or [{}])[0].get("resource", {})
    key = first.get("id") or first.get("name")
    expect.that(key, "an operation with an id or a name", entries, listed)
    response = api.get(f"/fhir/OperationDefinition/{key}")

    expect.status(response, 200)


@requirement("FHIR-metadata-json")
def test_metadata_has_the_media_type_asked_for(capability_statement):
    expect.status(capability_statement, 200)
    expect.media_type(capability_statement, JSON)


@requirement("FHIR-metadata-json")
@writes
@pytest.mark.parametrize("case", ["read", "search"])
def test_answer_has_the_media_type_asked_for(resources, case):
    response = {
        "read": lambda: resources.read("Patient"),
        "search": lambda: resources.search("Patient", {"_count": "1"}),
    }[case]()

    expect.status(response, 200)
    expect.media_type(response, JSON)


@requirement("FHIR-accept-406")
@writes
@pytest.mark.parametrize("accept", ["image/png", "application/fhir+xml"])
def test_media_type_that_is_not_there_is_refused(resources, accept):
    response = resources.search("Patient", {"_count": "1"}, headers={"Accept": accept})

    real = "xml" in accept and response.content.lstrip()[:1] == b"<"
    expect.that(real or response.status_code == 406, "406", response.status_code, response)


def need_operations(response, path):
    """Skip the check of a list of operations if the server does not declare one."""
    types = {one.get("type") for one in declared(response)}
    if path.endswith("/OperationDefinition") and "OperationDefinition" not in types:
        not_applicable("the server does not declare OperationDefinition")


def declared(response):
    """Return the resources that the CapabilityStatement declares."""
    rest = expect.member(response, "rest", kind=list)
    return [one for each in rest for one in each.get("resource", [])]
