"""Client registration: authentication methods, and members that have to be consistent."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import Client, FormParameterAuth
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.given.faulty_redemptions import with_each
from fixtures.target.model import not_applicable

pytestmark = writes

SYSTEM = "api:fhir system/Patient.read"
#: The grant type that belongs to each response type (RFC 7591 section 2.1).
TOGETHER = {("code", "authorization_code"), ("token", "implicit"), ("id_token", "implicit")}


@pytest.fixture(scope="module")
def default_authentication(registrar, server, code_redemptions):
    """The method of a client that registered none, and the responses to it, right and wrong."""
    client = registrar.confidential(SCOPE, token_endpoint_auth_method=None)
    method = client.metadata.get("token_endpoint_auth_method", "client_secret_basic")
    auths = {
        "wrong": client.authentication(method, secret="wrong"),
        "right": client.authentication(method),
    }
    return method, code_redemptions(client, SCOPE, with_each(server, auths), proof=False)


@requirement("RFC7591-2-default-auth-method")
@pytest.mark.parametrize("secret", ["right", "wrong"])
def test_default_authentication_method_works(default_authentication, secret):
    method, responses = default_authentication
    if method == "none" and secret == "wrong":
        not_applicable("the server registered the client as a public one")
    response = responses[secret]

    wanted = f"{'a token' if secret == 'right' else 'invalid_client'} by {method}"
    error = expect.json_object(response).get("error")
    came = {"right": response.status_code == 200, "wrong": error == "invalid_client"}[secret]
    expect.that(came, wanted, response.text, response)


@pytest.fixture(scope="module")
def responses_without_key(registrar, server, code_redemptions):
    """The response to a client with its key, and those without it: by secret, or nothing."""
    scope = f"{SCOPE} {SYSTEM}"
    client = registrar.system(scope, token_endpoint_auth_method="private_key_jwt")
    control = server.client_credentials(client, SYSTEM)
    secret = {"client_secret": client.client_secret or "none-was-given"}
    auths = {
        "secret": FormParameterAuth(client_id=client.client_id, **secret),
        "nothing": FormParameterAuth(client_id=client.client_id),
    }
    return control, code_redemptions(client, SCOPE, with_each(server, auths))


@requirement("RFC7591-2-auth-method-enforced")
@pytest.mark.parametrize("by", ["secret", "nothing"])
def test_client_with_a_key_needs_its_key(responses_without_key, by):
    control, responses = responses_without_key

    expect.status(control, 200)
    expect.oauth_error(responses[by], "invalid_client", statuses=(400, 401))


@requirement("RFC7591-2-private-key-jwt-needs-keys")
@pytest.mark.usefixtures("registration_control")
def test_client_with_a_key_registers_its_key(new_client):
    metadata = new_client.confidential_metadata(SCOPE) | {
        "token_endpoint_auth_method": "private_key_jwt"
    }
    response = new_client.register(metadata)

    expect.no_server_error(response)
    method = expect.json_object(response).get("token_endpoint_auth_method")
    replaced = response.is_client_error or method not in {None, "private_key_jwt"}
    expect.that(replaced, "a refusal or another method", response.text, response)


@requirement("RFC7591-2-response-types-grant-types-consistent")
@pytest.mark.parametrize(
    ("grants", "responses"),
    [(["client_credentials"], ["code"]), (["authorization_code"], ["token"])],
    ids=["code_without_its_grant", "grant_without_its_code"],
)
@pytest.mark.usefixtures("registration_control")
def test_contradictory_types_are_refused_or_mended(new_client, grants, responses):
    wished = {"grant_types": grants, "response_types": responses}
    key_set = {"jwks": keys.jwks(keys.key("conformance-1"))}
    response = new_client.register(new_client.confidential_metadata(SCOPE) | key_set | wished)

    expect.no_server_error(response)
    body = expect.json_object(response)
    has_grants, has_responses = body.get("grant_types") or [], body.get("response_types") or []
    fits = all(
        (word in has_responses) == (grant in has_grants)
        for word, grant in TOGETHER
        if grant == "authorization_code" or word in has_responses
    )
    received = f"grant_types {has_grants} with response_types {has_responses}"
    expect.that(
        response.is_client_error or fits, "a refusal, or consistent types", received, response
    )


@requirement("RFC7591-5-jwks-uri-scheme")
@pytest.mark.parametrize(
    "uri",
    ["file:///etc/passwd", "gopher://127.0.0.1:1/x", "ftp://127.0.0.1/x", "http://127.0.0.1:1/"],
    ids=["file", "gopher", "ftp", "closed_port"],
)
def test_address_of_keys_discloses_nothing(server, new_client, uri):
    metadata = new_client.system_metadata(SYSTEM, jwks_uri=uri)
    registered = new_client.register(metadata)
    if registered.is_client_error:
        expect.member(registered, "error", kind=str)
        return
    client = Client.from_registration(registered, metadata, audience=server.token_endpoint)
    client.key, client.method = keys.key("conformance-1"), "private_key_jwt"
    new_client.enable(client, metadata)
    response = server.client_credentials(client, SYSTEM)

    expect.no_token(response)
    expect.no_server_error(response)
    inside = [
        word for word in ("root:", "cURL", "Connection refused", "passwd") if word in response.text
    ]
    expect.that(not inside, "no information about the address", response.text, response)


@pytest.fixture(scope="module")
def managed_registration(registrar):
    """The response to a registration whose token is used at other addresses only."""
    return registrar.register(registrar.confidential_metadata(SCOPE))


@requirement("RFC7592-2.1-unknown-client")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_registration_is_answered_with_401(managed_registration, http, method):
    uri = expect.member(managed_registration, "registration_client_uri", kind=str)
    token = expect.member(managed_registration, "registration_access_token", kind=str)
    unknown = f"{uri.rpartition('/')[0]}/no-such-client"
    response = http.request(
        method, unknown, headers={"Authorization": f"Bearer {token}"}, json={"client_name": "x"}
    )

    expect.status(response, 401)


@requirement("RFC7592-token-in-query")
def test_registration_is_not_shown_for_a_token_in_the_query(new_client, http):
    registered = new_client.register(new_client.confidential_metadata(SCOPE))
    uri = expect.member(registered, "registration_client_uri", kind=str)
    token = expect.member(registered, "registration_access_token", kind=str)
    response = http.get(uri, params={"access_token": token})

    shown = "redirect_uris" in response.text
    expect.that(not shown, "nothing about the client", "its metadata", response)
    expect.refused(response)
