"""Revocation: by the client at its endpoint, by the administrator at the client's page."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.given.sessions import OFFLINE_SCOPE, SCOPE

PLACE = "/api/facility"
SHUT_OUT = "an administrator disabled the client to shut it out"
REVIVED = "the token was ended, and the user's next login must not revive it"
PUBLIC_SCOPE = "openid api:fhir patient/Patient.read"


@pytest.fixture(scope="module")
def came_back(server, api, sign_in, ended):
    """Log in again where a session was `ended(by)`, each once.

    Gives the answers of the API to the new access token and to the old one, and then to a refresh
    with the old refresh token.
    """

    def come(by):
        session = ended(by).session
        again = sign_in(OFFLINE_SCOPE, client=session.client)
        new, old = (api.get(PLACE, each.access_token) for each in (again, session))
        return new, old, server.refresh(session.client, session.refresh_token)

    return cache(come)


@requirement("RFC7009-2-endpoint-or-absent")
def test_revoked_refresh_token_gives_nothing(server, new_session):
    """Revoking a refresh token answers 200, and the token gives no tokens any more."""
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(session.client, session.refresh_token)

    expect.status(response, 200)
    expect.no_token(server.refresh(session.client, session.refresh_token))


@requirement("RFC7009-2-access-token")
def test_revoked_access_token_opens_nothing(server, api, new_session):
    """Revoking an access token answers 200, and the token opens nothing any more."""
    session = new_session()
    before = api.get(PLACE, session.access_token)
    response = server.revoke(session.client, session.access_token)

    expect.status(before, 200)
    expect.status(response, 200)
    expect.no_data(api.get(PLACE, session.access_token))


@requirement("RFC7009-2.2-unknown-token-200")
def test_revoking_an_unknown_token_answers_200(server, confidential_client):
    """Revoking a token that the server does not know answers 200."""
    response = server.revoke(confidential_client, "no-token-at-all")

    expect.status(response, 200)


@requirement("RFC7009-2.1-client-auth")
@pytest.mark.parametrize("with_", ["wrong_secret", "no_secret"])
def test_revocation_needs_credentials(server, api, new_session, with_):
    """A token is not revoked by a caller without the client's credentials."""
    session = new_session()
    client = session.client
    auth = {
        "wrong_secret": client.authentication(secret="not-the-secret-of-anybody"),
        "no_secret": client.authentication("none"),
    }[with_]
    response = server.revoke(client, session.access_token, auth=auth)

    expect.oauth_error(response, "invalid_client", statuses=(400, 401))
    expect.status(api.get(PLACE, session.access_token), 200)


@requirement("RFC7009-2.1-anonymous")
def test_revocation_by_nobody_is_refused(server, http):
    """A revocation by nobody is refused, also where none is offered."""
    response = http.post(server.url("/revoke"), data={"token": "no-token-at-all"})

    received = f"{response.status_code}, which a client takes for a token that is revoked"
    expect.that(response.is_client_error, "a status of 4xx", received, response)


@requirement("RFC7009-2.1-bound-client")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_client_cannot_revoke_what_is_not_its_own(
    server, api, new_session, confidential_client, kind
):
    """A client cannot revoke the token of another client."""
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(confidential_client, getattr(session, kind))

    expect.no_server_error(response)
    expect.status(api.get(PLACE, session.access_token), 200)
    expect.status(server.refresh(session.client, session.refresh_token), 200)


@requirement("RFC7009-2.1-refresh-cascades")
def test_revoked_refresh_token_takes_its_access_tokens_along(server, api, new_session):
    """Revoking a refresh token also revokes the access tokens of the same grant."""
    session = new_session(OFFLINE_SCOPE)
    before = api.get(PLACE, session.access_token)
    response = server.revoke(session.client, session.refresh_token)

    expect.status(before, 200)
    expect.status(response, 200)
    expect.no_data(api.get(PLACE, session.access_token))


@requirement("RFC7009-2.1-wrong-hint")
@pytest.mark.parametrize("hint", ["access_token", "unknown"])
def test_wrong_hint_does_not_save_a_token(server, new_session, hint):
    """A wrong token_type_hint does not keep a token from being revoked."""
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(session.client, session.refresh_token, hint=hint)

    expect.status(response, 200)
    expect.no_token(server.refresh(session.client, session.refresh_token))


@requirement("ONC-G10-token-revocation")
@pytest.mark.unpooled_clients
def test_refresh_ends_with_the_revoked_authorization(server, administrator, new_session):
    """When a user's authorization of a client is revoked, its refresh token gives nothing."""
    session = new_session(OFFLINE_SCOPE)
    administrator.revoke(session.client.client_id, "trusted-user")
    response = server.refresh(session.client, session.refresh_token)

    expect.no_token(response)


@requirement("OPENEMR-REVOKE-user-access")
def test_access_ends_with_the_revoked_authorization(ended):
    """When a user's authorization of a client is revoked, its access token opens nothing."""
    session = ended("administrator")

    expect.status(session.before.opened, 200)
    expect.no_data(session.after.opened)


@requirement("API-revocation-visible")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "by",
    [
        pytest.param("logout", marks=needs("oauth.logout"), id="logout"),
        pytest.param("administrator", marks=needs("administration"), id="administrator"),
    ],
)
def test_ended_tokens_stay_dead_after_the_next_login(ended, came_back, by, kind):
    """A token that was ended stays dead when the same user logs in to the same client again."""
    session = ended(by)
    new, old, refresh = came_back(by)

    expect.status(session.before.opened, 200)
    expect.no_data(session.after.opened)
    expect.status(new, 200)
    if kind == "access_token":
        expect.no_data(old, because=REVIVED)
    else:
        expect.no_token(refresh, REVIVED)


@requirement("ONC-G10-client-revocation")
@pytest.mark.parametrize("what", ["access_token", "refresh_token", "code"])
@pytest.mark.unpooled_clients
def test_disabled_client_loses_its_tokens(shut_out, server, administrator, authorization, what):
    """When a client is disabled, its access tokens, refresh tokens and codes are worth nothing."""
    if what == "code":
        client, given = authorization(SCOPE)
        code = given.code
        administrator.disable(client.client_id)
        expect.no_token(server.exchange(client, code, verifier=given.verifier), SHUT_OUT)
        return
    client = shut_out("refresh_token")

    expect.status(client.before, 200)
    if what == "refresh_token":
        expect.no_token(client.response, SHUT_OUT)
    else:
        expect.no_data(client.after, because=SHUT_OUT)


@requirement("ONC-G10-public-client-revocation")
def test_disabled_public_client_exchanges_no_code(shut_out):
    """When a public client is disabled, its tokens and codes are worth nothing."""
    client = shut_out("authorization_code")

    expect.no_token(client.response, SHUT_OUT)


@requirement("ONC-G10-public-client-revocation")
@pytest.mark.unpooled_clients
def test_disabled_public_client_loses_its_access_token(
    server, api, patient, administrator, browser, new_client
):
    """When a public client is disabled, its tokens and codes are worth nothing."""
    client = new_client.public(PUBLIC_SCOPE)
    given = browser.authorize(client, patient, PUBLIC_SCOPE)
    issued = server.exchange(client, given.code, verifier=given.verifier)
    token = require_tokens(issued)["access_token"]
    before = api.get("/fhir/Patient", token)
    administrator.disable(client.client_id)

    expect.status(before, 200)
    expect.no_data(api.get("/fhir/Patient", token), because=SHUT_OUT)


@requirement("ONC-G10-backend-client-revocation")
def test_disabled_backend_client_loses_its_tokens(shut_out):
    """When a backend client is disabled, its token is worth nothing and it gets no other."""
    client = shut_out("client_credentials")

    expect.status(client.before, 200)
    expect.no_token(client.response, SHUT_OUT)
    expect.no_data(client.after, because=SHUT_OUT)


@requirement("OPENEMR-REVOKE-single-token")
@pytest.mark.unpooled_clients
def test_single_revoked_token_is_the_only_one(api, administrator, new_session, log_in_again):
    """Revoking one access token at the client's page ends that one and no other."""
    session = new_session()
    other = log_in_again(session)
    before = [api.get(PLACE, each.access_token) for each in (session, other)]
    administrator.revoke(session.client.client_id, "access-token")
    after = [api.get(PLACE, each.access_token).status_code for each in (session, other)]

    for response in before:
        expect.status(response, 200)
    expect.equal(sorted(code == 200 for code in after), [False, True], "which tokens still work")


@requirement("OPENEMR-REVOKE-user-others-alive")
@pytest.mark.unpooled_clients
def test_revoked_user_leaves_other_users_alone(api, administrator, new_session, patient):
    """Revoking one user of a client leaves the client's other users alone."""
    scope = "openid api:oemr api:port user/facility.read patient/patient.read"
    session = new_session(scope)
    other = new_session(scope, user=patient, client=session.client)
    administrator.revoke(session.client.client_id, "trusted-user")
    ended = [
        api.get(PLACE, session.access_token).is_success,
        api.get("/portal/patient", other.access_token).is_success,
    ]

    expect.equal(sorted(ended), [False, True], "which users still have access")
