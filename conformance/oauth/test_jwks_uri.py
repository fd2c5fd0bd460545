"""Keys at a jwks_uri: the server fetches the client's published keys, and nothing else."""

import uuid
from functools import cache

import pytest

from conformance import expect, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.target.model import not_applicable

SCOPE = "api:fhir system/Patient.read"


@pytest.fixture
def published_client(listener, new_client, server, client_key):
    """The path of a new client's published keys, and a function that requests a token.

    Not applicable if the server does not fetch the keys: SMART requires https, and a server may
    refuse the suite's address, which is http.
    """
    path = f"/{uuid.uuid4().hex}.json"
    first = client_key("published-first")
    uri = listener.publish(path, keys.jwks(first))
    client = new_client.system(SCOPE, key=first, jwks_uri=uri)

    def log_in(key, **options):
        assertion = keys.client_assertion(client.client_id, server.token_endpoint, key, **options)
        response = server.client_credentials(client, SCOPE, assertion=assertion)
        if path not in listener.hits:
            not_applicable("the server does not fetch keys from an http address")
        return response

    return path, log_in


@requirement("RFC7591-2-jwks-uri")
def test_published_key_is_used(published_client, client_key):
    _, log_in = published_client
    response = log_in(client_key("published-first"))

    expect.status(response, 200)
    expect.schema(response, "token")


@requirement("SMART-2.2-jku-registered")
def test_registered_address_in_an_assertion_is_accepted(published_client, listener, client_key):
    path, log_in = published_client
    require_tokens(log_in(client_key("published-first")))
    response = log_in(client_key("published-first"), header={"jku": listener.url + path})

    expect.status(response, 200)


@requirement("SMART-2.2-key-rotation")
def test_replaced_key_is_refused(published_client, listener, client_key):
    path, log_in = published_client
    require_tokens(log_in(client_key("published-first")))
    listener.publish(path, keys.jwks(client_key("published-second")))
    with_new = log_in(client_key("published-second"))
    with_old = log_in(client_key("published-first"))

    expect.status(with_new, 200)
    expect.no_token(with_old)


@requirement("RFC7591-5-jwks-uri-unreachable")
def test_missing_keys_are_an_invalid_client(published_client, listener, client_key):
    path, log_in = published_client
    del listener.documents[path]
    response = log_in(client_key("published-first"))

    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@pytest.fixture(scope="module")
def response_to_an_address(listener, server, system_client, client_key):
    """The response to an assertion with the address of its key, and whether that was fetched."""

    def ask(header):
        path = f"/{uuid.uuid4().hex}.json"
        stranger = client_key("stranger")
        uri = listener.publish(path, keys.jwks(stranger))
        assertion = keys.client_assertion(
            system_client.client_id, server.token_endpoint, stranger, header={header: uri}
        )
        response = server.client_credentials(system_client, SCOPE, assertion=assertion)
        return response, path in listener.hits

    return cache(ask)


@requirement("RFC8725-3.10-jku-not-used")
@pytest.mark.parametrize("header", ["jku", "x5u"])
@pytest.mark.usefixtures("proven_system_client")
def test_key_at_an_address_in_an_assertion_is_not_used(response_to_an_address, header):
    response, _ = response_to_an_address(header)

    expect.no_token(response)


@requirement("RFC8725-3.10-jku-not-fetched")
@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_address_in_an_assertion_is_not_fetched(response_to_an_address, header):
    response, is_fetched = response_to_an_address(header)

    expect.that(not is_fetched, "no request to that address", "one", response)
