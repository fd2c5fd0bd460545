"""Authorization requests that were made to break something: refused, and nothing comes of them."""

import re
import uuid

import pytest

from conformance import expect, requirement
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.given.authorizations import REFUSABLE
from fixtures.target.model import not_applicable
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
#: What RFC 6749 permits in error and error_description.
PERMITTED = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")
ODD = 'nope"\\é\r\n<x>'


@pytest.fixture(scope="module")
def client(lent_clients):
    """A public client that is only looked at."""
    return lent_clients.public(SCOPE)


@pytest.fixture(scope="module")
def other_client(registrar):
    """Another public client."""
    return registrar.public(SCOPE, redirect_uris=["https://other.example.org/cb"])


@requirement("RFC6749-3.1-parameter-repeated")
@pytest.mark.parametrize(
    "name", ["client_id", "response_type", "scope", "state", "code_challenge", "nonce", "aud"]
)
def test_repeated_parameter_is_refused(client, other_client, browser, target, name):
    """A request that has a parameter twice is refused."""
    second = {
        "client_id": other_client.client_id,
        "response_type": "code",
        "scope": "openid",
        "state": "second",
        "code_challenge": "x" * 43,
        "nonce": "second",
        "aud": target.fhir_url,
    }[name]
    request = browser.request(client, SCOPE)
    request |= {"nonce": "first", "aud": target.fhir_url}
    page = browser.http.get(
        browser.server.url("/authorize"), params=[*request.items(), (name, second)]
    )
    page = browser.follow_redirects(page)

    asks = page.status_code == 200 and "password" in page.text
    expect.that(not asks, "a refusal", "the login page", page)
    expect.no_server_error(page)


@requirement("AUTH-no-header-injection")
@pytest.mark.parametrize("name", PARAMETERS)
def test_line_break_begins_no_header(client, browser, name):
    """A line break in a parameter never begins a header of its own in an answer."""
    with record_exchanges() as exchanges:
        browser.open(client, SCOPE, parameters={name: INJECTED})

    for exchange in exchanges:
        expect.no_server_error(exchange.response)
        not_injected(exchange.response)


@requirement("AUTH-no-header-injection")
def test_line_break_in_the_state_stays_in_it(new_client, browser, admin):
    """A line break in a parameter never begins a header of its own in an answer."""
    client = new_client.public(SCOPE)
    answer = browser.authorize(client, admin, SCOPE, parameters={"state": INJECTED})

    expect.no_server_error(answer.response)
    not_injected(answer.response)
    if "code" in answer.parameters:
        expect.equal(answer.parameters.get("state"), INJECTED, "state", answer.response)


def not_injected(response):
    """Expect that an answer has no header and no cookie of the one who asked."""
    expect.header(response, "X-Injected", absent=True)
    cookies = response.headers.get("set-cookie", "")
    expect.that("injected=" not in cookies, "no injected cookie", cookies, response)
    html = "html" in response.headers.get("content-type", "")
    expect.that(not (html and "<b>injected" in response.text), "escaped input", response.text)


@requirement("RFC6749-4.1.2-response-mode")
@pytest.mark.parametrize("mode", ["web_message", "query.jwt"])
def test_unsupported_response_mode_leads_no_code_astray(ignored, authorized, mode):
    """A response_mode that the server does not support is refused, or changes nothing."""
    answer = ignored if mode == REFUSABLE["response_mode"] else None
    if answer is None:
        _, answer = authorized(response_mode=mode)

    refused = answer.response.is_client_error or "error" in answer.parameters
    came = f"{answer.response.status_code} {sorted(answer.parameters)}"
    right = refused or "code" in answer.parameters
    expect.that(right, "a refusal, or a code in the query", came, answer.response)


@requirement("RFC6749-4.1.2.1-error-charset")
@pytest.mark.parametrize("name", ["scope", "response_type", "code_challenge_method", "aud"])
def test_error_has_only_permitted_characters(new_client, browser, admin, name):
    """The error and error_description of a refused request have permitted characters only."""
    client = new_client.public(SCOPE)
    answer = browser.authorize(client, admin, SCOPE, parameters={name: ODD})

    expect.no_server_error(answer.response)
    said = answer.parameters or json_of(answer.response)
    for member in ("error", "error_description"):
        value = str(said.get(member, ""))
        expect.that(PERMITTED.fullmatch(value), "permitted characters", value, answer.response)


def json_of(response):
    """Return the JSON object of a refusal that is no redirect, or an empty one."""
    if "json" not in response.headers.get("content-type", ""):
        return {}
    return expect.json_object(response)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize("name", PARAMETERS)
def test_list_in_place_of_a_value_causes_no_server_error(client, browser, name):
    """No missing or malformed parameter causes a server error."""
    value = browser.request(client, SCOPE).get(name) or "x"
    page = browser.open(client, SCOPE, parameters={name: None, f"{name}[]": value})

    expect.no_server_error(page)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/xml", "text/plain", "multipart/form-data", "x/\x7f"],
    ids=["json", "xml", "text", "multipart", "odd"],
)
@pytest.mark.parametrize("content", ["{}", "client_id=x&x", ""], ids=["object", "form", "empty"])
def test_odd_body_causes_no_server_error(http, server, media_type, content):
    """No missing or malformed parameter causes a server error."""
    headers = {"Content-Type": media_type}
    response = http.post(server.url("/authorize"), content=content, headers=headers)

    expect.no_server_error(response)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize("name", ["state", "scope", "unknown"])
def test_huge_value_causes_no_server_error(client, browser, name):
    """No missing or malformed parameter causes a server error."""
    request = browser.request(client, SCOPE) | {name: "x" * 50_000}
    page = browser.follow_redirects(browser.send(request, method="POST"))

    expect.no_server_error(page)


@requirement("OIDCC-6.2-request-uri")
def test_strange_request_uri_is_not_fetched(listener, client, browser):
    """A request_uri that the client did not register is not fetched."""
    path = f"/{uuid.uuid4().hex}.jwt"
    page = browser.open(client, SCOPE, parameters={"request_uri": listener.publish(path, {})})

    expect.no_server_error(page)
    expect.that(path not in listener.hits, "no request to that address", "one", page)


@requirement("RFC9207-2-iss-parameter")
@pytest.mark.parametrize("outcome", ["code", "error"])
def test_iss_of_the_answer_is_the_issuer(authorized, discovery, outcome):
    """The iss of an authorization response is the issuer, and there if the server announces it."""
    wishes = {"prompt": "none"} if outcome == "error" else {}
    client, answer = authorized(**wishes)

    told = expect.json_object(discovery)
    given = expect.redirect(answer.response, to=client.redirect_uri)
    announced = told.get("authorization_response_iss_parameter_supported") is True
    if not announced and "iss" not in given:
        not_applicable("the server neither announces nor sends iss")
    expect.equal(given.get("iss"), told["issuer"], "iss", answer.response)
