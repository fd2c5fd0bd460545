"""Who the client is at the token endpoint: secrets, Basic, and clients that are no longer."""

import base64

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import FormParameterAuth, exchange_form, require_tokens
from fixtures.driver.keys import JWT_BEARER
from fixtures.driver.login_pages import Browser
from fixtures.given.faulty_redemptions import gives_tokens, with_each
from fixtures.wire.client import BasicAuth

SCOPE = "openid api:oemr user/patient.read"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
PASSWORD = pytest.param("password", marks=needs("oauth.password_grant"), id="password")
#: Faults of client assertions.
BENT = ["expired", "other_audience", "foreign_key", "garbage"]


@pytest.fixture(scope="module")
def exchanges(server, lent_clients, confidential_client, code_redemptions):
    """The answers to code exchanges of a client that authenticates badly, by the fault.

    Those come last that servers are known to take: their tokens are the proof for the others.
    """
    client = lent_clients.confidential(SCOPE)
    secret, other = client.client_secret, confidential_client

    def twice(in_body, in_header):
        more = {"client_id": client.client_id, "client_secret": in_body}
        return lambda form: server.token(form | more, BasicAuth(client.client_id, in_header))

    def in_the_address(form):
        credentials = {"client_id": client.client_id, "client_secret": secret}
        return server.http.post(server.token_endpoint, params=credentials, data=form)

    wrong, missing = wrong_secret(client, other), without_secret(client)
    badly = {fault: wrong[fault] for fault in ("random", "of_another_client", "longer")}
    return code_redemptions(
        client,
        SCOPE,
        with_each(server, badly)
        | {"address": on_form(in_the_address), "body_wrong": on_form(twice("wrong", secret))}
        | with_each(server, missing)
        | {"basic_wrong": on_form(twice(secret, "wrong"))},
    )


@pytest.fixture(scope="module")
def refreshes(server, lent_clients, confidential_client, refresh_redemptions):
    """The answers to refreshes of a client that authenticates badly, by the fault."""
    client = lent_clients.confidential(OFFLINE_SCOPE)

    def with_secret(auth):
        return lambda token: server.refresh(client, token.value, auth=auth)

    wrong = wrong_secret(client, confidential_client)
    faults = ("left_out", "random", "of_another_client", "basic")
    return refresh_redemptions(
        client, OFFLINE_SCOPE, {fault: with_secret(wrong[fault]) for fault in faults}
    )


@requirement("RFC6749-2.3.1-basic")
def test_client_authenticates_with_basic(by_basic):
    """A client with a secret can authenticate with HTTP Basic."""
    expect.status(by_basic["usual"], 200)


@requirement("RFC6749-2.3.1-basic-formencoded")
def test_encoded_credentials_are_decoded(by_basic):
    """Client id and secret are read form-urlencoded from HTTP Basic."""
    expect.status(by_basic["encoded"], 200)


@requirement("RFC6749-2.3.1-post")
def test_client_authenticates_in_the_body(token_response):
    """A client that registered client_secret_post can authenticate in the body."""
    expect.status(token_response("authorization_code"), 200)


@requirement("RFC6749-4.1.3-client-auth-required")
@pytest.mark.parametrize("leaving_out", ["secret", "value", "basic_password"])
def test_code_exchange_without_a_secret_is_refused(exchanges, leaving_out):
    """A confidential client has to authenticate to exchange a code."""
    response = exchanges[leaving_out]

    expect.no_token(response, "the client showed no secret, so whoever catches a code could use it")
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-6-refresh-client-auth")
@pytest.mark.parametrize("fault", ["left_out", "random", "of_another_client", "basic"])
def test_refresh_without_the_secret_is_refused(refreshes, fault):
    """A confidential client has to authenticate to refresh."""
    response = refreshes[fault]

    expect.no_token(response, "the secret was wrong or missing, so a stolen refresh token would do")
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-4.3.2-client-auth")
@pytest.mark.parametrize("fault", ["left_out", "random", "of_another_client", "basic"])
def test_password_grant_without_the_secret_is_refused(
    server, new_client, admin, confidential_client, fault
):
    """A confidential client has to authenticate in the password grant."""
    client = new_client.confidential(SCOPE)
    form = {
        "grant_type": "password",
        "user_role": admin.role,
        "username": admin.name,
        "password": admin.password,
        "scope": SCOPE,
    }
    response = server.token(form, wrong_secret(client, confidential_client)[fault])

    expect.no_token(response, "the secret was wrong or missing, so anybody could pose as this app")
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-5.2-invalid-client-body")
@pytest.mark.parametrize("fault", ["random", "of_another_client", "longer"])
def test_code_exchange_with_a_wrong_secret_is_refused(exchanges, fault):
    """A code exchange with a wrong secret in the body is refused with invalid_client."""
    response = exchanges[fault]

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-5.2-invalid-client-401")
def test_wrong_secret_by_basic_is_challenged(server, unused_code):
    """A wrong secret by HTTP Basic is answered with 401 and a challenge for Basic."""
    client, code, verifier = unused_code
    response = server.exchange(
        client, code, verifier=verifier, auth=BasicAuth(client.client_id, "x")
    )

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(401,))
    expect.header(response, "WWW-Authenticate", contains="basic")


@requirement("RFC6749-5.2-unknown-client")
@pytest.mark.parametrize("fault", ["unknown", "one_character", "other_case"])
def test_unknown_client_is_refused(server, unused_code, fault):
    """An unknown client is refused with invalid_client."""
    client, code, verifier = unused_code
    name = client.client_id
    wrong = {
        "unknown": "no-such-client",
        "one_character": name[:-1] + ("A" if name[-1] != "A" else "B"),
        "other_case": name.swapcase(),
    }[fault]
    auth = FormParameterAuth(client_id=wrong, client_secret=client.client_secret)
    response = server.exchange(client, code, verifier=verifier, auth=auth)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-2.3.1-not-in-uri")
def test_credentials_in_the_address_are_refused(exchanges):
    """Client credentials in the query of the address are not accepted."""
    expect.no_token(exchanges["address"])


@requirement("RFC6749-2.3-one-method")
@pytest.mark.parametrize("wrong", ["body", "basic"])
def test_two_sets_of_credentials_are_refused(exchanges, wrong):
    """A request with two sets of client credentials, one of them wrong, is refused."""
    expect.no_token(exchanges[f"{wrong}_wrong"])


@requirement("RFC6749-2.3.1-basic-malformed")
@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param("Basic !!!", id="no_base64"),
        pytest.param("Basic " + base64.b64encode(b"nocolon").decode(), id="no_colon"),
        pytest.param("Basic", id="nothing"),
        pytest.param("Basic Og==", id="colon_alone"),
        pytest.param("Basic " + base64.b64encode(b"a%ZZ:b").decode(), id="bad_escape"),
        pytest.param("Basic " + base64.b64encode(b"a\x00b:\xff").decode(), id="null_byte"),
    ],
)
def test_malformed_basic_header_is_refused(server, unused_code, credentials):
    """A malformed Basic header fails the authentication of the client cleanly."""
    client, code, verifier = unused_code
    form = exchange_form(client, code, verifier)
    response = server.token(form, headers={"Authorization": credentials})

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", "invalid_request", statuses=(400, 401))


@requirement("RFC6749-token-disabled-client")
@pytest.mark.parametrize(
    "grant",
    [
        "refresh_token",
        PASSWORD,
        pytest.param("authorization_code", id="public_code"),
        pytest.param(
            "client_credentials", marks=needs("oauth.client_credentials"), id="client_credentials"
        ),
    ],
)
def test_disabled_client_gets_no_token(shut_out, grant):
    """A client that an administrator disabled gets no token."""
    response = shut_out(grant).response

    expect.no_token(response, "an administrator disabled the client to shut it out")
    expect.oauth_error(
        response, "invalid_client", "unauthorized_client", "invalid_grant", statuses=(400, 401, 403)
    )


@pytest.fixture(scope="module")
def by_assertion(server, registrar, admin):
    """The answers to an app with a key: to the exchange of its code, and to a refresh."""
    client = registrar.system(OFFLINE_SCOPE, token_endpoint_auth_method="private_key_jwt")
    allowed = Browser(server).authorize(client, admin, OFFLINE_SCOPE)
    auth = client.authentication("private_key_jwt")
    first = server.exchange(client, allowed.code, verifier=allowed.verifier, auth=auth)
    token = require_tokens(first).get("refresh_token") if gives_tokens(first) else None
    second = server.refresh(client, token, auth=auth) if token else None
    return {"authorization_code": first, "refresh_token": second}


@requirement("SMART-2.2-asym-code-exchange")
@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_app_authenticates_with_an_assertion(by_assertion, grant):
    """An app with a key exchanges codes and refreshes with a signed assertion."""
    if grant == "refresh_token":
        first = by_assertion["authorization_code"]
        require_tokens(first)
        expect.member(first, "refresh_token")

    expect.status(by_assertion[grant], 200)


@pytest.fixture(scope="module")
def bad_assertions(server, registrar, bent_assertion, code_redemptions):
    """The answers to code exchanges of an app with a bad assertion, by the fault."""
    client = registrar.system(SCOPE, token_endpoint_auth_method="private_key_jwt")
    auths = {
        fault: FormParameterAuth(
            client_id=client.client_id,
            client_assertion_type=JWT_BEARER,
            client_assertion=bent_assertion(fault, client),
        )
        for fault in BENT
    }
    return code_redemptions(client, SCOPE, with_each(server, auths))


@requirement("SMART-2.2-asym-code-bad-assertion")
@pytest.mark.parametrize("fault", BENT)
def test_app_with_a_bad_assertion_is_refused(bad_assertions, fault):
    """A bad assertion at a code exchange is refused and not ignored."""
    response = bad_assertions[fault]

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


def on_form(send):
    """Return what sends a code, from what sends the form of its exchange."""
    return lambda code: send(exchange_form(code.client, code.value, code.verifier))


def without_secret(client):
    """Return the ways to leave the secret out."""
    return {
        "secret": client.authentication("none"),
        "value": client.authentication("client_secret_post", secret=""),
        "basic_password": client.authentication("client_secret_basic", secret=""),
    }


def wrong_secret(client, other):
    """Return the ways to have a wrong secret or none."""
    return {
        "left_out": client.authentication("none"),
        "random": client.authentication("client_secret_post", secret="wrong"),
        "longer": client.authentication("client_secret_post", secret=client.client_secret + "x"),
        "of_another_client": client.authentication(
            "client_secret_post", secret=other.client_secret
        ),
        "basic": client.authentication("client_secret_basic", secret="wrong"),
    }
