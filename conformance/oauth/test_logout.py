"""Logout at the request of a client: what it ends, and where it leads."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import LOGOUT_URI
from fixtures.driver.login_pages import Browser
from fixtures.given.sessions import OFFLINE_SCOPE, PLACES, SCOPE, Session, end_session
from fixtures.wire.client import query

PLACE = "/api/facility"
URIS = {"first": f"{LOGOUT_URI}/first", "second": f"{LOGOUT_URI}/second"}
STATES = {"plain": "plain-state-to-come-back", "odd_letters": "odd state&c=d%#\u00e9+"}


@pytest.fixture(scope="module")
def ended(server, api, sign_in):
    """Log out once without a redirect URI: `ended()` gives what came of it, by name.

    `first` and `second` are the answers to the logout and to the same again; `before` and `after`
    those of the API to the token that was logged out, `other` to one of another client.
    """

    def end():
        session, other, browser = sign_in(), sign_in(), Browser(server)
        answers = {"before": api.get(PLACE, session.access_token)}
        answers["first"] = end_session(browser, id_token_hint=session.id_token)
        answers["after"] = api.get(PLACE, session.access_token)
        answers["other"] = api.get(PLACE, other.access_token)
        answers["second"] = end_session(browser, id_token_hint=session.id_token)
        return answers

    return cache(end)


@pytest.fixture(scope="module")
def led_back(server, sign_in):
    """Log out once with a registered address and a plain state; `led_back()` gives the answer."""
    sent = {"post_logout_redirect_uri": LOGOUT_URI, "state": STATES["plain"]}
    return cache(lambda: end_session(Browser(server), id_token_hint=sign_in().id_token, **sent))


@pytest.fixture(scope="module")
def unasked(at_consent):
    """Ask for a logout without parameters in the midst of a login, once.

    `unasked()` gives the answer, and what goes on with the login.
    """

    def ask():
        browser, finish = at_consent()
        return browser.http.get(browser.server.url("/logout")), finish

    return cache(ask)


@requirement("OIDCRPL-2.1-end-session-endpoint")
def test_end_session_endpoint_is_published(discovery, target):
    """The discovery document names the end_session_endpoint, with the scheme of the server."""
    endpoint = expect.member(discovery, "end_session_endpoint", kind=str)

    scheme = target.base_url.partition("://")[0]
    expect.that(endpoint.startswith(f"{scheme}://"), f"a URL with {scheme}", endpoint, discovery)


@requirement("OIDCRPL-2-get")
def test_logout_by_get_ends_at_a_page_of_the_server(ended, target):
    """Logout by GET without a redirect URI ends at a page of the server."""
    response = ended()["first"]

    location = response.headers.get("location", target.base_url)
    expect.status(response, 200, 302, 303)
    own = location.startswith((target.base_url, "/"))
    expect.that(own, "a page of the server", location, response)


@requirement("OIDCRPL-2-post")
def test_logout_by_post_does_what_get_does(log_out, new_session):
    """Logout by POST of a form leads where logout by GET leads."""
    session = new_session()
    response = log_out("POST", id_token_hint=session.id_token, post_logout_redirect_uri=LOGOUT_URI)

    expect.redirect(response, LOGOUT_URI)


@requirement("OIDCRPL-2-redirect-registered")
def test_logout_leads_to_the_registered_uri(led_back):
    """Logout leads to the post_logout_redirect_uri that the client has registered."""
    response = led_back()

    expect.redirect(response, LOGOUT_URI)


@requirement("OIDCRPL-2-multi-uris")
@pytest.mark.parametrize("uri", list(URIS))
def test_each_registered_uri_is_led_to(log_out, new_session, of_two_uris, uri):
    """Logout leads to each post_logout_redirect_uri where a client has registered several."""
    session = new_session(client=of_two_uris)
    response = log_out(id_token_hint=session.id_token, post_logout_redirect_uri=URIS[uri])

    expect.redirect(response, URIS[uri])


@pytest.fixture(scope="module")
def of_two_uris(registrar):
    """A client with two addresses to return to after logout."""
    return registrar.confidential(SCOPE, post_logout_redirect_uris=list(URIS.values()))


@requirement("OIDCRPL-3-state-echo")
@pytest.mark.parametrize("state", list(STATES))
def test_state_comes_back_unchanged(led_back, log_out, new_session, state):
    """The state of a logout request comes back unchanged with the redirect."""
    sent = {"post_logout_redirect_uri": LOGOUT_URI, "state": STATES[state]}
    response = {
        "plain": led_back,
        "odd_letters": lambda: log_out(id_token_hint=new_session().id_token, **sent),
    }[state]()

    found = expect.redirect(response, LOGOUT_URI)
    expect.equal(found, {"state": STATES[state]}, "the query", response)


@requirement("OIDCRPL-3-uri-query-kept")
def test_query_of_a_registered_uri_is_kept(log_out, new_session):
    """The query of a registered post_logout_redirect_uri is kept when state is added to it."""
    uri = f"{LOGOUT_URI}?from=openemr"
    session = new_session(post_logout_redirect_uris=[uri])
    response = log_out(
        id_token_hint=session.id_token, post_logout_redirect_uri=uri, state="state-to-come-back"
    )

    expected = {"from": "openemr", "state": "state-to-come-back"}
    expect.equal(expect.redirect(response, LOGOUT_URI), expected, "the query", response)


@requirement("OIDCRPL-3-no-state")
def test_no_state_is_made_up(log_out, new_session):
    """A logout redirect carries no state where the request had none."""
    session = new_session()
    response = log_out(id_token_hint=session.id_token, post_logout_redirect_uri=LOGOUT_URI)

    expect.redirect(response, LOGOUT_URI)
    location = response.headers["location"]
    expect.that("state" not in query(location), "no state", location, response)


@requirement("OPENEMR-LOGOUT-example")
@pytest.mark.parametrize(
    "grant", ["authorization_code", pytest.param("password", marks=needs("oauth.password_grant"))]
)
def test_logout_ends_the_access_token(server, api, ended, log_out, authorization, grant):
    """After logout the access token of the grant opens nothing any more."""
    if grant == "password":
        before, after = ended()["before"], ended()["after"]
    else:
        client, given = authorization(SCOPE)
        session = Session(client, server.exchange(client, given.code, verifier=given.verifier))
        before = api.get(PLACE, session.access_token)
        log_out(id_token_hint=session.id_token)
        after = api.get(PLACE, session.access_token)

    expect.status(before, 200)
    expect.no_data(after, because="the user logged out")


@requirement("OPENEMR-LOGOUT-refresh")
def test_logout_ends_the_refresh_token(server, log_out, new_session):
    """After logout the refresh token of the grant gives no tokens any more."""
    session = new_session(OFFLINE_SCOPE)
    log_out(id_token_hint=session.id_token)
    response = server.refresh(session.client, session.refresh_token)

    expect.no_token(response, "the user logged out, and the app would stay logged in for months")


@requirement("OPENEMR-LOGOUT-other-sessions")
def test_logout_leaves_other_clients_alone(ended):
    """Logout from one client leaves what the user allowed to other clients alone."""
    expect.no_data(ended()["after"])
    expect.status(ended()["other"], 200)


@requirement("OPENEMR-LOGOUT-repeat")
def test_logout_can_be_repeated(ended):
    """A second logout with the same hint is as harmless as the first."""
    expect.status(ended()["first"], 200, 302, 303)
    expect.status(ended()["second"], 200, 302, 303)


@requirement("OIDCRPL-2-earlier-id-token")
def test_earlier_id_token_is_a_good_hint(server, api, admin, authorization, log_out, new_browser):
    """An ID token of an earlier login is accepted as hint while its authorization is good."""
    client, given = authorization(SCOPE, parameters={"nonce": "first"})
    first = expect.json_object(server.exchange(client, given.code, verifier=given.verifier))
    later = new_browser().authorize(client, admin, SCOPE, parameters={"nonce": "second"})
    second = expect.json_object(server.exchange(client, later.code, verifier=later.verifier))
    token = second.get("access_token")
    before = api.get(PLACE, token)
    response = log_out(id_token_hint=first.get("id_token"))

    expect.status(before, 200)
    expect.status(response, 200, 302, 303)
    expect.no_data(api.get(PLACE, token))


@requirement("OIDCRPL-logout-no-params")
def test_logout_without_parameters_is_a_page(unasked, target):
    """Logout without parameters asks the user of the session, or says that it is done."""
    response, _ = unasked()

    location = response.headers.get("location", target.base_url)
    expect.status(response, 200, 302, 303)
    own = location.startswith((target.base_url, "/"))
    expect.that(own, "a page of the server", location, response)


@requirement("OIDCRPL-2-ask-without-hint")
@pytest.mark.parametrize("hint", ["none", pytest.param("other_user", marks=needs("patients"))])
def test_nobody_is_logged_out_unasked(request, unasked, at_consent, new_session, hint):
    """Without a hint that names the user of the session, logout asks before it ends anything."""
    if hint == "none":
        response, finish = unasked()
    else:
        other = new_session(PLACES["portal"][1], user=request.getfixturevalue("patient"))
        browser, finish = at_consent()
        sent = {"id_token_hint": other.id_token}
        response = browser.http.get(browser.server.url("/logout"), params=sent)
    authorization = finish()

    expect.no_server_error(response)
    expect.that(
        "code" in authorization.parameters,
        "the login to go on",
        authorization.parameters,
        [authorization.response, response],
    )
