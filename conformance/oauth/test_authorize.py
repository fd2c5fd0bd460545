"""The authorization request: what the endpoint accepts, and what it returns to the client."""

import contextlib
from urllib.parse import parse_qsl

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
    page = browser.open(confidential_client, SCOPE)

    expect.login_page(page)
    expect.media_type(page, "text/html")


@requirement("OIDCC-3.1.2.1-post")
def test_authorization_endpoint_takes_post(browser, confidential_client):
    page = browser.open(confidential_client, SCOPE, method="POST")

    expect.login_page(page)


@requirement("OIDCC-3.1.2.1-post")
def test_request_by_post_brings_a_code(new_authorization):
    _, answer = new_authorization(SCOPE, method="POST")

    expect.code(answer)
    expect.equal(answer.parameters.get("state"), answer.state, "state", answer.response)


@requirement("RFC6749-4.1.2-code-present")
def test_approval_brings_a_code(shared_authorization):
    client, answer = shared_authorization()

    code = expect.redirect(answer.response, to=client.redirect_uri).get("code")
    expect.that(code, "a code", answer.response.headers.get("location"), answer.response)


@requirement("RFC6749-3.1-unknown-params-ignored")
def test_unknown_parameter_is_ignored(code_flow_with_optional_parameters, new_authorization):
    answer = code_flow_with_optional_parameters and code_flow_with_optional_parameters.authorization
    if answer is None:
        _, answer = new_authorization(SCOPE, parameters=UNKNOWN)

    expect.code(answer)


@pytest.fixture(scope="module")
def authorization_with_empty_parameters(server, code_flow_client, admin):
    """An authorization with empty parameters and a long state; None if it failed."""
    wishes = EMPTY | {"state": LONG_STATE}
    with contextlib.suppress(Blocked):
        answer = Browser(server).authorize(code_flow_client, admin, SCOPE, parameters=wishes)
        if answer.code and answer.parameters.get("state") == LONG_STATE:
            return answer
    return None


@requirement("RFC6749-3.1-empty-param-omitted")
def test_empty_parameter_counts_as_omitted(authorization_with_empty_parameters, new_authorization):
    answer = authorization_with_empty_parameters
    if answer is None:
        _, answer = new_authorization(SCOPE, parameters=EMPTY)

    expect.code(answer)


@requirement("OIDCC-3.1.2.1-optional-params-harmless")
def test_optional_openid_parameters_do_no_harm(
    code_flow_with_optional_parameters, new_authorization
):
    answer = code_flow_with_optional_parameters and code_flow_with_optional_parameters.authorization
    if answer is None:
        _, answer = new_authorization(SCOPE, parameters=OPTIONAL)

    expect.code(answer)


@requirement("RFC6749-4.1.2-state-echoed")
@pytest.mark.parametrize("state", [ANY_STATE, LONG_STATE], ids=["all_letters", "long"])
def test_state_comes_back_unchanged(
    code_flow_with_optional_parameters,
    authorization_with_empty_parameters,
    new_authorization,
    state,
):
    shared = {
        ANY_STATE: code_flow_with_optional_parameters
        and code_flow_with_optional_parameters.authorization,
        LONG_STATE: authorization_with_empty_parameters,
    }
    answer = shared[state]
    if answer is None:
        _, answer = new_authorization(SCOPE, parameters={"state": state})

    expect.code(answer)
    expect.equal(answer.parameters.get("state"), state, "state", answer.response)


@requirement("RFC6749-4.1.2-no-state-when-absent")
def test_request_without_state_gets_none(code_flow_without_state, shared_authorization):
    answer = code_flow_without_state and code_flow_without_state.authorization
    if answer is None:
        _, answer = shared_authorization(state=None)

    expect.code(answer)
    expect.that(not answer.parameters.get("state"), "no state", answer.parameters, answer.response)


@pytest.fixture(scope="module")
def client_with_query(registrar):
    """A client with a query in its redirect URI."""
    return registrar.public(LOGIN_SCOPE, redirect_uris=[URI_WITH_QUERY])


@pytest.fixture(scope="module")
def authorization_with_query(request, target, server, admin):
    """An authorization of that client for the standard API; None if it failed."""
    if "rest" not in target.features:
        return None
    wishes = {"aud": f"{target.api_url}/api"}
    with contextlib.suppress(Blocked):
        client = request.getfixturevalue("client_with_query")
        answer = Browser(server).authorize(client, admin, LOGIN_SCOPE, parameters=wishes)
        if (
            answer.code
            and dict(parse_qsl(URI_WITH_QUERY.partition("?")[2])).items()
            <= answer.parameters.items()
        ):
            return answer
    return None


@requirement("RFC6749-3.1.2-query-kept")
def test_query_of_the_redirect_uri_is_kept(
    authorization_with_query, client_with_query, browser, admin
):
    answer = authorization_with_query or browser.authorize(client_with_query, admin, LOGIN_SCOPE)

    expect.code(answer)
    place, _, registered = URI_WITH_QUERY.partition("?")
    kept = dict(parse_qsl(registered)).items() <= answer.parameters.items()
    there = answer.response.headers["location"].startswith(place)
    words = f"a redirect to {URI_WITH_QUERY}"
    expect.that(there and kept, words, answer.parameters, answer.response)


@requirement("RFC6749-3.1.1-response-type")
@pytest.mark.parametrize("response_type", [None, "foo"], ids=["missing", "unknown"])
@pytest.mark.usefixtures("authorization_control")
def test_bad_response_type_brings_no_code(shared_authorization, response_type):
    _, answer = shared_authorization(response_type=response_type)

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
def test_request_error_reaches_the_client(shared_authorization, wishes):
    client, answer = shared_authorization(**wishes)

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
def test_error_redirect_repeats_the_state(shared_authorization, wishes):
    _, answer = shared_authorization(**wishes)

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
@pytest.mark.usefixtures("authorization_control")
def test_bad_request_redirects_nobody_before_login(browser, confidential_client, wishes):
    page = browser.open(confidential_client, SCOPE, parameters=wishes)

    expect.no_server_error(page)
    target = page.headers.get("location", "")
    away = target.startswith(confidential_client.redirect_uri)
    expect.that(not away, "a page of the server", f"a redirect to {target}", page)


@requirement("RFC6749-3.3-unknown-scope")
def test_unknown_scope_is_ignored_or_named(new_client, browser, server, admin):
    client = new_client.public(LOGIN_SCOPE)
    answer = browser.authorize(client, admin, f"{LOGIN_SCOPE} nope/Nope.read")
    if "code" not in answer.parameters:
        expect.authorization_error(answer, "invalid_scope")
        return
    response = server.exchange(client, answer.code, verifier=answer.verifier)

    scope = str(require_tokens(response).get("scope"))
    expect.that("nope/Nope.read" not in scope, "a scope without it", scope, response)


@requirement("OIDCC-3.1.2.1-unknown-scope-ignored")
def test_request_with_an_unknown_scope_is_served(new_authorization):
    client, answer = new_authorization(SCOPE, parameters={"scope": f"{SCOPE} x_conformance"})

    expect.redirect(answer.response, to=client.redirect_uri)
    expect.code(answer)


@requirement("OIDCC-3.1.2.1-scope-openid")
def test_openid_scope_yields_an_id_token(token_response):
    response = token_response("authorization_code")
    require_tokens(response)

    token = expect.member(response, "id_token", kind=str)
    expect.that(token, "an ID token", "an empty one", response)


@requirement("OIDCC-3.1.2.1-prompt-none-not-logged-in")
def test_prompt_none_shows_no_page(browser, confidential_client):
    page = browser.open(confidential_client, SCOPE, parameters={"prompt": "none"})

    answer = expect.redirect(page, to=confidential_client.redirect_uri)
    allowed = {"login_required", "interaction_required", "consent_required"}
    expect.that(answer.get("error") in allowed, " or ".join(sorted(allowed)), answer, page)


@requirement("OIDCC-3.1.2.1-prompt-none-combined")
@pytest.mark.usefixtures("authorization_control")
def test_prompt_none_goes_alone(authorization_with_refusable_parameters, shared_authorization):
    answer = authorization_with_refusable_parameters
    if answer is None:
        _, answer = shared_authorization(prompt=REFUSABLE["prompt"])

    expect.no_code(answer)


@requirement("OIDCC-6.1-request-object")
@pytest.mark.parametrize("name", ["request", "request_uri"])
@pytest.mark.usefixtures("authorization_control")
def test_unsupported_request_object_is_refused(
    authorization_with_refusable_parameters, shared_authorization, name
):
    answer = authorization_with_refusable_parameters if name == "request_uri" else None
    if answer is None:
        _, answer = shared_authorization(**{name: REFUSABLE.get(name, "e30.e30.")})

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
def test_own_address_is_accepted_as_aud(
    target,
    code_flow_with_optional_parameters,
    authorization_with_query,
    code_flow_without_state,
    new_authorization,
    api,
):
    shared = {
        "fhir": code_flow_with_optional_parameters
        and code_flow_with_optional_parameters.authorization,
        "api": authorization_with_query,
        "portal": code_flow_without_state and code_flow_without_state.authorization,
    }
    answer = shared[api]
    if answer is None:
        _, answer = new_authorization(SCOPE, parameters={"aud": f"{target.api_url}/{api}"})

    expect.code(answer)


@requirement("SMART-1.0-aud-wrong-rejected")
@pytest.mark.parametrize("aud", ["https://evil.example/fhir", "/apis/default/fhir", "other_site"])
@pytest.mark.usefixtures("authorization_control")
def test_foreign_aud_brings_no_code(target, new_authorization, aud):
    aud = f"{target.base_url}/apis/not-this-site/fhir" if aud == "other_site" else aud
    _, answer = new_authorization(SCOPE, parameters={"aud": aud})

    expect.no_code(answer)


@requirement("AUTH-disabled-client-authorize")
@needs("oauth.openemr_registration")
@pytest.mark.parametrize("kind", ["confidential", "public"])
@pytest.mark.unpooled_clients
@pytest.mark.usefixtures("authorization_control")
def test_disabled_client_gets_no_code(new_client, administrator, browser, admin, kind):
    client = getattr(new_client, kind)(LOGIN_SCOPE)
    administrator.disable(client.client_id)
    answer = browser.authorize(client, admin, LOGIN_SCOPE)

    expect.no_code(answer)


@requirement("AUTH-no-cacheable-redirect")
def test_authorization_redirect_is_not_permanent(browser, confidential_client):
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
    page = browser.open(confidential_client, SCOPE, parameters={name: value})

    expect.no_server_error(page)
