"""Introspection is for clients that authenticate, and for nobody else."""

import re

import pytest

from conformance import expect, needs, requirement
from conformance.watch import disclosure
from fixtures.driver import keys
from fixtures.driver.authorization_server import FormParameterAuth
from fixtures.target.model import not_applicable

ACTIVE = re.compile(r'"active": ?true')


def forged_assertion(client):
    """Return an assertion for a client with the signature of another key."""
    signed = keys.client_assertion(
        client.client_id, client.audience, keys.key("stranger"), header={"kid": client.key.kid}
    )
    return FormParameterAuth(client_assertion_type=keys.JWT_BEARER, client_assertion=signed)


@requirement("RFC7662-2.1-auth-required")
@pytest.mark.parametrize("with_", ["nothing", "empty_secret", "bearer_garbage"])
@pytest.mark.usefixtures("introspection_control")
def test_caller_has_to_authenticate(server, session_by_grant, http, with_):
    session = session_by_grant("authorization_code")
    form = {"token": session.access_token}
    headers = {}
    if with_ == "empty_secret":
        form |= {"client_id": session.client.client_id, "client_secret": ""}
    elif with_ == "bearer_garbage":
        headers = {"Authorization": "Bearer no-token-at-all"}
    response = http.post(server.endpoint("introspection_endpoint"), data=form, headers=headers)

    expect.no_server_error(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-2.1-client-id-only")
@pytest.mark.parametrize(
    "whose",
    ["own", "public_foreign", pytest.param("key_foreign", marks=needs("oauth.client_credentials"))],
)
@pytest.mark.usefixtures("introspection_control")
def test_client_id_alone_opens_nothing(server, session_by_grant, public_client, clients, whose):
    session = session_by_grant("authorization_code")
    client = {
        "own": lambda: session.client,
        "public_foreign": lambda: public_client,
        "key_foreign": lambda: clients.system,
    }[whose]()
    auth = FormParameterAuth(client_id=client.client_id)
    response = server.introspect(client, session.access_token, auth=auth)

    expect.no_server_error(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-2.3-bad-credentials-401")
@pytest.mark.parametrize(
    "wrong",
    [
        "secret",
        "client",
        pytest.param("assertion", marks=needs("oauth.client_credentials")),
    ],
)
@pytest.mark.usefixtures("introspection_control")
def test_wrong_credentials_are_refused(server, session_by_grant, clients, wrong):
    session = session_by_grant("authorization_code")
    client = session.client
    auth = {
        "secret": lambda: client.authentication(secret="not-the-secret-of-anybody"),
        "client": lambda: FormParameterAuth(
            client_id="nobody", client_secret="not-the-secret-of-anybody"
        ),
        "assertion": lambda: forged_assertion(clients.system),
    }[wrong]()
    response = server.introspect(client, session.access_token, auth=auth)

    disclosure.nothing_told(response)
    expect.oauth_error(response, "invalid_client", statuses=(401,))


@requirement("RFC7662-2.1-basic-auth")
def test_basic_authentication_opens_introspection(server, token_introspection):
    found = token_introspection("authorization_code").active()
    client = found.session.client
    auth = client.authentication("client_secret_basic")
    response = server.introspect(client, found.session.access_token, auth=auth)

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("RFC7662-2.1-bearer-auth")
def test_bearer_token_opens_introspection(server, token_introspection, session_by_grant, http):
    """Which scopes are right is up to the server: one of an app and a backend service is enough."""

    def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        url = server.endpoint("introspection_endpoint")
        return http.post(url, data={"token": token}, headers=headers)

    response = ask(token_introspection("authorization_code").active().session.access_token)
    if not ACTIVE.search(response.text) and "oauth.client_credentials" in server.target.features:
        of_service = ask(session_by_grant("client_credentials").access_token)
        if ACTIVE.search(of_service.text) or response.status_code == 403:
            response = of_service
        if response.status_code == 403:
            not_applicable("introspection wants a scope that neither an app nor a service has")

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("SMART-2.0-introspect-any-client")
def test_backend_service_introspects_tokens_of_others(
    server, token_introspection, session_by_grant, http
):
    token = token_introspection("authorization_code").active().session.access_token
    own = session_by_grant("client_credentials").access_token
    ask = {
        "url": server.endpoint("introspection_endpoint"),
        "headers": {"Authorization": f"Bearer {own}"},
    }
    about_itself = http.post(data={"token": own}, **ask)
    if not ACTIVE.search(about_itself.text):
        not_applicable("introspection takes no bearer token of a backend service")
    response = http.post(data={"token": token}, **ask)

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("OPENEMR-INTRO-private-key-jwt")
def test_signed_assertion_opens_introspection(server, session_by_grant, token_introspection):
    token_introspection("authorization_code").active()
    session = session_by_grant("client_credentials")
    auth = session.client.authentication("private_key_jwt")
    response = server.introspect(session.client, session.access_token, auth=auth)

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("OPENEMR-INTRO-disabled-client")
@pytest.mark.unpooled_clients
def test_disabled_client_learns_nothing(server, administrator, new_session):
    session = new_session()
    active = server.introspect(session.client, session.access_token)
    administrator.disable(session.client.client_id)
    response = server.introspect(session.client, session.access_token)

    expect.that(expect.member(active, "active") is True, "active before", active.text, active)
    expect.no_server_error(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-2.1-get-refused")
def test_token_in_query_tells_nothing(server, token_introspection, http):
    found = token_introspection("authorization_code").active()
    client = found.session.client
    parameters = {
        "token": found.session.access_token,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
    }
    response = http.get(server.endpoint("introspection_endpoint"), params=parameters)

    expect.no_server_error(response)
    disclosure.nothing_told(response)
