"""The keys of clients that authenticate with assertions: which are accepted, which is chosen."""

import pytest

from conformance import expect, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import RegistrationRefused

SCOPE = "api:fhir system/Patient.read"


@pytest.fixture
def response_to_keys(server, new_client):
    """The token response of a new client with these keys, or the refusal to register it."""

    def make(key, key_set):
        try:
            client = new_client.system(SCOPE, key=key, jwks=key_set)
        except RegistrationRefused as refused:
            return refused.response
        return server.client_credentials(client, SCOPE)

    return make


@pytest.fixture(scope="module")
def response_to_own_key(server, system_client):
    """The response to a correct assertion of the shared client."""
    return server.client_credentials(system_client, SCOPE)


@requirement("SMART-2.2-assertion-rs384")
def test_rs384_or_es384_is_accepted(response_to_own_key):
    expect.status(response_to_own_key, 200)


@requirement("SMART-2.2-key-selection-kid")
@pytest.mark.parametrize("place", ["first", "second"])
def test_any_registered_key_is_accepted(response_to_keys, client_key, place):
    pair = [client_key("conformance-1"), client_key("conformance-2")]
    response = response_to_keys({"first": pair[0], "second": pair[1]}[place], keys.jwks(*pair))

    expect.status(response, 200)


@requirement("OPENEMR-CC-kid-mismatch")
def test_unknown_key_id_is_refused(
    response_to_own_key, system_client, response_to_faulty_assertion
):
    require_tokens(response_to_own_key)

    expect.no_token(response_to_faulty_assertion("kid_unknown", system_client, SCOPE))


@requirement("SMART-2.2-duplicate-kid")
@pytest.mark.usefixtures("proven_system_client")
def test_key_id_that_names_two_keys_is_refused(response_to_keys, client_key):
    key = client_key("conformance-1")
    same_kid = dict(keys.jwks(client_key("conformance-2"))["keys"][0], kid=key.kid)
    response = response_to_keys(key, {"keys": [keys.jwks(key)["keys"][0], same_kid]})

    expect.no_token(response)


@requirement("RFC8725-3.5-weak-rsa")
@pytest.mark.usefixtures("proven_system_client")
def test_weak_key_is_refused(response_to_keys):
    response = response_to_keys(keys.weak_key(), keys.jwks(keys.weak_key()))

    expect.no_token(response)


@requirement("OPENEMR-CC-jwks-missing-keys")
@pytest.mark.parametrize("content", ["single_key", "empty", "null"])
@pytest.mark.usefixtures("proven_system_client")
def test_key_set_without_keys_gives_no_token(response_to_keys, client_key, content):
    key = client_key("conformance-1")
    key_set = {"single_key": keys.jwks(key)["keys"][0], "empty": {}, "null": {"keys": None}}
    response = response_to_keys(key, key_set[content])

    expect.no_token(response)
    expect.no_server_error(response)


@requirement("SMART-2.2-jti-per-issuer")
def test_jti_of_one_client_is_free_for_another(server, system_client, new_client):
    other = new_client.system(SCOPE)
    first = keys.client_assertion(system_client.client_id, server.token_endpoint, system_client.key)
    require_tokens(server.client_credentials(system_client, SCOPE, assertion=first))
    second = keys.client_assertion(
        other.client_id,
        server.token_endpoint,
        other.key,
        claims={"jti": keys.unverified_claims(first)["jti"]},
    )
    response = server.client_credentials(other, SCOPE, assertion=second)

    expect.status(response, 200)
