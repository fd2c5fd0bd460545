"""The OpenAPI document of the three APIs, compared with the routes of the server."""

import pytest

from conformance import expect, needs, requirement
from conformance.routes.openapi import starred
from conformance.routes.table import PREFIX, load

APIS = [
    pytest.param("rest", marks=needs("rest"), id="rest"),
    pytest.param("portal", marks=needs("portal", "patients"), id="portal"),
    pytest.param("fhir", marks=needs("fhir"), id="fhir"),
]
INTERACTIONS = {
    "GET": "search-type",
    "POST": "create",
    "GET *": "read",
    "PUT *": "update",
    "DELETE *": "delete",
    "PATCH *": "patch",
}


def known(api):
    """Return the routes of an API that the suite knows."""
    return {(route.method, starred(route.path)) for route in load(api)}


@requirement("REST-openapi-routes")
@pytest.mark.parametrize("name", APIS)
def test_openapi_document_lists_the_routes(openapi_document, route_caller, name):
    listed, routes = openapi_document.of(name), known(name)
    found, judged = [], []
    for method, path in sorted(listed ^ routes):
        is_listed = (method, path) in listed
        there, response = route_caller.has(name, method, path)
        if there != is_listed:
            words = "is listed and not there" if is_listed else "is there and not listed"
            found.append(f"{method} {path} {words}")
            judged.append(response)

    expect.that(listed, "routes below paths", "none", openapi_document.response)
    words = "differences between the document and the server"
    expect.equal(found, [], words, [openapi_document.response, *judged])


@requirement("REST-openapi-routes-closed")
@pytest.mark.parametrize("name", APIS)
def test_listed_route_is_closed_without_a_token(openapi_document, route_caller, name):
    unknown = sorted(
        openapi_document.of(name) - known(name)
    )  # the other routes are called one by one elsewhere

    for method, path in unknown:
        expect.no_data(
            route_caller.at(method, path), 401, 403, 404, because="anybody could call it"
        )


@requirement("FHIR-metadata-openapi-agree")
def test_metadata_and_openapi_document_agree(openapi_document, capability_statement):
    said = set()
    for rest in expect.member(capability_statement, "rest", kind=list):
        for resource in rest.get("resource", []):
            for each in resource.get("interaction", []):
                said.add(f"{resource.get('type')} {each.get('code')}")
    listed = set()
    for method, path in openapi_document.of("fhir"):
        kind, _, rest_of_path = path.removeprefix(f"{PREFIX['fhir']}/").partition("/")
        interaction = INTERACTIONS.get(f"{method} {rest_of_path}".strip())
        if kind[0].isupper() and interaction:
            listed.add(f"{kind} {interaction}")
    found = [f"{each} in the CapabilityStatement only" for each in sorted(said - listed)]
    found += [f"{each} in the OpenAPI document only" for each in sorted(listed - said)]

    both = [capability_statement, openapi_document.response]
    expect.equal(found, [], "interactions in one of the two documents only", both)
