"""Logout requests that must not redirect elsewhere, or log other users out."""

from urllib.parse import urlsplit

import pytest

from conformance import expect, requirement
from conformance.watch import disclosure
from fixtures.driver import keys
from fixtures.driver.authorization_server import LOGOUT_URI
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

pytestmark = pytest.mark.usefixtures("logged_out_id_token")

PATH = "/api/facility"
EVIL = "https://evil.example.net/"
PARTS = urlsplit(LOGOUT_URI)
NEAR_MISSES = {
    "other_host": EVIL,
    "slash_added": f"{LOGOUT_URI}/",
    "other_case": f"https://{PARTS.netloc}{PARTS.path.upper()}",
    "userinfo": f"https://{PARTS.netloc}@evil.example.net{PARTS.path}",
    "host_prefix": f"https://{PARTS.netloc}.evil.example.net{PARTS.path}",
    "suffix": f"{LOGOUT_URI}.evil",
    "path_traversal": f"{LOGOUT_URI}/../evil",
    "other_port": f"https://{PARTS.netloc}:8443{PARTS.path}",
    "fragment": f"{LOGOUT_URI}#elsewhere",
    "no_scheme": "//evil.example.net/",
    "slash_and_backslash": "/\\evil.example.net/",
    "http_for_https": f"http://{PARTS.netloc}{PARTS.path}",
}
INJECTIONS = {
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "backslashes": "\\\\evil.example.net",
    "new_header": f"{LOGOUT_URI}\r\nSet-Cookie: injected=1",
}
MALFORMED = {
    "word": "no-hint-at-all",
    "two_parts": "no-hint.at-all",
    "three_parts": "no-hint.at.all",
    "no_json": "eyJhbGciOiJSUzI1NiJ9.bm90IGpzb24.c2ln",
    "json_array": "eyJhbGciOiJSUzI1NiJ9.WzEsMl0.c2ln",
    "no_claims": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    "long": f"eyJhbGciOiJSUzI1NiJ9.{'YWFh' * 1500}.c2ln",
}


@pytest.fixture(scope="session")
def logged_out_id_token(server, new_shared_session):
    """The ID token of a session that the user has logged out of; nobody logs in there again.

    Blocked unless that logout led to its registered URI.
    """
    session = new_shared_session()
    response = session.log_out(server, post_logout_redirect_uri=LOGOUT_URI)
    if not response.headers.get("location", "").startswith(LOGOUT_URI):
        line = exchange_line(response.request, response)
        raise Blocked(
            f"the registered URI is not led to either, so that this proves nothing: {line}"
        )
    return session.id_token


@requirement("OIDCRPL-3-redirect-unregistered")
@pytest.mark.parametrize("uri", list(NEAR_MISSES))
def test_signed_in_user_is_not_led_to_an_unregistered_uri(server, new_session, uri):
    session = new_session()
    response = session.log_out(server, post_logout_redirect_uri=NEAR_MISSES[uri])

    expect.not_led_to(response, NEAR_MISSES[uri], "the client did not register this address")


@requirement("OIDCRPL-3-redirect-unregistered")
@pytest.mark.parametrize("state", ["logged_out", "forged_hint", "unsigned_hint"])
def test_signed_out_user_is_not_led_to_an_unregistered_uri(
    log_out, logged_out_id_token, forger, state
):
    hint = {
        "logged_out": lambda: logged_out_id_token,
        "forged_hint": lambda: keys.tampered(logged_out_id_token, sub="nobody"),
        "unsigned_hint": lambda: forger.forge(logged_out_id_token, "alg_none"),
    }[state]()
    response = log_out(id_token_hint=hint, post_logout_redirect_uri=EVIL)

    expect.not_led_to(response, EVIL, "not registered; such links make phishing look genuine")


@requirement("OIDCRPL-3-redirect-query-added")
def test_uri_with_an_added_query_is_not_led_to(server, new_session):
    session = new_session()
    uri = f"{LOGOUT_URI}?next=elsewhere"
    response = session.log_out(server, post_logout_redirect_uri=uri)

    expect.not_led_to(response, uri)


@requirement("OIDCRPL-3-no-hint-no-redirect")
def test_logout_without_hint_leads_nowhere(log_out, clients):
    _ = clients.confidential  # this client has registered the URI
    response = log_out(post_logout_redirect_uri=LOGOUT_URI)

    expect.not_led_to(response, LOGOUT_URI)


@requirement("OIDCRPL-3-uri-of-other-client")
def test_uri_of_another_client_is_not_led_to(server, new_client, new_session):
    uri = "https://other-client.example.org/logout"
    new_client.confidential("openid", post_logout_redirect_uris=[uri])
    session = new_session()
    response = session.log_out(server, post_logout_redirect_uri=uri)

    expect.not_led_to(response, uri)


@requirement("OIDCRPL-3-uri-injection")
@pytest.mark.parametrize("uri", list(INJECTIONS))
def test_dangerous_uri_reaches_no_header(log_out, logged_out_id_token, uri):
    response = log_out(id_token_hint=logged_out_id_token, post_logout_redirect_uri=INJECTIONS[uri])

    expect.not_led_to(response, INJECTIONS[uri].partition("\r")[0])
    injected = "injected" in str(response.headers.multi_items())
    expect.that(not injected, "no new header", "one", response)


@requirement("OIDCRPL-3-uri-injection")
@pytest.mark.parametrize("parameter", ["state", "id_token_hint"])
def test_markup_reaches_no_page(log_out, new_session, parameter):
    hint = {} if parameter == "id_token_hint" else {"id_token_hint": new_session().id_token}
    response = log_out(**hint, **{parameter: "<script>alert(1)</script>"})

    expect.no_server_error(response)
    page = "html" in response.headers.get("content-type", "")
    shown = page and "<script>alert(1)" in response.text
    expect.that(not shown, "no script in the page", response.text, response)


@requirement("OIDCRPL-2-hint-forged")
@pytest.mark.parametrize("how", ["other_claims", "alg_none", "another_key", "signature_cut"])
def test_forged_hint_logs_nobody_out(api, log_out, new_session, forger, how):
    session = new_session()
    before = api.get(PATH, session.access_token)
    hint = forger.forge(session.id_token, how)
    response = log_out(id_token_hint=hint, post_logout_redirect_uri=LOGOUT_URI)

    expect.status(before, 200)
    expect.not_led_to(response, LOGOUT_URI, "the hint is forged: strangers could log users out")
    expect.status(api.get(PATH, session.access_token), 200)


@requirement("OIDCRPL-2-access-token-as-hint")
def test_access_token_is_no_hint(api, log_out, new_session):
    session = new_session()
    before = api.get(PATH, session.access_token)
    response = log_out(id_token_hint=session.access_token, post_logout_redirect_uri=LOGOUT_URI)

    expect.status(before, 200)
    expect.not_led_to(response, LOGOUT_URI)
    expect.status(api.get(PATH, session.access_token), 200)


@requirement("OIDCRPL-2-client-id-mismatch")
def test_client_id_has_to_fit_the_hint(server, api, new_session, confidential_client):
    session = new_session()
    before = api.get(PATH, session.access_token)
    response = session.log_out(
        server,
        client_id=confidential_client.client_id,
        post_logout_redirect_uri=LOGOUT_URI,
    )

    expect.status(before, 200)
    expect.not_led_to(response, LOGOUT_URI)
    expect.status(api.get(PATH, session.access_token), 200)


@requirement("OIDCRPL-2-hint-malformed")
@pytest.mark.parametrize("hint", list(MALFORMED))
def test_malformed_hint_is_refused_cleanly(log_out, hint):
    response = log_out(id_token_hint=MALFORMED[hint], post_logout_redirect_uri=LOGOUT_URI)

    expect.not_led_to(response, LOGOUT_URI)
    disclosure.no_internals(response)
