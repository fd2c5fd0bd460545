"""Authorization requests that try to break something: they are refused, and without effect."""

import re
import uuid

import pytest

from conformance import expect, requirement
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.given.authorizations import REFUSABLE
from fixtures.target.model import not_applicable
from fixtures.wire.client import NoResponse
from fixtures.wire.exchanges import record_exchanges

INJECTED = "a\r\nX-Injected: yes\r\nSet-Cookie: injected=yes\r\n\r\n<b>injected</b>"
PARAMETERS = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "aud",
    "launch",
    "prompt",
    "login_hint",
    "code_challenge",
    "code_challenge_method",
]
#: The characters that RFC 6749 permits in error and error_description.
PERMITTED = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")
ODD = 'nope"\\é\r\n<x>'


@pytest.fixture(scope="module")
def login_client(pooled_clients):
    """A public client; no check finishes a login with it."""
    return pooled_clients.public(SCOPE)


@pytest.fixture(scope="module")
def second_client(registrar):
    """Another public client."""
    return registrar.public(SCOPE, redirect_uris=["https://other.example.org/cb"])


@requirement("RFC6749-3.1-parameter-repeated")
@pytest.mark.parametrize(
    "name", ["client_id", "response_type", "scope", "state", "code_challenge", "nonce", "aud"]
)
@pytest.mark.usefixtures("authorization_control")
def test_repeated_parameter_is_refused(login_client, second_client, browser, target, name):
    second = {
        "client_id": second_client.client_id,
        "response_type": "code",
        "scope": "openid",
        "state": "second",
        "code_challenge": "x" * 43,
        "nonce": "second",
        "aud": target.fhir_url,
    }[name]
    request = browser.request(login_client, SCOPE)
    request |= {"nonce": "first", "aud": target.fhir_url}
    page = browser.http.get(
        browser.server.endpoint("authorization_endpoint"), params=[*request.items(), (name, second)]
    )
    page = browser.follow_redirects(page)

    asks = page.status_code == 200 and "password" in page.text
    expect.that(not asks, "a refusal", "the login page", page)
    expect.no_server_error(page)


@requirement("AUTH-no-header-injection")
@pytest.mark.parametrize("name", PARAMETERS)
def test_line_break_begins_no_header(login_client, browser, name):
    with record_exchanges() as exchanges:
        browser.open(login_client, SCOPE, parameters={name: INJECTED})

    for response in (each.response for each in exchanges if each.response is not None):
        expect.no_server_error(response)
        not_injected(response)


@requirement("AUTH-no-header-injection")
def test_line_break_in_the_state_stays_in_it(new_client, browser, admin):
    client = new_client.public(SCOPE)
    answer = browser.authorize(client, admin, SCOPE, parameters={"state": INJECTED})

    expect.no_server_error(answer.response)
    not_injected(answer.response)
    if "code" in answer.parameters:
        expect.equal(answer.parameters.get("state"), INJECTED, "state", answer.response)


def not_injected(response):
    """Expect no header and no cookie of the request in the response."""
    expect.header(response, "X-Injected", absent=True)
    cookies = response.headers.get("set-cookie", "")
    expect.that("injected=" not in cookies, "no injected cookie", cookies, response)
    html = "html" in response.headers.get("content-type", "")
    shown = html and "<b>injected" in response.text
    expect.that(not shown, "escaped input", response.text, response)


@requirement("RFC6749-4.1.2-response-mode")
@pytest.mark.parametrize("mode", ["web_message", "query.jwt"])
@pytest.mark.usefixtures("authorization_control")
def test_unsupported_response_mode_leads_no_code_astray(
    discovery, authorization_with_refusable_parameters, shared_authorization, mode
):
    if mode in expect.json_object(discovery).get("response_modes_supported", []):
        not_applicable(f"the server supports the response mode {mode}")
    answer = authorization_with_refusable_parameters if mode == REFUSABLE["response_mode"] else None
    if answer is None:
        _, answer = shared_authorization(response_mode=mode)

    refused = answer.response.is_client_error or "error" in answer.parameters
    came = f"{answer.response.status_code} {sorted(answer.parameters)}"
    right = refused or "code" in answer.parameters
    expect.that(right, "a refusal, or a code in the query", came, answer.response)


@requirement("RFC6749-4.1.2.1-error-charset")
@pytest.mark.parametrize("name", ["scope", "response_type", "code_challenge_method", "aud"])
def test_error_has_only_permitted_characters(new_client, browser, admin, name):
    client = new_client.public(SCOPE)
    answer = browser.authorize(client, admin, SCOPE, parameters={name: ODD})

    expect.no_server_error(answer.response)
    said = answer.parameters or json_of(answer.response)
    for member in ("error", "error_description"):
        value = str(said.get(member, ""))
        expect.that(PERMITTED.fullmatch(value), "permitted characters", value, answer.response)


def json_of(response):
    """Return the JSON object of a refusal that is not a redirect, or an empty one."""
    if "json" not in response.headers.get("content-type", ""):
        return {}
    return expect.json_object(response)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize("name", PARAMETERS)
def test_list_in_place_of_a_value_causes_no_server_error(login_client, browser, name):
    value = browser.request(login_client, SCOPE).get(name) or "x"
    page = browser.open(login_client, SCOPE, parameters={name: None, f"{name}[]": value})

    expect.no_server_error(page)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/xml", "text/plain", "multipart/form-data", "x/\x7f"],
    ids=["json", "xml", "text", "multipart", "odd"],
)
@pytest.mark.parametrize("content", ["{}", "client_id=x&x", ""], ids=["object", "form", "empty"])
def test_odd_body_causes_no_server_error(http, server, media_type, content):
    headers = {"Content-Type": media_type}
    try:
        response = http.post(
            server.endpoint("authorization_endpoint"), content=content, headers=headers
        )
    except NoResponse:
        if media_type.isprintable():
            raise
        not_applicable("the server ends the connection of a request whose header is malformed")

    expect.no_server_error(response)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize("name", ["state", "scope", "unknown"])
def test_huge_value_causes_no_server_error(login_client, browser, name):
    request = browser.request(login_client, SCOPE) | {name: "x" * 50_000}
    page = browser.follow_redirects(browser.send(request, method="POST"))

    expect.no_server_error(page)


@requirement("OIDCC-6.2-request-uri")
def test_strange_request_uri_is_not_fetched(listener, login_client, browser):
    path = f"/{uuid.uuid4().hex}.jwt"
    page = browser.open(login_client, SCOPE, parameters={"request_uri": listener.publish(path, {})})

    expect.no_server_error(page)
    expect.that(path not in listener.hits, "no request to that address", "one", page)


@requirement("RFC9207-2-iss-parameter")
@pytest.mark.parametrize("outcome", ["code", "error"])
def test_iss_of_the_answer_is_the_issuer(shared_authorization, discovery, outcome):
    wishes = {"prompt": "none"} if outcome == "error" else {}
    client, answer = shared_authorization(**wishes)

    told = expect.json_object(discovery)
    given = expect.redirect(answer.response, to=client.redirect_uri)
    announced = told.get("authorization_response_iss_parameter_supported") is True
    if not announced and "iss" not in given:
        not_applicable("the server neither announces nor sends iss")
    expect.equal(given.get("iss"), told["issuer"], "iss", answer.response)
