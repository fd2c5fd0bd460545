"""Logout by a client (RP-initiated): what it ends, and where it redirects."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import LOGOUT_URI
from fixtures.driver.logout_pages import end_session
from fixtures.given.sessions import API_PATHS, OFFLINE_SCOPE, SCOPE
from fixtures.wire.client import query

PATH = "/api/facility"
URIS = {"first": f"{LOGOUT_URI}/first", "second": f"{LOGOUT_URI}/second"}
STATES = {"plain": "plain-state-to-come-back", "odd_letters": "odd state&c=d%#\u00e9+"}


@pytest.fixture(scope="module")
def logout_responses(server, api, new_shared_session):
    """Log out once without a redirect URI, and return the responses by name.

    `first` and `second` are those to the logout and to a second one; `before` and `after` those of
    the API to the ended token, and `other` that to a token of another client.
    """

    def end():
        session, other = new_shared_session(), new_shared_session()
        answers = {"before": api.get(PATH, session.access_token)}
        answers["first"] = session.log_out(server)
        answers["after"] = api.get(PATH, session.access_token)
        answers["other"] = api.get(PATH, other.access_token)
        answers["second"] = session.log_out(server)
        return answers

    return cache(end)


@pytest.fixture(scope="module")
def logout_redirect(server, new_shared_session):
    """Log out once with a registered URI and a plain state, and return the response."""
    sent = {"post_logout_redirect_uri": LOGOUT_URI, "state": STATES["plain"]}
    return cache(lambda: new_shared_session().log_out(server, **sent))


@pytest.fixture(scope="module")
def unconfirmed_logout(login_before_consent):
    """Request a logout without parameters during a login, once.

    Returns the response, and a function that continues the login.
    """

    def ask():
        browser, finish = login_before_consent()
        return browser.http.get(browser.server.endpoint("end_session_endpoint")), finish

    return cache(ask)


@requirement("OIDCRPL-2.1-end-session-endpoint")
def test_end_session_endpoint_is_published(discovery, target):
    endpoint = expect.member(discovery, "end_session_endpoint", kind=str)

    scheme = target.base_url.partition("://")[0]
    expect.that(endpoint.startswith(f"{scheme}://"), f"a URL with {scheme}", endpoint, discovery)


@requirement("OIDCRPL-2-get")
def test_logout_by_get_ends_at_a_page_of_the_server(logout_responses, target):
    response = logout_responses()["first"]

    location = response.headers.get("location", target.base_url)
    expect.status(response, 200, 302, 303)
    own = location.startswith((target.base_url, "/"))
    expect.that(own, "a page of the server", location, response)


@requirement("OIDCRPL-2-post")
def test_logout_by_post_does_what_get_does(server, new_session):
    session = new_session()
    response = session.log_out(server, method="POST", post_logout_redirect_uri=LOGOUT_URI)

    expect.redirect(response, LOGOUT_URI)


@requirement("OIDCRPL-2-redirect-registered")
def test_logout_leads_to_the_registered_uri(logout_redirect):
    response = logout_redirect()

    expect.redirect(response, LOGOUT_URI)


@requirement("OIDCRPL-2-multi-uris")
@pytest.mark.parametrize("uri", list(URIS))
def test_each_registered_uri_is_led_to(server, new_session, client_with_two_uris, uri):
    session = new_session(client=client_with_two_uris)
    response = session.log_out(server, post_logout_redirect_uri=URIS[uri])

    expect.redirect(response, URIS[uri])


@pytest.fixture(scope="module")
def client_with_two_uris(registrar):
    """A client with two URIs for the redirect after a logout."""
    return registrar.confidential(SCOPE, post_logout_redirect_uris=list(URIS.values()))


@requirement("OIDCRPL-3-state-echo")
@pytest.mark.parametrize("state", list(STATES))
def test_state_comes_back_unchanged(server, logout_redirect, new_session, state):
    sent = {"post_logout_redirect_uri": LOGOUT_URI, "state": STATES[state]}
    response = {
        "plain": logout_redirect,
        "odd_letters": lambda: new_session().log_out(server, **sent),
    }[state]()

    found = expect.redirect(response, LOGOUT_URI)
    expect.equal(found, {"state": STATES[state]}, "the query", response)


@requirement("OIDCRPL-3-uri-query-kept")
def test_query_of_a_registered_uri_is_kept(server, new_session):
    uri = f"{LOGOUT_URI}?from=openemr"
    session = new_session(post_logout_redirect_uris=[uri])
    response = session.log_out(server, post_logout_redirect_uri=uri, state="state-to-come-back")

    expected = {"from": "openemr", "state": "state-to-come-back"}
    expect.equal(expect.redirect(response, LOGOUT_URI), expected, "the query", response)


@requirement("OIDCRPL-3-no-state")
def test_no_state_is_made_up(server, new_session):
    session = new_session()
    response = session.log_out(server, post_logout_redirect_uri=LOGOUT_URI)

    expect.redirect(response, LOGOUT_URI)
    location = response.headers["location"]
    expect.that("state" not in query(location), "no state", location, response)


@requirement("OPENEMR-LOGOUT-example")
@pytest.mark.parametrize(
    "grant", ["authorization_code", pytest.param("password", marks=needs("oauth.password_grant"))]
)
def test_logout_ends_the_access_token(server, api, logout_responses, new_session, grant):
    if grant == "password":
        before, after = logout_responses()["before"], logout_responses()["after"]
    else:
        session = new_session(SCOPE, by_code=True)
        before = api.get(PATH, session.access_token)
        session.log_out(server)
        after = api.get(PATH, session.access_token)

    expect.status(before, 200)
    expect.no_data(after, because="the user logged out")


@requirement("OPENEMR-LOGOUT-refresh")
@pytest.mark.usefixtures("refresh_control")
def test_logout_ends_the_refresh_token(server, new_session):
    session = new_session(OFFLINE_SCOPE)
    session.log_out(server)
    response = server.refresh(session.client, session.refresh_token)

    expect.no_token(response, "the user logged out, and the app would stay logged in for months")


@requirement("OPENEMR-LOGOUT-other-sessions")
def test_logout_leaves_other_clients_alone(logout_responses):
    expect.no_data(logout_responses()["after"])
    expect.status(logout_responses()["other"], 200)


@requirement("OPENEMR-LOGOUT-repeat")
def test_logout_can_be_repeated(logout_responses):
    expect.status(logout_responses()["first"], 200, 302, 303)
    expect.status(logout_responses()["second"], 200, 302, 303)


@requirement("OIDCRPL-2-earlier-id-token")
def test_earlier_id_token_is_a_good_hint(server, api, admin, new_authorization, new_browser):
    client, given = new_authorization(SCOPE, parameters={"nonce": "first"})
    first = expect.json_object(server.exchange(client, given.code, verifier=given.verifier))
    latest = new_browser()
    later = latest.authorize(client, admin, SCOPE, parameters={"nonce": "second"})
    second = expect.json_object(server.exchange(client, later.code, verifier=later.verifier))
    token = second.get("access_token")
    before = api.get(PATH, token)
    response = end_session(latest, id_token_hint=first.get("id_token"))

    expect.status(before, 200)
    expect.status(response, 200, 302, 303)
    expect.no_data(api.get(PATH, token))


@requirement("OIDCRPL-logout-no-params")
def test_logout_without_parameters_is_a_page(unconfirmed_logout, target):
    response, _ = unconfirmed_logout()

    location = response.headers.get("location", target.base_url)
    expect.status(response, 200, 302, 303)
    own = location.startswith((target.base_url, "/"))
    expect.that(own, "a page of the server", location, response)


@requirement("OIDCRPL-2-ask-without-hint")
@pytest.mark.parametrize("hint", ["none", pytest.param("other_user", marks=needs("patients"))])
def test_nobody_is_logged_out_unasked(
    request, unconfirmed_logout, login_before_consent, new_session, hint
):
    if hint == "none":
        response, finish = unconfirmed_logout()
    else:
        other = new_session(API_PATHS["portal"][1], user=request.getfixturevalue("patient"))
        browser, finish = login_before_consent()
        sent = {"id_token_hint": other.id_token}
        response = browser.http.get(browser.server.endpoint("end_session_endpoint"), params=sent)
    authorization = finish()

    expect.no_server_error(response)
    expect.that(
        "code" in authorization.parameters,
        "the login to continue",
        authorization.parameters,
        [authorization.response, response],
    )
