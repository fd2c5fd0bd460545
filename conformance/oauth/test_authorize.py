"""The authorization request: what the endpoint takes, and what it sends back to the client."""

import contextlib

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import LOGIN_SCOPE
from fixtures.given.authorizations import ANY_STATE, OPTIONAL, REFUSABLE, UNKNOWN
from fixtures.wire.client import Blocked

SCOPE = "openid api:oemr user/patient.read"
EMPTY = dict.fromkeys(["login_hint", "launch", "nonce", "response_mode", "prompt", "aud"], "")
LONG_STATE = "x" * 256
URI_WITH_QUERY = "https://client.example.org/callback?tenant=a%20b"


@requirement("RFC6749-3.1-get-required")
def test_authorization_endpoint_takes_get(browser, confidential_client):
    """The authorization endpoint takes GET and shows the login page."""
    page = browser.open(confidential_client, SCOPE)

    expect.login_page(page)
    expect.media_type(page, "text/html")


@requirement("OIDCC-3.1.2.1-post")
def test_authorization_endpoint_takes_post(browser, confidential_client):
    """The authorization endpoint takes POST with a form and behaves as for GET."""
    page = browser.open(confidential_client, SCOPE, method="POST")

    expect.login_page(page)


@requirement("OIDCC-3.1.2.1-post")
def test_request_by_post_brings_a_code(authorization):
    """The authorization endpoint takes POST with a form and behaves as for GET."""
    _, answer = authorization(SCOPE, method="POST")

    expect.code(answer)
    expect.equal(answer.parameters.get("state"), answer.state, "state", answer.response)


@requirement("RFC6749-4.1.2-code-present")
def test_approval_brings_a_code(authorized):
    """On approval the client gets a code in the query of its redirect URI."""
    client, answer = authorized()

    code = expect.redirect(answer.response, to=client.redirect_uri).get("code")
    expect.that(code, "a code", answer.response.headers.get("location"), answer.response)


@requirement("RFC6749-3.1-unknown-params-ignored")
def test_unknown_parameter_is_ignored(served, authorization):
    """Request parameters that the server does not know are ignored."""
    answer = served and served.authorization
    if answer is None:
        _, answer = authorization(SCOPE, parameters=UNKNOWN)

    expect.code(answer)


@pytest.fixture(scope="module")
def with_empty(server, looking_client, admin):
    """An authorization with empty parameters and a long state; None if either did harm."""
    wishes = EMPTY | {"state": LONG_STATE}
    with contextlib.suppress(Blocked):
        answer = Browser(server).authorize(looking_client, admin, SCOPE, parameters=wishes)
        if answer.code and answer.parameters.get("state") == LONG_STATE:
            return answer
    return None


@requirement("RFC6749-3.1-empty-param-omitted")
def test_empty_parameter_counts_as_omitted(with_empty, authorization):
    """A parameter without a value counts as omitted."""
    answer = with_empty
    if answer is None:
        _, answer = authorization(SCOPE, parameters=EMPTY)

    expect.code(answer)


@requirement("OIDCC-3.1.2.1-optional-params-harmless")
def test_optional_openid_parameters_do_no_harm(served, authorization):
    """The optional parameters of OpenID Connect cause no error."""
    answer = served and served.authorization
    if answer is None:
        _, answer = authorization(SCOPE, parameters=OPTIONAL)

    expect.code(answer)


@requirement("RFC6749-4.1.2-state-echoed")
@pytest.mark.parametrize("state", [ANY_STATE, LONG_STATE], ids=["all_letters", "long"])
def test_state_comes_back_unchanged(served, with_empty, authorization, state):
    """The state of the request comes back to the client exactly as it was sent."""
    shared = {ANY_STATE: served and served.authorization, LONG_STATE: with_empty}
    answer = shared[state]
    if answer is None:
        _, answer = authorization(SCOPE, parameters={"state": state})

    expect.code(answer)
    expect.equal(answer.parameters.get("state"), state, "state", answer.response)


@requirement("RFC6749-4.1.2-no-state-when-absent")
def test_request_without_state_gets_none(stateless, authorized):
    """A request without state brings a code, and no state."""
    answer = stateless and stateless.authorization
    if answer is None:
        _, answer = authorized(state=None)

    expect.code(answer)
    expect.that(not answer.parameters.get("state"), "no state", answer.parameters, answer.response)


@pytest.fixture(scope="module")
def query_client(registrar):
    """A client with a query in its redirect URI."""
    return registrar.public(LOGIN_SCOPE, redirect_uris=[URI_WITH_QUERY])


@pytest.fixture(scope="module")
def with_query(request, target, server, admin):
    """An authorization of that client for the standard API; None if either did harm."""
    if "rest" not in target.features:
        return None
    wishes = {"aud": f"{target.api_url}/api"}
    with contextlib.suppress(Blocked):
        client = request.getfixturevalue("query_client")
        answer = Browser(server).authorize(client, admin, LOGIN_SCOPE, parameters=wishes)
        if answer.code and answer.response.headers["location"].startswith(URI_WITH_QUERY):
            return answer
    return None


@requirement("RFC6749-3.1.2-query-kept")
def test_query_of_the_redirect_uri_is_kept(with_query, query_client, browser, admin):
    """The query of the registered redirect URI is kept when the code is added to it."""
    answer = with_query or browser.authorize(query_client, admin, LOGIN_SCOPE)

    expect.code(answer)
    expect.that(
        answer.response.headers["location"].startswith(URI_WITH_QUERY),
        f"a redirect to {URI_WITH_QUERY}",
        answer.parameters,
    )


@requirement("RFC6749-3.1.1-response-type")
@pytest.mark.parametrize("response_type", [None, "foo"], ids=["missing", "unknown"])
def test_bad_response_type_brings_no_code(authorized, response_type):
    """A missing or unknown response_type brings an error that says so, and no code."""
    _, answer = authorized(response_type=response_type)

    expect.no_code(answer)
    expect.authorization_error(
        answer, "unsupported_response_type", "invalid_request", "unauthorized_client"
    )


@requirement("RFC6749-4.1.2.1-errors-by-redirect")
@pytest.mark.parametrize(
    "wishes",
    [
        {"response_type": "foo"},
        {"code_challenge_method": "S512"},
        {"scope": "openid nope/Nope.read"},
    ],
    ids=["response_type", "challenge_method", "scope"],
)
def test_request_error_reaches_the_client(authorized, wishes):
    """Once client and redirect URI are known good, errors of the request reach the client."""
    client, answer = authorized(**wishes)

    if "code" not in answer.parameters:
        expect.redirect(answer.response, to=client.redirect_uri)


@requirement("RFC6749-4.1.2.1-state-echoed-on-error")
@pytest.mark.parametrize(
    "wishes",
    [
        {"scope": "openid nope/Nope.read"},
        {"prompt": "none"},
        {"response_type": "foo"},
        {"request": "e30.e30."},
    ],
    ids=["scope", "prompt_none", "response_type", "request_object"],
)
def test_error_redirect_repeats_the_state(authorized, wishes):
    """An error that is sent to the client repeats the state of the request."""
    _, answer = authorized(**wishes)

    expect.no_server_error(answer.response)
    returned = answer.parameters.get("state") if answer.parameters else answer.state
    expect.equal(returned, answer.state, "state", answer.response)


@requirement("RFC9700-4.11.2-no-redirect-before-auth")
@pytest.mark.parametrize(
    "wishes",
    [
        {"scope": "openid nope/Nope.read"},
        {"response_type": "foo"},
        {"code_challenge_method": "S512"},
    ],
    ids=["scope", "response_type", "challenge_method"],
)
def test_bad_request_redirects_nobody_before_login(browser, confidential_client, wishes):
    """A bad request sends nobody to the client before the user has logged in."""
    page = browser.open(confidential_client, SCOPE, parameters=wishes)

    expect.no_server_error(page)
    target = page.headers.get("location", "")
    away = target.startswith(confidential_client.redirect_uri)
    expect.that(not away, "a page of the server", f"a redirect to {target}", page)


@requirement("RFC6749-3.3-unknown-scope")
def test_unknown_scope_is_ignored_or_named(new_client, browser, server, admin):
    """An unknown scope is ignored or refused as invalid_scope, and never granted."""
    client = new_client.public(LOGIN_SCOPE)
    answer = browser.authorize(client, admin, f"{LOGIN_SCOPE} nope/Nope.read")
    if "code" not in answer.parameters:
        expect.authorization_error(answer, "invalid_scope")
        return
    body = require_tokens(server.exchange(client, answer.code, verifier=answer.verifier))

    scope = str(body.get("scope"))
    expect.that("nope/Nope.read" not in scope, "a scope without it", scope, answer.response)


@requirement("OIDCC-3.1.2.1-unknown-scope-ignored")
def test_request_with_an_unknown_scope_is_served(authorization):
    """An OpenID request is served as if a scope that the server does not know were not in it."""
    client, answer = authorization(SCOPE, parameters={"scope": f"{SCOPE} x_conformance"})

    expect.redirect(answer.response, to=client.redirect_uri)
    expect.code(answer)


@requirement("OIDCC-3.1.2.1-scope-openid")
def test_openid_scope_yields_an_id_token(token_response):
    """A request with the scope openid yields an ID token."""
    response = token_response("authorization_code")
    require_tokens(response)

    expect.that(expect.member(response, "id_token", kind=str), "an ID token", "an empty one")


@requirement("OIDCC-3.1.2.1-prompt-none-not-logged-in")
def test_prompt_none_shows_no_page(browser, confidential_client):
    """With prompt=none and nobody logged in the client gets login_required and no page is shown."""
    page = browser.open(confidential_client, SCOPE, parameters={"prompt": "none"})

    answer = expect.redirect(page, to=confidential_client.redirect_uri)
    allowed = {"login_required", "interaction_required", "consent_required"}
    expect.that(answer.get("error") in allowed, " or ".join(sorted(allowed)), answer, page)


@requirement("OIDCC-3.1.2.1-prompt-none-combined")
def test_prompt_none_goes_alone(ignored, authorized):
    """prompt=none together with another value is an error."""
    answer = ignored
    if answer is None:
        _, answer = authorized(prompt=REFUSABLE["prompt"])

    expect.no_code(answer)


@requirement("OIDCC-6.1-request-object")
@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_unsupported_request_object_is_refused(ignored, authorized, name):
    """A server that reads no request objects refuses a request that brings one."""
    answer = ignored if name == "request_uri" else None
    if answer is None:
        _, answer = authorized(**{name: REFUSABLE.get(name, "e30.e30.")})

    expect.no_code(answer)


@requirement("OPENEMR-CODE-aud-values")
@pytest.mark.parametrize(
    "api",
    [
        pytest.param("fhir", marks=needs("fhir")),
        pytest.param("api", marks=needs("rest")),
        pytest.param("portal", marks=needs("portal")),
    ],
)
def test_own_address_is_accepted_as_aud(target, served, with_query, stateless, authorization, api):
    """The aud of a request may be the address of the server's FHIR, standard or portal API."""
    shared = {
        "fhir": served and served.authorization,
        "api": with_query,
        "portal": stateless and stateless.authorization,
    }
    answer = shared[api]
    if answer is None:
        _, answer = authorization(SCOPE, parameters={"aud": f"{target.api_url}/{api}"})

    expect.code(answer)


@requirement("SMART-1.0-aud-wrong-rejected")
@pytest.mark.parametrize("aud", ["https://evil.example/fhir", "/apis/default/fhir", "other_site"])
def test_foreign_aud_brings_no_code(target, authorization, aud):
    """An aud that is not this server brings no code."""
    aud = f"{target.base_url}/apis/not-this-site/fhir" if aud == "other_site" else aud
    _, answer = authorization(SCOPE, parameters={"aud": aud})

    expect.no_code(answer)


@requirement("AUTH-disabled-client-authorize")
@pytest.mark.parametrize("kind", ["confidential", "public"])
@pytest.mark.unpooled_clients
def test_disabled_client_gets_no_code(new_client, administrator, browser, admin, kind):
    """A disabled client gets no code."""
    client = getattr(new_client, kind)(LOGIN_SCOPE)
    administrator.disable(client.client_id)
    answer = browser.authorize(client, admin, LOGIN_SCOPE)

    expect.no_code(answer)


@requirement("AUTH-no-cacheable-redirect")
def test_authorization_redirect_is_not_permanent(browser, confidential_client):
    """The redirect to the login page is not permanent, or is not to be stored."""
    request = browser.request(confidential_client, SCOPE)
    response = browser.send(request)

    permanent = response.status_code in {301, 308}
    stored = "no-store" not in response.headers.get("cache-control", "")
    expect.that(not (permanent and stored), "302, 303 or 307", str(response.status_code), response)


@requirement("RFC6749-4.1.2.1-error-not-500")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state", "aud", "nonce"])
@pytest.mark.parametrize(
    "value", ["\x00", "[]", "%", "x" * 4000], ids=["nul", "array", "%", "long"]
)
def test_garbage_causes_no_server_error(browser, confidential_client, name, value):
    """No missing or malformed parameter causes a server error."""
    page = browser.open(confidential_client, SCOPE, parameters={name: value})

    expect.no_server_error(page)
