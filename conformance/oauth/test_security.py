"""The security of the authorization server, for every grant (RFC 9700)."""

import re
import secrets
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

from conformance import expect, needs, requirement, writes
from conformance.watch import disclosure
from fixtures.driver.authorization_server import Pkce
from fixtures.driver.login_pages import (
    Browser,
    authorization_request,
    consent,
    consent_form,
    credentials,
    login_form,
)
from fixtures.driver.registrar import LOGIN_SCOPE
from fixtures.wire.client import Blocked, location

SCOPE = "openid api:oemr user/patient.read"
EVIL = "https://attacker.example.org/callback"
#: Redirects that make the browser send a password again.
RESENDING = (307, 308)


@pytest.fixture(scope="session")
def login_steps(server, registrar, admin):
    """One login in steps: the pages, the responses to the forms, and the redirect to the client."""
    client = registrar.confidential(SCOPE)
    browser = Browser(server)
    response = browser.send(authorization_request(browser.server.target, client, SCOPE, Pkce.new()))
    steps = {"authorize": response, "login_page": browser.follow(response)}
    form = login_form(BeautifulSoup(steps["login_page"].text, "html.parser"), steps["login_page"])
    if form is None:
        raise Blocked("the authorization request led to no login page")
    steps["login"] = browser.submit(form, credentials(form, admin))
    response = steps["login"]
    while response.is_redirect:
        response = browser.follow(response)
    steps["consent_page"] = response
    form = consent_form(BeautifulSoup(response.text, "html.parser"), response)
    if form is None:
        raise Blocked("the login led to no consent page")
    steps["consent"] = browser.submit(form, consent(form, SCOPE.split()))
    # The redirect to the client may come behind others of the server's own.
    end = browser.follow_redirects(steps["consent"])
    if not end.is_redirect or "code=" not in location(end):
        raise Blocked("the consent gave no code")
    return steps


@requirement("RFC9700-4.12-no-307")
@pytest.mark.parametrize("step", ["login", "consent"])
def test_credentials_are_not_sent_again(login_steps, step):
    response = login_steps[step]

    expect.that(
        response.status_code not in RESENDING,
        "no 307 or 308, which make the browser send the password to the next page as well",
        response.status_code,
        response,
    )


@requirement("RFC9700-4.12-use-303")
@pytest.mark.parametrize("step", ["login", "consent"])
def test_redirect_after_a_form_is_a_303(login_steps, step):
    response = login_steps[step]

    expect.that(
        not response.is_redirect or response.status_code == 303,
        "status 303",
        response.status_code,
        response,
    )


@requirement("RFC9700-2.1-no-open-redirector")
@pytest.mark.parametrize("name", ["redirect_uri", "redirect", "next", "post_logout_redirect_uri"])
@pytest.mark.usefixtures("authorization_control")
def test_authorization_leads_to_no_stranger(server, http, confidential_client, name):
    request = authorization_request(server.target, confidential_client, SCOPE, Pkce.new()) | {
        name: EVIL
    }
    response = http.get(server.endpoint("authorization_endpoint"), params=request)

    expect.no_server_error(response)
    goes_to = response.headers.get("location", "")
    expect.that(not goes_to.startswith(EVIL), "no redirect to the attacker", goes_to, response)


@requirement("RFC9700-2.1.2-no-implicit")
@pytest.mark.parametrize(
    "kind", ["token", "id_token token", "code token"], ids=["token", "id_token", "code"]
)
@pytest.mark.usefixtures("authorization_control")
def test_authorization_gives_no_access_token(browser, admin, new_client, kind):
    client = new_client.confidential(SCOPE)
    parameters = {"response_type": kind, "nonce": "n-0S6_WzA2Mj"}
    allowed = browser.authorize(client, admin, SCOPE, parameters=parameters)

    goes_to = allowed.response.headers.get("location", "")
    sent = "access_token=" in goes_to
    expect.that(not sent, "no access token in a redirect", goes_to, allowed.response)


@requirement("RFC9700-4.3-no-token-in-url")
def test_redirects_carry_no_token(login_steps):
    token = re.compile(r"(access|refresh|id)_token=")
    wrong = [
        step for step in login_steps.values() if token.search(step.headers.get("location", ""))
    ]

    found = [step.headers["location"] for step in wrong]
    expect.that(not found, "no token in an address", found, wrong)


@requirement("RFC9700-4.2-no-third-party")
@pytest.mark.parametrize("page", ["login_page", "consent_page"])
def test_pages_load_nothing_from_others(login_steps, page):
    response = login_steps[page]
    tags = BeautifulSoup(response.text, "html.parser").find_all(_loads_or_sends)
    own = urlsplit(str(response.request.url)).hostname
    loaded = [str(tag.get("src") or tag.get("href") or tag.get("action") or "") for tag in tags]
    foreign = [url for url in loaded if urlsplit(url).hostname not in (None, own)]

    expect.that(not foreign, f"nothing from other hosts than {own}", foreign, response)


def _loads_or_sends(tag: Tag) -> bool:
    attribute = {"link": "href", "form": "action"}.get(tag.name)
    return tag.has_attr("src") or (attribute is not None and tag.has_attr(attribute))


@requirement("RFC9700-cookie-flags")
@pytest.mark.parametrize(
    "flag", [pytest.param("Secure", marks=needs("tls")), "HttpOnly", "SameSite"]
)
def test_session_cookie_is_guarded(login_steps, flag):
    cookies = [
        (step, cookie)
        for step in login_steps.values()
        for cookie in step.headers.get_list("set-cookie")
        if "deleted" not in cookie and "Max-Age=0" not in cookie
    ]
    bare = [(step, cookie) for step, cookie in cookies if flag.lower() not in cookie.lower()]

    expect.that(cookies, "a session cookie", "none", [*login_steps.values()])
    names = [cookie.partition("=")[0] for _, cookie in bare]
    expect.that(not bare, f"{flag} on each cookie", names, [step for step, _ in bare])


@writes
@requirement("HTTP-method-override")
@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_method_is_not_overridden(api, tokens, patient, header):
    token = tokens.staff("api:oemr user/facility.read user/patient.read")
    response = api.get(f"/api/patient/{patient.uuid}", token, headers={header: "DELETE"})

    expect.status(response, 200)
    expect.status(api.get(f"/api/patient/{patient.uuid}", token), 200)


@requirement("HTTP-trace-off")
@pytest.mark.parametrize("place", ["token", "api"])
def test_trace_shows_no_credentials(server, http, target, place):
    url = {"token": server.token_endpoint, "api": f"{target.api_url}/api/facility"}[place]
    headers = {"Authorization": "Bearer trace-me-not", "Cookie": "trace=me-not"}
    response = http.request("TRACE", url, headers=headers)

    expect.that("me-not" not in response.text, "no echo of credentials", response.text, response)


@requirement("OPENEMR-API-site-unknown")
@pytest.mark.parametrize(
    "site",
    ["nope", "..", "%2e%2e", "default%00", "default%2fx", "defaultx"],
    ids=["unknown", "dots", "encoded_dots", "null_byte", "encoded_slash", "longer"],
)
@pytest.mark.parametrize("name", ["rest", "fhir"])
def test_unknown_site_is_refused(http, target, api_path_and_token, site, name):
    path, token = api_path_and_token(name)
    response = http.get(
        f"{target.base_url}/apis/{site}{path}", headers={"Authorization": f"Bearer {token}"}
    )

    expect.refused(response)
    expect.that("Stack trace" not in response.text, "no stack trace", response.text, response)


@requirement("OPENEMR-API-site-unknown")
@pytest.mark.parametrize(
    "path",
    ["/oauth2/nope/.well-known/openid-configuration", "/apis/nope/fhir/metadata"],
    ids=["oauth", "fhir"],
)
def test_document_of_an_unknown_site_is_refused(http, target, path):
    response = http.get(target.base_url + path)

    expect.refused(response)


@requirement("RFC9700-4.15-subject-confusion")
@pytest.mark.usefixtures("standard_api_control")
def test_client_cannot_be_a_user(session_by_grant, api):
    token = session_by_grant("client_credentials").access_token
    response = api.get("/api/patient", token)

    expect.refused(response)


@requirement("RFC6819-error-no-secrets")
@pytest.mark.parametrize(
    "place", ["code", "password", "refresh_token", "assertion", "introspection", "logout"]
)
def test_errors_repeat_no_secret(server, new_client, admin, place):
    client = new_client.confidential(LOGIN_SCOPE)
    word = f"{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(24)}.{secrets.token_urlsafe(24)}"
    bad = client.authentication(secret=word)
    response = {
        "code": lambda: server.exchange(client, word, verifier=word, auth=bad),
        "password": lambda: server.password(client, admin, LOGIN_SCOPE, auth=bad),
        "refresh_token": lambda: server.refresh(client, word),
        "assertion": lambda: server.client_credentials(client, "api:fhir", assertion=word),
        "introspection": lambda: server.introspect(client, word, auth=bad),
        "logout": lambda: server.logout(id_token_hint=word),
    }[place]()

    said = f"{response.text} {response.headers.get('location', '')}"
    repeated = [each for each in (word, admin.password) if len(each) > 7 and each in said]
    expect.that(not repeated, "no secret in the answer", said, response)
    disclosure.no_internals(response)
