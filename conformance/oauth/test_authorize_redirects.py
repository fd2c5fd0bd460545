"""The redirect URI of an authorization request: where a browser must never be sent."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import Client
from fixtures.driver.login_pages import Browser, consent, form_of
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

CALLBACK = "https://client.example.org/cb"
FOREIGN = "https://evil.example/cb"
#: URIs that look like the registered one and are different (RFC 3986 section 6.2.1).
LOOKALIKES = {
    "slash": f"{CALLBACK}/",
    "below": f"{CALLBACK}/x",
    "dots": f"{CALLBACK}/../x",
    "case_of_path": "https://client.example.org/CB",
    "query": f"{CALLBACK}?a=b",
    "escaped": "https://client.example.org/%63b",
    "port": "https://client.example.org:444/cb",
    "longer_host": "https://client.example.org.evil.example/cb",
    "user_name": "https://client.example.org@evil.example/cb",
    "scheme": "http://client.example.org/cb",
    "fragment": f"{CALLBACK}#x",
    "nul": f"{CALLBACK}\x00",
    "blank": f"{CALLBACK} ",
    "backslash": "https://client.example.org\\@evil.example/cb",
    "prefix": "https://client.example.org/c",
    "escaped_dots": f"{CALLBACK}/%2e%2e/x",
    "escaped_slash": "https://client.example.org%2fcb",
    "semicolon": f"{CALLBACK};x",
    "second_address": f"{CALLBACK},{FOREIGN}",
    "second_after_blank": f"{CALLBACK} {FOREIGN}",
    "case_of_host": "https://CLIENT.example.org/cb",
    "case_of_scheme": "HTTPS://client.example.org/cb",
    "usual_port": "https://client.example.org:443/cb",
    "host_below": "https://sub.client.example.org/cb",
    "wide_dot": "https://client\u3002example.org/cb",
    "password": "https://client.example.org:443@evil.example/cb",
    "no_scheme": "//evil.example/cb",
    "path_only": "/cb",
    "line_break": f"{CALLBACK}\r\nX-Injected: yes",
    "tab": f"{CALLBACK}\t",
    "script": "javascript:alert(1)//https://client.example.org/cb",
    "data": f"data:text/html,{CALLBACK}",
}


@pytest.fixture(scope="session")
def client_with_one_redirect_uri(registrar):
    """A public client with one redirect URI, which no check changes."""
    return registrar.public(SCOPE, redirect_uris=[CALLBACK])


@pytest.fixture(scope="module")
def client_with_other_redirect_uri(registrar):
    """Another public client with another redirect URI."""
    return registrar.public(SCOPE, redirect_uris=["https://other.example.org/cb"])


@pytest.fixture(scope="session")
def loopback_client(registrar):
    """A public client on the user's own machine, which no check changes."""
    return registrar.public(SCOPE, redirect_uris=["http://127.0.0.1/cb"])


@pytest.fixture(scope="session")
def registered_uri_control(server, client_with_one_redirect_uri):
    """An authorization request with the registered URI, which leads to the login page."""
    require_login_page(server, client_with_one_redirect_uri)


@pytest.fixture(scope="session")
def loopback_uri_control(server, loopback_client):
    """An authorization request with the registered URI of the user's own machine."""
    require_login_page(server, loopback_client)


@pytest.fixture
def login_outcome(browser, admin):
    """Sends an authorization request, logs in if asked, and returns the authorization."""

    def walk(client, **parameters):
        return browser.authorize(client, admin, SCOPE, parameters=parameters)

    return walk


@requirement("RFC6749-3.1.2.3-redirect-uri-registered")
@pytest.mark.usefixtures("registered_uri_control")
def test_unregistered_redirect_uri_is_never_used(client_with_one_redirect_uri, login_outcome):
    answer = login_outcome(client_with_one_redirect_uri, redirect_uri=FOREIGN)

    expect.no_redirect_to(answer, FOREIGN)


@requirement("RFC6749-3.1.2-redirect-path-exact")
@pytest.mark.parametrize("kind", LOOKALIKES)
@pytest.mark.usefixtures("registered_uri_control")
def test_similar_redirect_uri_is_refused(client_with_one_redirect_uri, browser, kind):
    page = browser.open(
        client_with_one_redirect_uri, SCOPE, parameters={"redirect_uri": LOOKALIKES[kind]}
    )

    neither_login_nor_redirect(page)


@requirement("RFC6749-3.1.2.3-other-clients-uri")
@pytest.mark.usefixtures("registered_uri_control")
def test_redirect_uri_of_another_client_is_refused(
    client_with_one_redirect_uri, client_with_other_redirect_uri, browser
):
    wishes = {"redirect_uri": client_with_other_redirect_uri.redirect_uri}
    page = browser.open(client_with_one_redirect_uri, SCOPE, parameters=wishes)

    neither_login_nor_redirect(page)


@requirement("RFC6749-4.1.2.1-unknown-client-no-redirect")
@pytest.mark.parametrize("client_id", ["nope", None], ids=["unknown", "missing"])
@pytest.mark.usefixtures("registered_uri_control")
def test_unknown_client_is_answered_without_a_redirect(browser, client_id):
    unknown = Client("nope", redirect_uri=CALLBACK)
    page = browser.open(unknown, SCOPE, parameters={"client_id": client_id})

    neither_login_nor_redirect(page)
    expect.no_server_error(page)


@requirement("OIDCC-3.1.2.2-redirect-uri-required")
@pytest.mark.parametrize("number", [1, 2], ids=["one", "several"])
@pytest.mark.usefixtures("registered_uri_control")
def test_openid_request_names_its_redirect_uri(new_client, browser, number):
    uris = [CALLBACK, "https://client.example.org/second"][:number]
    client = new_client.public(SCOPE, redirect_uris=uris)
    page = browser.open(client, SCOPE, parameters={"redirect_uri": None})

    neither_login_nor_redirect(page)


@requirement("RFC6749-3.1-duplicate-params")
@pytest.mark.parametrize("order", ["good_first", "bad_first", "good_in_query", "good_in_body"])
@pytest.mark.usefixtures("registered_uri_control")
def test_second_redirect_uri_is_never_used(client_with_one_redirect_uri, browser, admin, order):
    good, bad = ("redirect_uri", CALLBACK), ("redirect_uri", FOREIGN)
    request = browser.request(client_with_one_redirect_uri, SCOPE)
    request.pop("redirect_uri")
    url, others = browser.server.endpoint("authorization_endpoint"), [*request.items()]
    if order.startswith("good_in"):
        query, body = ([good], [bad]) if order == "good_in_query" else ([bad], [good])
        answer = browser.http.post(url, params=others + query, data=others + body)
    else:
        pairs = [good, bad] if order == "good_first" else [bad, good]
        answer = browser.http.get(url, params=others + pairs)
    answer = browser.follow_redirects(answer)
    if asks_for_login(answer):
        page = browser.follow_redirects(browser.log_in(answer, admin))
        answer = browser.submit(form_of(page), consent(form_of(page), SCOPE.split()))

    expect.no_server_error(answer)
    target = answer.headers.get("location", "")
    expect.that("evil.example" not in target, "no redirect to it", target, answer)


@requirement("RFC8252-7.1-custom-scheme")
def test_scheme_of_an_app_is_redirected_to(new_client, browser, admin):
    client = new_client.public(SCOPE, redirect_uris=["com.example.app:/callback"])
    answer = browser.authorize(client, admin, SCOPE)

    expect.redirect(answer.response, to=client.redirect_uri)
    expect.code(answer)


@requirement("RFC8252-8.4-exact-otherwise")
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("http://127.0.0.1:49152/other", id="path"),
        pytest.param("http://127.0.0.1:49152/cb/../other", id="dots"),
        pytest.param("http://127.0.0.1:49152/cb?x=y", id="query"),
        pytest.param("http://localhost:49152/cb", id="name"),
        pytest.param("http://127.0.0.2:49152/cb", id="address"),
        pytest.param("http://[::1]:49152/cb", id="ipv6"),
        pytest.param("https://127.0.0.1:49152/cb", id="scheme"),
        pytest.param("http://127.0.0.1@evil.example/cb", id="user_name"),
        pytest.param("http://127.0.0.1:49152@evil.example/cb", id="password"),
        pytest.param("http://evil.example@127.0.0.1:49152/cb", id="user_before"),
        pytest.param("http://127.0.0.1.evil.example/cb", id="longer_host"),
        pytest.param("http://127.0.0.1:x@evil.example:49152/cb", id="odd_port"),
    ],
)
@pytest.mark.usefixtures("loopback_uri_control")
def test_other_loopback_redirect_uri_is_refused(loopback_client, browser, uri):
    page = browser.open(loopback_client, SCOPE, parameters={"redirect_uri": uri})

    neither_login_nor_redirect(page)


def require_login_page(server, client):
    """Raise Blocked unless a request with the registered redirect URI leads to the login."""
    page = Browser(server).open(client, SCOPE)
    if not asks_for_login(page):
        line = exchange_line(page.request, page)
        raise Blocked(
            f"the registered URI is refused too, so that a refusal proves nothing: {line}"
        )


def asks_for_login(page):
    """Return whether the page asks for a password."""
    return page.status_code == 200 and "password" in page.text


def neither_login_nor_redirect(page):
    """Expect no login page and no redirect away from the server."""
    expect.no_server_error(page)
    expect.that(not asks_for_login(page), "a refusal", "the login page", page)
    expect.that(not page.is_redirect, "no redirect", page.headers.get("location"), page)
