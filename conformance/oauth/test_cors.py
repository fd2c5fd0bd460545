"""Cross-origin requests: what apps in a browser may read, and what they may not."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.given.authorizations import APP_ORIGIN as APP

FOREIGN = "https://evil.example"
APIS = [
    pytest.param("/fhir/Patient", marks=needs("fhir"), id="fhir"),
    pytest.param("/api/facility", marks=needs("rest"), id="rest"),
    pytest.param("/portal/patient", marks=needs("portal"), id="portal"),
]
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture(scope="module")
def cross_origin_response(target, http):
    """The response to a FHIR request of the app without a token: `cross_origin_response(path)`."""
    return cache(lambda path: http.get(target.fhir_url + path, headers={"Origin": APP}))


def readable(response, origin):
    """Expect a page of the origin to be allowed to read the response."""
    allowed = response.headers.get_list("Access-Control-Allow-Origin")
    received = f"Access-Control-Allow-Origin: {', '.join(allowed)}" if allowed else "no such header"
    good = len(allowed) == 1 and allowed[0] in {"*", origin}
    expect.that(good, f"Access-Control-Allow-Origin for {origin}", received, response)


def with_credentials(response, origin):
    """Return whether a page of the origin may read the response to a request with cookies."""
    allowed = response.headers.get("Access-Control-Allow-Origin")
    credentials = response.headers.get("Access-Control-Allow-Credentials", "").lower()
    return allowed == origin and credentials == "true"


@requirement("CORS-authorize-not-supported")
@pytest.mark.parametrize("path", ["/authorize", "/provider/login", "/scope-authorize-confirm"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_authorization_pages_are_not_shared(server, method, path):
    response = server.http.request(method, server.url(path), headers=PREFLIGHT)

    expect.header(response, "Access-Control-Allow-Origin", absent=True)


@requirement("CORS-public-any-origin")
@needs("smart.browser_apps")
@pytest.mark.parametrize("path", ["/.well-known/smart-configuration", "/metadata"])
def test_public_documents_are_readable_from_anywhere(cross_origin_response, path):
    response = cross_origin_response(path)

    expect.status(response, 200)
    readable(response, APP)


@requirement("CORS-token-registered-origin")
@needs("smart.browser_apps")
def test_token_answer_is_readable_by_its_app(browser_app_token_response):
    require_tokens(browser_app_token_response)
    readable(browser_app_token_response, APP)


@requirement("CORS-error-responses")
@needs("smart.browser_apps")
@pytest.mark.parametrize("path", ["token", *APIS[:1]])
def test_errors_are_readable_too(server, api, public_client, path):
    headers = {"Origin": APP}
    if path == "token":
        form = {"grant_type": "authorization_code", "code": "none"}
        response = server.token(form, public_client.authentication(), headers=headers)
    else:
        response = api.get(path, headers=headers)

    expect.that(not response.is_success, "an error", str(response.status_code), response)
    readable(response, APP)


@requirement("CORS-preflight")
@needs("smart.browser_apps")
def test_preflight_of_the_fhir_api_succeeds(api):
    preflight(api.request("OPTIONS", "/fhir/Patient", headers=PREFLIGHT))


@requirement("CORS-preflight-oauth")
@needs("smart.browser_apps")
@pytest.mark.parametrize(
    ("endpoint", "method"),
    [
        pytest.param("token_endpoint", "POST", id="token"),
        pytest.param("userinfo_endpoint", "GET", marks=needs("oidc.userinfo"), id="userinfo"),
        pytest.param(
            "introspection_endpoint",
            "POST",
            marks=needs("oauth.introspection"),
            id="introspection",
        ),
        pytest.param(
            "revocation_endpoint",
            "POST",
            marks=needs("oauth.revocation"),
            id="revocation",
        ),
    ],
)
def test_preflight_of_the_authorization_server_succeeds(server, endpoint, method):
    headers = PREFLIGHT | {"Access-Control-Request-Method": method}
    preflight(server.http.request("OPTIONS", server.endpoint(endpoint), headers=headers))


@requirement("CORS-preflight-standard-api")
@needs("smart.browser_apps")
@pytest.mark.parametrize("path", APIS[1:])
def test_preflight_of_the_standard_api_succeeds(api, path):
    preflight(api.request("OPTIONS", path, headers=PREFLIGHT))


@requirement("CORS-reflected-origin-credentials")
@pytest.mark.parametrize("path", APIS)
@pytest.mark.parametrize("origin", [FOREIGN, "null"], ids=["foreign", "null"])
def test_api_shares_nothing_with_cookies(api, path, origin):
    response = api.get(path, headers={"Origin": origin})

    received = f"{origin} allowed with credentials"
    expect.that(not with_credentials(response, origin), "no credentials", received, response)


@requirement("CORS-credentials-wildcard")
@pytest.mark.parametrize("path", ["/token", "/jwk", "/.well-known/openid-configuration"])
def test_wildcard_goes_without_credentials(server, http, path):
    response = http.get(server.url(path), headers={"Origin": FOREIGN})

    both = response.headers.get("Access-Control-Allow-Origin") == "*"
    both = both and "Access-Control-Allow-Credentials" in response.headers
    expect.that(not both, "one of the two", "both", response)


@requirement("CORS-vary-origin")
@pytest.mark.parametrize("path", ["/.well-known/smart-configuration", "/metadata", "/Patient"])
def test_answer_that_depends_on_the_origin_says_so(target, http, cross_origin_response, path):
    answers = [
        cross_origin_response(path),
        http.get(target.fhir_url + path, headers={"Origin": FOREIGN}),
    ]
    allowed = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]

    vary = answers[0].headers.get("Vary", "").lower()
    stored = "no-store" not in answers[0].headers.get("Cache-Control", "")
    kept_apart = "origin" in vary or "*" in vary.split(",") or not stored
    received = f"{allowed} and Vary: {vary or '-'}"
    expect.that(allowed[0] == allowed[1] or kept_apart, "Vary: Origin", received, answers[0])


def preflight(response):
    """Expect a preflight that allows the header Authorization."""
    expect.success(response)
    readable(response, APP)
    expect.header(response, "Access-Control-Allow-Headers", contains="authorization")
