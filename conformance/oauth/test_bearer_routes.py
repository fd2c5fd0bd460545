"""Calls of the APIs: challenges, and cookies in addition to a token."""

import re

import pytest

from conformance import APIS, challenges, expect, needs, requirement
from fixtures.driver import portal_pages
from fixtures.given.sessions import API_PATHS
from fixtures.target.model import not_applicable
from fixtures.wire.client import Http
from fixtures.wire.exchanges import record_exchanges

#: The characters that RFC 6750 section 3 permits in errors and scopes.
VALUE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
#: A protected path is refused, hidden, or has no such method (RFC 9110 section 15.5.6).
REFUSALS = (401, 403, 404, 405)
OPEN = (200, *REFUSALS)
#: Paths in addition to the routes that need a token, with the allowed statuses: paths that clients
#: try, which may be open, and paths that do not exist.
ADDRESSES = [
    pytest.param("", OPEN, id="root"),
    pytest.param("/api/version", OPEN, marks=needs("rest"), id="version"),
    pytest.param("/api/product", OPEN, marks=needs("rest"), id="product"),
    pytest.param("/api/nothing", REFUSALS, marks=needs("rest"), id="unknown_route"),
    pytest.param("/fhir/Nothing", REFUSALS, marks=needs("fhir"), id="unknown_type"),
    pytest.param(
        "/fhir/OperationDefinition/$bulkdata-status", OPEN, marks=needs("fhir"), id="operation"
    ),
    pytest.param("/fhir/.well-known/openid-configuration", OPEN, marks=needs("fhir"), id="openid"),
]


@requirement("RFC6750-3-challenge-syntax")
@pytest.mark.parametrize("why", ["no_token", "garbage", "scope"])
@pytest.mark.parametrize("name", APIS)
def test_challenge_is_well_formed(api, tokens, name, why):
    token = {
        "no_token": lambda: None,
        "garbage": lambda: "no-token-at-all",
        "scope": lambda: tokens.staff("openid api:oemr api:fhir user/facility.read"),
    }[why]()
    response = api.get(API_PATHS[name][0], token)

    expect.refused(response)
    for field in response.headers.get_list("www-authenticate"):
        found = challenges.parse(field)
        expect.that(found is not None, "well-formed challenges", field, response)
        for scheme, parameters in found or []:
            names = [name for name, _ in parameters]
            once = len({*names}) == len(names)
            # RFC 6750 section 3: a Bearer challenge has parameters.
            right = scheme != "bearer" or (names and once and _permitted(parameters))
            expect.that(right, "Bearer with parameters, each once", field, response)


def _permitted(parameters):
    """Return whether values have the characters that RFC 6750 section 3 permits."""
    return all(
        VALUE.fullmatch(value)
        for name, value in parameters
        if name in {"error", "error_description", "error_uri", "scope"}
    )


@requirement("API-no-token-any-address")
@pytest.mark.parametrize(("path", "allowed"), ADDRESSES)
def test_address_answers_who_has_no_token(api, path, allowed):
    response = api.get(path)

    expect.status(response, *allowed)


@requirement("OPENEMR-REG-10404-portal-cookie")
def test_token_counts_beside_a_portal_cookie(target, transport, tokens, patient, other_patient):
    browser = Http(transport, cookies=True)
    if portal_pages.landing_page(target, browser).status_code == 404:
        not_applicable("there are no portal pages that could set a cookie")
    with record_exchanges() as login:
        portal_pages.first_login(target, browser, patient, patient.password)
    path, scope = API_PATHS["portal"]
    token = tokens.other_patient(scope)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    response = browser.get(target.api_url + path, headers=headers)

    expect.that(browser.cookies, "a cookie of the portal", "none", login[::-1])
    expect.status(response, 200)
    who = {patient.uuid: "the patient of the cookie", other_patient.uuid: "that of the token"}
    shown = [words for uuid, words in who.items() if uuid in response.text]
    expect.equal(shown, ["that of the token"], "the patient in the response", response)
