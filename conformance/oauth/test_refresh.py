"""The refresh token grant: new tokens for the same client, and never for more scopes."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.keys import unverified_claims
from fixtures.driver.login_pages import Browser
from fixtures.given.authorizations import OPTIONAL
from fixtures.given.faulty_redemptions import Redeemable, Redemptions
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked

SCOPE = "openid offline_access api:oemr user/patient.read user/facility.read"
NATIVE = "openid offline_access launch/patient api:fhir patient/Patient.read"
NARROW = "openid offline_access api:oemr user/patient.read"
PUBLIC_SCOPE = "openid offline_access profile api:oemr"


@pytest.fixture(scope="module")
def foreign_refresh(server, new_shared_session, confidential_client, public_client):
    """Send a refresh token from other clients and then from its own, once.

    Returns the responses, by the kind of client, and the session.
    """
    others = {"confidential": confidential_client, "public": public_client}

    def send():
        sessions, made = [], Redemptions()

        def token():
            sessions.append(new_shared_session(SCOPE))
            return Redeemable(sessions[-1].client, _refresh_token(sessions[-1].answer), scope=SCOPE)

        def by(client):
            return lambda good: server.refresh(client, good.value)

        made.send(
            {kind: by(other) for kind, other in others.items()},
            token,
            lambda good: server.refresh(good.client, good.value),
        )
        return made, sessions[-1]

    return cache(send)


@pytest.fixture(scope="module")
def refresh_responses(server, api, new_shared_session, foreign_refresh):
    """Refresh once, and return four responses, which no check changes.

    The responses to the login, to the refresh, of the API to the new access token, and to a second
    use of the first refresh token.
    """

    def refresh():
        uses, session = foreign_refresh()
        used, response = uses.redeemed or (None, None)
        if used is None or used.value != session.refresh_token:
            session = new_shared_session(SCOPE)
            response = server.refresh(session.client, _refresh_token(session.answer))
        token = session.refresh_token
        opened = api.get("/api/facility", _member(response, "access_token"))
        return session.response, response, opened, server.refresh(session.client, token)

    return cache(refresh)


@pytest.fixture(scope="module")
def responses_to_reuse(server, registrar, code_flow_with_optional_parameters, admin):
    """Use the refresh token of a public client twice, once for all checks.

    Returns the responses to the code, to its refresh token, to the same token again, and to its
    successor. The authorization request has max_age, unless that did harm elsewhere.
    """

    def reuse():
        client = registrar.public(PUBLIC_SCOPE)
        wishes = {"max_age": OPTIONAL["max_age"]} if code_flow_with_optional_parameters else None
        allowed = Browser(server).authorize(client, admin, PUBLIC_SCOPE, parameters=wishes)
        answer = server.exchange(client, allowed.code, verifier=allowed.verifier)
        token = _refresh_token(require_tokens(answer))
        used = server.refresh(client, token)
        again = server.refresh(client, token)
        successor = require_tokens(used).get("refresh_token", token)
        return answer, used, again, server.refresh(client, successor)

    return cache(reuse)


@requirement("RFC6749-6-refresh-ok")
def test_refresh_gives_a_token_that_works(refresh_responses):
    login, response, opened, _ = refresh_responses()

    expect.status(response, 200)
    token = expect.member(response, "access_token", kind=str)
    first = require_tokens(login)["access_token"]
    expect.that(token != first, "another access token", "the same", [response, login])
    expect.status(opened, 200)


@requirement("RFC6749-6-refresh-bound-client")
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_refresh_token_of_another_client_is_refused(foreign_refresh, kind):
    answers, _ = foreign_refresh()

    expect.no_token(answers[kind])


@requirement("RFC6749-6-refresh-scope-escalation")
@pytest.mark.parametrize(
    "more",
    [
        "user/facility.read",
        "user/patient.write",
        pytest.param("user/patient.cruds", marks=needs("smart.v2_scopes")),
    ],
    ids=lambda scope: scope.replace("/", "_"),
)
@pytest.mark.usefixtures("refresh_control")
def test_refresh_widens_no_scope(server, new_client, tokens, admin, more):
    client = new_client.confidential(f"{NARROW} user/facility.read user/patient.write")
    body = require_tokens(tokens.fetch(client, admin, NARROW))
    response = server.refresh(client, body["refresh_token"], f"{NARROW} {more}")
    held = str(response.json().get("scope", "")).split() if response.status_code == 200 else []

    expect.no_server_error(response)
    expect.that(more not in held, f"a scope without {more}", held, response)


@requirement("RFC6749-6-refresh-scope-omitted")
def test_refresh_without_a_scope_keeps_the_scope(refresh_responses):
    login, response, _, _ = refresh_responses()

    expect.status(response, 200)
    held = expect.member(response, "scope", kind=str)
    first = require_tokens(login)["scope"]
    expect.equal({*held.split()}, {*str(first).split()}, "scope", [response, login])


@requirement("RFC6749-6-refresh-after-nonce")
def test_refresh_after_a_nonce_keeps_the_scope(server, new_authorization):
    client, allowed = new_authorization(NARROW, parameters={"nonce": "n-0S6_WzA2Mj"})
    body = require_tokens(server.exchange(client, allowed.code, verifier=allowed.verifier))
    response = server.refresh(client, body["refresh_token"])

    expect.status(response, 200)


@requirement("RFC6749-6-refresh-after-narrowing")
def test_narrowed_refresh_keeps_the_grant(server, client_with_tokens):
    client, login = client_with_tokens(SCOPE)
    body = require_tokens(login)
    narrowed = require_tokens(server.refresh(client, body["refresh_token"], NARROW))
    newest = narrowed.get("refresh_token", body["refresh_token"])
    response = server.refresh(client, newest)

    expect.status(response, 200)
    held = expect.member(response, "scope", kind=str)
    expect.equal({*held.split()}, {*str(body["scope"]).split()}, "scope", [response, login])


@requirement("RFC6749-6-refresh-invalid")
@pytest.mark.parametrize("fault", ["unknown", "cut", "flipped"])
@pytest.mark.usefixtures("refresh_control")
def test_bent_refresh_token_is_an_invalid_grant(server, tokens, confidential_client, fault):
    token = str(tokens.body("admin", NARROW)["refresh_token"])
    middle = len(token) // 2
    swapped = "a" if token[middle] != "a" else "b"
    bent = {
        "unknown": "0123456789abcdef" * 4,
        "cut": token[:middle],
        "flipped": token[:middle] + swapped + token[middle + 1 :],
    }
    response = server.refresh(confidential_client, bent[fault])

    expect.oauth_error(response, "invalid_grant")


@requirement("RFC6749-6-refresh-invalid")
@pytest.mark.parametrize("fault", ["used", "foreign"])
def test_dead_refresh_token_is_an_invalid_grant(
    refresh_responses, foreign_refresh, expect_rotation, fault
):
    if fault == "used":
        expect_rotation()
        _, used, _, response = refresh_responses()
        require_tokens(used)
    else:
        response = foreign_refresh()[0]["confidential"]

    expect.oauth_error(response, "invalid_grant")


@requirement("RFC6749-6-access-token-as-refresh")
@pytest.mark.parametrize("kind", ["access_token", "id_token"])
@pytest.mark.usefixtures("refresh_control")
def test_other_tokens_refresh_nothing(server, session_by_grant, kind):
    session = session_by_grant("authorization_code")
    response = server.refresh(session.client, getattr(session, kind))

    expect.no_token(response)
    expect.refused(response)


@requirement("RFC6749-6-refresh-missing")
@pytest.mark.usefixtures("refresh_control")
def test_refresh_without_a_token_is_an_invalid_request(server, confidential_client):
    form = {"grant_type": "refresh_token"}
    response = server.token(form, confidential_client.authentication())

    expect.oauth_error(response, "invalid_request")


@requirement("RFC9700-2.2.2-rotation-public")
def test_refresh_token_of_a_public_client_is_replaced(responses_to_reuse):
    answer, used, again, _ = responses_to_reuse()

    token = require_tokens(answer)["refresh_token"]
    newest = require_tokens(used).get("refresh_token", token)
    expect.that(newest != token, "another refresh token", "the same", [used, answer])
    expect.no_token(again)


@requirement("RFC9700-4.14-reuse-revokes-family")
def test_reuse_of_a_refresh_token_revokes_its_successor(responses_to_reuse):
    _, used, again, successor = responses_to_reuse()

    require_tokens(used)
    expect.no_token(again)
    expect.no_token(successor)


@requirement("OIDCC-12.2-refresh-id-token")
def test_id_token_of_a_refresh_is_of_the_same_user(refresh_responses):
    login, response, _, _ = refresh_responses()
    both = [response, login]
    first = unverified_claims(require_tokens(login)["id_token"])
    second = require_tokens(response).get("id_token")

    # The response to a refresh may have no ID token.
    later = unverified_claims(second) if second else first
    for name in ("iss", "sub", "aud"):
        expect.equal(later.get(name), first.get(name), name, both)
    expect.that(later["iat"] >= first["iat"], "a new iat", later["iat"], both)


@requirement("OIDCC-12.2-refresh-auth-time")
def test_id_token_of_a_refresh_keeps_the_login(
    server, code_flow_with_optional_parameters, responses_to_reuse, new_authorization
):
    if code_flow_with_optional_parameters:
        login, response, _, _ = responses_to_reuse()
    else:
        client, allowed = new_authorization(NARROW, parameters={"max_age": OPTIONAL["max_age"]})
        login = server.exchange(client, allowed.code, verifier=allowed.verifier)
        response = server.refresh(client, require_tokens(login)["refresh_token"])

    first = unverified_claims(require_tokens(login)["id_token"])
    second = require_tokens(response).get("id_token")
    later = unverified_claims(second) if second else {}
    for name in ("auth_time", "nonce"):
        kept = name not in later or later[name] == first.get(name)
        words = f"{name} {first.get(name)}, or none"
        expect.that(kept, words, later.get(name), [response, login])


@requirement("OIDCC-11-offline-access")
@pytest.mark.parametrize(
    "grant",
    [
        "authorization_code",
        pytest.param("password", marks=needs("oauth.password_grant"), id="password"),
    ],
)
def test_refresh_token_takes_offline_access(
    server, new_authorization, client_with_tokens, token_response, grant
):
    scope = "openid api:oemr user/patient.read"
    if grant == "password":
        _, response = client_with_tokens(scope)
    else:
        client, allowed = new_authorization(scope)
        response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    body = require_tokens(response)
    expect.that("refresh_token" not in body, "no refresh_token", sorted(body), response)
    expect.member(token_response(grant), "refresh_token", kind=str)


@requirement("OIDCC-11-offline-access-unticked")
def test_no_refresh_token_without_consent(server, new_authorization):
    client, allowed = new_authorization(NARROW, approve=["openid", "api:oemr", "user/patient.read"])
    response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.that(
        "refresh_token" not in require_tokens(response), "no refresh_token", "one", response
    )


@requirement("SMART-2.2-refresh-required-fields")
def test_refresh_response_has_its_members(token_response):
    response = token_response("refresh_token")

    expect.status(response, 200)
    for name in ("access_token", "token_type", "expires_in", "scope"):
        expect.member(response, name)


@requirement("OPENEMR-REFRESH-example")
def test_refresh_gives_what_the_document_shows(refresh_responses, expect_rotation):
    expect_rotation()
    login, response, _, _ = refresh_responses()

    expect.status(response, 200)
    expect.member(response, "id_token", kind=str)
    token = expect.member(response, "refresh_token", kind=str)
    first = require_tokens(login)["refresh_token"]
    expect.that(token != first, "another refresh token", "the same", [response, login])


@requirement("SMART-2.2-offline-90-days")
def test_refresh_token_lives_for_three_months(server, session_by_grant):
    session = session_by_grant("authorization_code")
    response = server.introspect(session.client, session.refresh_token, hint="refresh_token")
    began = float(unverified_claims(session.id_token)["iat"])

    if expect.member(response, "active") is True and "exp" not in response.json():
        not_applicable("introspection need not give the exp of a refresh token")
    expires = expect.member(response, "exp", kind=int)
    days = (expires - began) / 86400
    expect.that(days >= 89, "89 days or more", expires - began, [response, session.response])


@requirement("ONC-G10-native-refresh")
def test_native_app_without_a_secret_stays_connected(server, new_client, browser, patient):
    client = new_client.public(NATIVE, application_type="native")
    allowed = browser.authorize(client, patient, NATIVE)
    login = server.exchange(client, allowed.code, verifier=allowed.verifier)
    require_tokens(login)
    first = expect.member(login, "refresh_token", kind=str)
    response = server.refresh(client, first)

    expect.status(response, 200)
    newest = str(expect.json_object(response).get("refresh_token") or first)
    expect.status(server.refresh(client, newest), 200)


def _member(response, name):
    """Return a member of a response, or a value that no server issued."""
    try:
        return str(response.json()[name])
    except (ValueError, KeyError, TypeError):
        return "none"


def _refresh_token(body):
    """Return the refresh token in the body of a token response; Blocked if it has none."""
    if not body.get("refresh_token"):
        raise Blocked("no refresh_token to judge with, though offline_access was asked for")
    return body["refresh_token"]
