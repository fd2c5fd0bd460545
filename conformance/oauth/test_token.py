"""The token endpoint: what a token answer looks like, and who gets none."""

import pytest

from conformance import GRANTS, expect, requirement


@requirement("RFC6749-5.1-success-json")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_response_is_json(token_response, grant):
    """A successful token response is 200 application/json with access_token and token_type."""
    response = token_response(grant)

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.schema(response, "token")


@requirement("RFC6749-5.1-cache-control")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_response_is_not_stored(token_response, grant):
    """A response that carries a token is marked as not to be stored."""
    response = token_response(grant)

    expect.status(response, 200)
    expect.header(response, "Cache-Control", contains="no-store")


@requirement("RFC6749-4.1.3-code-single-use")
def test_code_is_exchanged_once_only(server, authorization):
    """An authorization code can be exchanged once only."""
    client, granted = authorization()
    first = server.exchange(client, granted.code, verifier=granted.verifier)
    expect.status(first, 200)
    second = server.exchange(client, granted.code, verifier=granted.verifier)

    expect.no_token(second)


@requirement("RFC6749-4.1.3-client-auth-required")
@pytest.mark.parametrize("leaving_out", ["secret", "value", "basic_password"])
def test_code_exchange_without_a_secret_is_refused(server, authorization, leaving_out):
    """A confidential client has to authenticate to exchange a code."""
    client, granted = authorization()
    authentication = {
        "secret": client.authentication("none"),
        "value": client.authentication("client_secret_post", secret=""),
        "basic_password": client.authentication("client_secret_basic", secret=""),
    }[leaving_out]
    response = server.exchange(client, granted.code, verifier=granted.verifier, auth=authentication)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))
