"""Revocation: by the client at its endpoint, by the administrator on the client's page."""

from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.given.sessions import OFFLINE_SCOPE, SCOPE
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked

PATH = "/api/facility"
SHUT_OUT = "an administrator has disabled the client"
REVIVED = "the token was ended, and the user's next login must not revive it"
PUBLIC_SCOPE = "openid api:fhir patient/Patient.read"
PATIENT_SCOPE = "openid offline_access launch/patient api:fhir patient/Patient.read"


@pytest.fixture(scope="module")
def next_login(server, api, new_shared_session, ended_session):
    """Log in again after a session was ended, once for each way to end it.

    Returns the responses of the API to the new access token and to the old one, and then to a
    refresh with the old refresh token.
    """

    def come(by):
        session = ended_session(by).session
        again = new_shared_session(OFFLINE_SCOPE, client=session.client)
        new, old = (api.get(PATH, each.access_token) for each in (again, session))
        return new, old, server.refresh(session.client, session.refresh_token)

    return cache(come)


@requirement("RFC7009-2-endpoint-or-absent")
@pytest.mark.usefixtures("refresh_control")
def test_revoked_refresh_token_gives_nothing(server, new_session):
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(session.client, session.refresh_token)

    expect.status(response, 200)
    expect.no_token(server.refresh(session.client, session.refresh_token))


@requirement("RFC7009-2-access-token")
def test_revoked_access_token_opens_nothing(server, api, new_session):
    session = new_session()
    before = api.get(PATH, session.access_token)
    response = server.revoke(session.client, session.access_token)

    expect.status(before, 200)
    error = expect.json_object(response).get("error") if response.is_client_error else None
    if error == "unsupported_token_type":
        not_applicable("the server does not revoke access tokens (RFC 7009 section 2.2.1)")
    expect.status(response, 200)
    expect.no_data(api.get(PATH, session.access_token))


@requirement("RFC7009-2.2-unknown-token-200")
def test_revoking_an_unknown_token_answers_200(server, confidential_client):
    response = server.revoke(confidential_client, "no-token-at-all")

    expect.status(response, 200)


@requirement("RFC7009-2.1-client-auth")
@pytest.mark.parametrize("with_", ["wrong_secret", "no_secret"])
@pytest.mark.usefixtures("revocation_control")
def test_revocation_needs_credentials(server, api, new_session, with_):
    session = new_session()
    client = session.client
    auth = {
        "wrong_secret": client.authentication(secret="not-the-secret-of-anybody"),
        "no_secret": client.authentication("none"),
    }[with_]
    response = server.revoke(client, session.access_token, auth=auth)

    expect.oauth_error(response, "invalid_client", statuses=(400, 401))
    expect.status(api.get(PATH, session.access_token), 200)


@requirement("RFC7009-2.1-anonymous")
def test_revocation_by_nobody_is_refused(request, target, server, http):
    if "oauth.revocation" in target.features:  # if not, every request is to be refused
        request.getfixturevalue("revocation_control")
    response = http.post(server.endpoint("revocation_endpoint"), data={"token": "no-token-at-all"})

    received = f"{response.status_code}, by which a client thinks that the token is revoked"
    expect.that(response.is_client_error, "a status of 4xx", received, response)


@requirement("RFC7009-2.1-bound-client")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.usefixtures("revocation_control")
def test_client_cannot_revoke_what_is_not_its_own(
    server, api, new_session, confidential_client, kind
):
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(confidential_client, getattr(session, kind))

    expect.no_server_error(response)
    expect.status(api.get(PATH, session.access_token), 200)
    expect.status(server.refresh(session.client, session.refresh_token), 200)


@requirement("RFC7009-2.1-refresh-cascades")
def test_revoked_refresh_token_takes_its_access_tokens_along(server, api, new_session):
    session = new_session(OFFLINE_SCOPE)
    before = api.get(PATH, session.access_token)
    response = server.revoke(session.client, session.refresh_token)

    expect.status(before, 200)
    expect.status(response, 200)
    expect.no_data(api.get(PATH, session.access_token))


@requirement("RFC7009-2.1-wrong-hint")
@pytest.mark.parametrize("hint", ["access_token", "unknown"])
@pytest.mark.usefixtures("refresh_control")
def test_wrong_hint_does_not_save_a_token(server, new_session, hint):
    session = new_session(OFFLINE_SCOPE)
    response = server.revoke(session.client, session.refresh_token, hint=hint)

    expect.status(response, 200)
    expect.no_token(server.refresh(session.client, session.refresh_token))


@requirement("ONC-G10-token-revocation")
@pytest.mark.unpooled_clients
@pytest.mark.usefixtures("refresh_control")
def test_refresh_ends_with_the_revoked_authorization(server, administrator, new_session):
    session = new_session(OFFLINE_SCOPE)
    administrator.revoke(session.client.client_id, "trusted-user")
    response = server.refresh(session.client, session.refresh_token)

    expect.no_token(response)


@requirement("ONC-G10-patient-revocation")
@pytest.mark.unpooled_clients
@pytest.mark.usefixtures("refresh_control")
def test_app_of_a_patient_ends_with_the_revoked_authorization(
    server, api, administrator, new_client, browser, patient
):
    client = new_client.confidential(PATIENT_SCOPE)
    allowed = browser.authorize(client, patient, PATIENT_SCOPE)
    login = server.exchange(client, allowed.code, verifier=allowed.verifier)
    tokens = require_tokens(login)
    if "refresh_token" not in tokens:
        raise Blocked("no refresh_token to judge with, though offline_access was asked for")
    before = api.get("/fhir/Patient", tokens["access_token"])
    administrator.revoke(client.client_id, "trusted-user")
    refresh = server.refresh(client, tokens["refresh_token"])
    after = api.get("/fhir/Patient", tokens["access_token"])

    expect.status(before, 200)
    expect.no_token(refresh)
    lasting = after.is_success and float(tokens.get("expires_in") or 3601) > 3600
    expect.that(not lasting, "an access token for an hour at most", "a longer one", [after, login])


@requirement("OPENEMR-REVOKE-user-access")
def test_access_ends_with_the_revoked_authorization(ended_session):
    session = ended_session("administrator")

    expect.status(session.before.api, 200)
    expect.no_data(session.after.api)


@requirement("API-revocation-visible")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "by",
    [
        pytest.param("logout", marks=needs("oauth.logout"), id="logout"),
        pytest.param("administrator", marks=needs("administration"), id="administrator"),
    ],
)
@pytest.mark.usefixtures("refresh_control")
def test_ended_tokens_stay_dead_after_the_next_login(ended_session, next_login, by, kind):
    session = ended_session(by)
    new, old, refresh = next_login(by)

    expect.status(session.before.api, 200)
    expect.no_data(session.after.api)
    expect.status(new, 200)
    if kind == "access_token":
        expect.no_data(old, because=REVIVED)
    else:
        expect.no_token(refresh, REVIVED)


@requirement("ONC-G10-client-revocation")
@pytest.mark.parametrize("what", ["access_token", "refresh_token", "code"])
@pytest.mark.unpooled_clients
def test_disabled_client_loses_its_tokens(
    disabled_client_responses, server, administrator, new_authorization, what
):
    if what == "code":
        client, given = new_authorization(SCOPE)
        code = given.code
        administrator.disable(client.client_id)
        expect.no_token(server.exchange(client, code, verifier=given.verifier), SHUT_OUT)
        return
    client = disabled_client_responses("refresh_token")

    expect.status(client.before, 200)
    if what == "refresh_token":
        expect.no_token(client.response, SHUT_OUT)
    else:
        expect.no_data(client.after, because=SHUT_OUT)


@requirement("ONC-G10-public-client-revocation")
@pytest.mark.usefixtures("public_code_exchange_control")
def test_disabled_public_client_exchanges_no_code(disabled_client_responses):
    client = disabled_client_responses("authorization_code")

    expect.no_token(client.response, SHUT_OUT)


@requirement("ONC-G10-public-client-revocation")
@pytest.mark.unpooled_clients
def test_disabled_public_client_loses_its_access_token(
    server, api, patient, administrator, browser, new_client
):
    client = new_client.public(PUBLIC_SCOPE)
    given = browser.authorize(client, patient, PUBLIC_SCOPE)
    issued = server.exchange(client, given.code, verifier=given.verifier)
    token = require_tokens(issued)["access_token"]
    before = api.get("/fhir/Patient", token)
    administrator.disable(client.client_id)

    expect.status(before, 200)
    expect.no_data(api.get("/fhir/Patient", token), because=SHUT_OUT)


@requirement("ONC-G10-backend-client-revocation")
def test_disabled_backend_client_loses_its_tokens(disabled_client_responses):
    client = disabled_client_responses("client_credentials")

    expect.status(client.before, 200)
    expect.no_token(client.response, SHUT_OUT)
    expect.no_data(client.after, because=SHUT_OUT)


@requirement("OPENEMR-REVOKE-single-token")
@pytest.mark.unpooled_clients
def test_single_revoked_token_is_the_only_one(api, administrator, new_session, log_in_again):
    session = new_session()
    other = log_in_again(session)
    before = [api.get(PATH, each.access_token) for each in (session, other)]
    administrator.revoke(session.client.client_id, "access-token")
    after = [api.get(PATH, each.access_token) for each in (session, other)]

    for response in before:
        expect.status(response, 200)
    works = sorted(response.status_code == 200 for response in after)
    expect.equal(works, [False, True], "which tokens still work", after)


@requirement("OPENEMR-REVOKE-user-others-alive")
@pytest.mark.unpooled_clients
def test_revoked_user_leaves_other_users_alone(api, administrator, new_session, patient):
    scope = "openid api:oemr api:port user/facility.read patient/patient.read"
    session = new_session(scope)
    other = new_session(scope, user=patient, client=session.client)
    administrator.revoke(session.client.client_id, "trusted-user")
    after = [
        api.get(PATH, session.access_token),
        api.get("/portal/patient", other.access_token),
    ]

    has_access = sorted(response.is_success for response in after)
    expect.equal(has_access, [False, True], "which users still have access", after)
