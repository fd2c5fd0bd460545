"""Client authentication at the token endpoint: secrets, HTTP Basic, and disabled clients."""

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
def responses_to_client_secrets(server, pooled_clients, confidential_client, code_redemptions):
    """The responses to code exchanges with faulty client authentication, by the fault.

    The faults that known servers accept come last: their tokens prove that the code was good.
    """
    client = pooled_clients.confidential(SCOPE)
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
def responses_to_refresh_secrets(server, pooled_clients, confidential_client, refresh_redemptions):
    """The responses to refreshes with faulty client authentication, by the fault."""
    client = pooled_clients.confidential(OFFLINE_SCOPE)

    def with_secret(auth):
        return lambda token: server.refresh(client, token.value, auth=auth)

    wrong = wrong_secret(client, confidential_client)
    faults = ("left_out", "random", "of_another_client", "basic")
    return refresh_redemptions(
        client, OFFLINE_SCOPE, {fault: with_secret(wrong[fault]) for fault in faults}
    )


@requirement("RFC6749-2.3.1-basic")
def test_client_authenticates_with_basic(token_responses_by_basic):
    expect.status(token_responses_by_basic["usual"], 200)


@requirement("RFC6749-2.3.1-basic-formencoded")
def test_encoded_credentials_are_decoded(token_responses_by_basic):
    expect.status(token_responses_by_basic["encoded"], 200)


@requirement("RFC6749-2.3.1-post")
def test_client_authenticates_in_the_body(token_response):
    expect.status(token_response("authorization_code"), 200)


@requirement("RFC6749-4.1.3-client-auth-required")
@pytest.mark.parametrize("leaving_out", ["secret", "value", "basic_password"])
def test_code_exchange_without_a_secret_is_refused(responses_to_client_secrets, leaving_out):
    response = responses_to_client_secrets[leaving_out]

    expect.no_token(
        response, "the client sent no secret, so anybody who intercepts a code could use it"
    )
    # A header with an empty password may also count as malformed (RFC 6749 section 5.2).
    codes = ["invalid_client", *(["invalid_request"] if leaving_out == "basic_password" else [])]
    expect.oauth_error(response, *codes, statuses=(400, 401))


@requirement("RFC6749-6-refresh-client-auth")
@pytest.mark.parametrize("fault", ["left_out", "random", "of_another_client", "basic"])
def test_refresh_without_the_secret_is_refused(responses_to_refresh_secrets, fault):
    response = responses_to_refresh_secrets[fault]

    expect.no_token(
        response, "the secret was wrong or missing, so a stolen refresh token would be enough"
    )
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-4.3.2-client-auth")
@pytest.mark.parametrize("fault", ["left_out", "random", "of_another_client", "basic"])
@pytest.mark.usefixtures("password_grant_control")
def test_password_grant_without_the_secret_is_refused(
    server, new_client, admin, confidential_client, fault
):
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
def test_code_exchange_with_a_wrong_secret_is_refused(responses_to_client_secrets, fault):
    response = responses_to_client_secrets[fault]

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("RFC6749-5.2-invalid-client-401")
@pytest.mark.usefixtures("code_exchange_control")
def test_wrong_secret_by_basic_is_challenged(server, unused_authorization):
    client, unused = unused_authorization
    code, verifier = unused.code, unused.verifier
    response = server.exchange(
        client, code, verifier=verifier, auth=BasicAuth(client.client_id, "x")
    )

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(401,))
    expect.header(response, "WWW-Authenticate", contains="basic")


@requirement("RFC6749-5.2-unknown-client")
@pytest.mark.parametrize("fault", ["unknown", "one_character", "other_case"])
@pytest.mark.usefixtures("code_exchange_control")
def test_unknown_client_is_refused(server, unused_authorization, fault):
    client, unused = unused_authorization
    code, verifier = unused.code, unused.verifier
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
def test_credentials_in_the_address_are_refused(responses_to_client_secrets):
    expect.no_token(responses_to_client_secrets["address"])


@requirement("RFC6749-2.3-one-method")
@pytest.mark.parametrize("wrong", ["body", "basic"])
def test_two_sets_of_credentials_are_refused(responses_to_client_secrets, wrong):
    expect.no_token(responses_to_client_secrets[f"{wrong}_wrong"])


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
@pytest.mark.usefixtures("code_exchange_control")
def test_malformed_basic_header_is_refused(server, unused_authorization, credentials):
    client, unused = unused_authorization
    code, verifier = unused.code, unused.verifier
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
def test_disabled_client_gets_no_token(disabled_client_responses, token_response, grant):
    require_tokens(token_response(grant))
    response = disabled_client_responses(grant).response

    expect.no_token(response, "an administrator has disabled the client")
    expect.oauth_error(
        response, "invalid_client", "unauthorized_client", "invalid_grant", statuses=(400, 401, 403)
    )


@pytest.fixture(scope="module")
def responses_to_assertion(server, registrar, admin):
    """The responses to an app with a key: to its code exchange and to its refresh."""
    client = registrar.system(OFFLINE_SCOPE, token_endpoint_auth_method="private_key_jwt")
    allowed = Browser(server).authorize(client, admin, OFFLINE_SCOPE)
    auth = client.authentication("private_key_jwt")
    first = server.exchange(client, allowed.code, verifier=allowed.verifier, auth=auth)
    token = require_tokens(first).get("refresh_token") if gives_tokens(first) else None
    second = server.refresh(client, token, auth=auth) if token else None
    return {"authorization_code": first, "refresh_token": second}


@requirement("SMART-2.2-asym-code-exchange")
@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_app_authenticates_with_an_assertion(responses_to_assertion, grant):
    if grant == "refresh_token":
        first = responses_to_assertion["authorization_code"]
        require_tokens(first)
        expect.member(first, "refresh_token")

    expect.status(responses_to_assertion[grant], 200)


@pytest.fixture(scope="module")
def responses_to_faulty_assertions(server, registrar, faulty_assertion, code_redemptions):
    """The responses to code exchanges with a faulty assertion, by the fault."""
    client = registrar.system(SCOPE, token_endpoint_auth_method="private_key_jwt")
    auths = {
        fault: FormParameterAuth(
            client_id=client.client_id,
            client_assertion_type=JWT_BEARER,
            client_assertion=faulty_assertion(fault, client),
        )
        for fault in BENT
    }
    return code_redemptions(client, SCOPE, with_each(server, auths))


@requirement("SMART-2.2-asym-code-bad-assertion")
@pytest.mark.parametrize("fault", BENT)
def test_app_with_a_bad_assertion_is_refused(responses_to_faulty_assertions, fault):
    response = responses_to_faulty_assertions[fault]

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


def on_form(send):
    """Turn a function that sends the form of a code exchange into one that sends a code."""
    return lambda code: send(exchange_form(code.client, code.value, code.verifier))


def without_secret(client):
    """Return the ways to leave the secret out."""
    return {
        "secret": client.authentication("none"),
        "value": client.authentication("client_secret_post", secret=""),
        "basic_password": client.authentication("client_secret_basic", secret=""),
    }


def wrong_secret(client, other):
    """Return the ways to send a wrong secret or none."""
    return {
        "left_out": client.authentication("none"),
        "random": client.authentication("client_secret_post", secret="wrong"),
        "longer": client.authentication("client_secret_post", secret=client.client_secret + "x"),
        "of_another_client": client.authentication(
            "client_secret_post", secret=other.client_secret
        ),
        "basic": client.authentication("client_secret_basic", secret="wrong"),
    }
