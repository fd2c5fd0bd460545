"""Cross-origin requests: what apps in a browser may read, and what nobody may."""

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
def as_app(target, http):
    """The answers to a FHIR request of the app without a token, by path; each is asked for once."""
    answers = {}

    def of(path):
        if path not in answers:
            answers[path] = http.get(target.fhir_url + path, headers={"Origin": APP})
        return answers[path]

    return of


def readable(response, origin):
    """Expect that a page of the origin may read the answer."""
    allowed = response.headers.get_list("Access-Control-Allow-Origin")
    received = f"Access-Control-Allow-Origin: {', '.join(allowed)}" if allowed else "no such header"
    good = len(allowed) == 1 and allowed[0] in {"*", origin}
    expect.that(good, f"Access-Control-Allow-Origin for {origin}", received, response)


def with_credentials(response, origin):
    """Tell whether a page of the origin may read the answer to a request with cookies."""
    allowed = response.headers.get("Access-Control-Allow-Origin")
    credentials = response.headers.get("Access-Control-Allow-Credentials", "").lower()
    return allowed == origin and credentials == "true"


@requirement("CORS-authorize-not-supported")
@pytest.mark.parametrize("path", ["/authorize", "/provider/login", "/scope-authorize-confirm"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_authorization_pages_are_not_shared(server, method, path):
    """The authorization endpoint and its pages do not support CORS."""
    response = server.http.request(method, server.url(path), headers=PREFLIGHT)

    expect.header(response, "Access-Control-Allow-Origin", absent=True)


@requirement("CORS-public-any-origin")
@pytest.mark.parametrize("path", ["/.well-known/smart-configuration", "/metadata"])
def test_public_documents_are_readable_from_anywhere(as_app, path):
    """The SMART configuration and the CapabilityStatement may be read from any origin."""
    response = as_app(path)

    expect.status(response, 200)
    readable(response, APP)


@requirement("CORS-token-registered-origin")
def test_token_answer_is_readable_by_its_app(app_exchange):
    """The token answer may be read from the origin of the client's redirect URI."""
    require_tokens(app_exchange)
    readable(app_exchange, APP)


@requirement("CORS-error-responses")
@pytest.mark.parametrize("path", ["token", *APIS[:1]])
def test_errors_are_readable_too(server, api, public_client, path):
    """Errors of the token endpoint and the FHIR API may be read from the client's origin."""
    headers = {"Origin": APP}
    if path == "token":
        form = {"grant_type": "authorization_code", "code": "none"}
        response = server.token(form, public_client.authentication(), headers=headers)
    else:
        response = api.get(path, headers=headers)

    expect.that(not response.is_success, "an error", str(response.status_code), response)
    readable(response, APP)


@requirement("CORS-preflight")
def test_preflight_of_the_fhir_api_succeeds(api):
    """A preflight of a FHIR request succeeds without a token and allows Authorization."""
    preflight(api.request("OPTIONS", "/fhir/Patient", headers=PREFLIGHT))


@requirement("CORS-preflight-standard-api")
@pytest.mark.parametrize("path", APIS[1:])
def test_preflight_of_the_standard_api_succeeds(api, path):
    """A preflight of a request to the standard or portal API succeeds without a token."""
    preflight(api.request("OPTIONS", path, headers=PREFLIGHT))


@requirement("CORS-reflected-origin-credentials")
@pytest.mark.parametrize("path", APIS)
@pytest.mark.parametrize("origin", [FOREIGN, "null"], ids=["foreign", "null"])
def test_api_shares_nothing_with_cookies(api, path, origin):
    """No API lets any origin read answers to requests with cookies."""
    response = api.get(path, headers={"Origin": origin})

    received = f"{origin} allowed with credentials"
    expect.that(not with_credentials(response, origin), "no credentials", received, response)


@requirement("CORS-credentials-wildcard")
@pytest.mark.parametrize("path", ["/token", "/jwk", "/.well-known/openid-configuration"])
def test_wildcard_goes_without_credentials(server, http, path):
    """Access-Control-Allow-Origin * is not combined with Access-Control-Allow-Credentials."""
    response = http.get(server.url(path), headers={"Origin": FOREIGN})

    both = response.headers.get("Access-Control-Allow-Origin") == "*"
    both = both and "Access-Control-Allow-Credentials" in response.headers
    expect.that(not both, "one of the two", "both", response)


@requirement("CORS-vary-origin")
@pytest.mark.parametrize("path", ["/.well-known/smart-configuration", "/metadata", "/Patient"])
def test_answer_that_depends_on_the_origin_says_so(target, http, as_app, path):
    """An answer that differs by Origin says Vary: Origin, or is not to be stored."""
    answers = [as_app(path), http.get(target.fhir_url + path, headers={"Origin": FOREIGN})]
    allowed = [answer.headers.get("Access-Control-Allow-Origin") for answer in answers]

    vary = answers[0].headers.get("Vary", "").lower()
    stored = "no-store" not in answers[0].headers.get("Cache-Control", "")
    kept_apart = "origin" in vary or "*" in vary.split(",") or not stored
    received = f"{allowed} and Vary: {vary or '-'}"
    expect.that(allowed[0] == allowed[1] or kept_apart, "Vary: Origin", received, answers[0])


def preflight(response):
    """Expect a preflight that lets a browser send Authorization."""
    expect.success(response)
    readable(response, APP)
    expect.header(response, "Access-Control-Allow-Headers", contains="authorization")
