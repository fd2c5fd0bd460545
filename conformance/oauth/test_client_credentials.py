"""The client credentials grant: a backend service acts for itself."""

import contextlib

import pytest

from conformance import expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.keys import JWT_BEARER
from fixtures.driver.registrar import RegistrationRefused

SCOPE = "api:fhir system/Patient.read"


@requirement("OPENEMR-CC-rs384")
def test_backend_service_gets_a_token(token_response, api):
    response = token_response("client_credentials")

    expect.status(response, 200)
    token = expect.member(response, "access_token", kind=str)
    expect.status(api.get("/fhir/Patient?_count=1", token), 200)


@requirement("OPENEMR-CC-interop-requests-oauthlib")
def test_backend_service_may_name_its_client_id_too(server, system_client, api):
    assertion = keys.client_assertion(
        system_client.client_id, server.token_endpoint, system_client.key, without=["iat"]
    )
    response = server.client_credentials(
        system_client,
        "system/Patient.read",
        assertion=assertion,
        client_id=system_client.client_id,
    )

    expect.status(response, 200)
    token = expect.member(response, "access_token", kind=str)
    expect.status(api.get("/fhir/Patient?_count=1", token), 200)


@requirement("SMART-2.2-bs-success-fields")
def test_backend_token_response_has_its_members(token_response):
    response = token_response("client_credentials")
    require_tokens(response)

    kind = expect.member(response, "token_type", kind=str)
    expect.equal(kind.lower(), "bearer", "token_type", response)
    expect.member(response, "expires_in", kind=int)
    scope = expect.member(response, "scope", kind=str)
    expect.contains(scope.split(), "system/Patient.read", "scope", response)


@requirement("SMART-2.2-bs-short-lived")
def test_backend_token_is_short_lived(token_response):
    response = token_response("client_credentials")
    seconds = require_tokens(response).get("expires_in")

    expect.that(
        isinstance(seconds, int) and seconds <= 300, "expires_in of 300 or less", seconds, response
    )


@pytest.fixture(scope="module")
def response_to_more_scopes(server, registrar):
    """Requests a token with more scopes, with all of them at once if that works.

    `response_to_more_scopes("openid")`
    """

    def ask(more):
        scope = f"{SCOPE} {more}"
        return server.client_credentials(registrar.system(scope), scope)

    try:
        for_all = ask("openid offline_access")
    except RegistrationRefused:
        return ask
    return lambda more: for_all if for_all.status_code == 200 else ask(more)


@requirement("RFC6749-4.4.3-no-refresh")
@pytest.mark.usefixtures("proven_system_client")
def test_backend_service_gets_no_refresh_token(response_to_more_scopes):
    response = response_to_more_scopes("offline_access")
    body = response.json() if response.status_code == 200 else {}

    expect.that("refresh_token" not in body, "no refresh_token", sorted(body), response)


@requirement("OIDCC-2-no-id-token-client-credentials")
@pytest.mark.usefixtures("proven_system_client")
def test_backend_service_gets_no_id_token(response_to_more_scopes):
    response = response_to_more_scopes("openid")
    body = response.json() if response.status_code == 200 else {}

    expect.that("id_token" not in body, "no id_token", sorted(body), response)


@pytest.fixture(scope="module")
def public_backend_client(registrar):
    """A public client that registered for the grant; None if the server registers none such."""
    with contextlib.suppress(RegistrationRefused):
        return registrar.public(grant_types=["authorization_code", "client_credentials"])
    return None


@requirement("RFC6749-4.4-confidential-only")
@pytest.mark.parametrize("sends", ["client_id", "empty_secret", "assertion"])
@pytest.mark.usefixtures("proven_system_client")
def test_public_client_gets_no_backend_token(server, public_backend_client, client_key, sends):
    public_client = public_backend_client
    if public_client is None:
        return  # refused where it registered
    assertion = keys.client_assertion(
        public_client.client_id, server.token_endpoint, client_key("conformance-1")
    )
    form = {
        "client_id": {"client_id": public_client.client_id},
        "empty_secret": {"client_id": public_client.client_id, "client_secret": ""},
        "assertion": {"client_assertion_type": JWT_BEARER, "client_assertion": assertion},
    }[sends]
    response = server.token({"grant_type": "client_credentials", "scope": SCOPE, **form})

    expect.no_token(response)


@requirement("SMART-2.2-bs-symmetric-refused")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.usefixtures("proven_system_client")
def test_secret_is_not_enough_for_a_backend_token(server, new_client, client_key, method):
    key_set = {"jwks": keys.jwks(client_key("conformance-1"))}
    metadata = new_client.system_metadata(SCOPE, token_endpoint_auth_method=method, **key_set)
    try:
        client = new_client.new(metadata)
    except RegistrationRefused:
        return  # the server registers no backend service with a secret
    response = server.client_credentials(client, SCOPE, auth=client.authentication(method))

    expect.no_token(response)


@requirement("RFC7521-4.2-assertion-type-required")
def test_assertion_without_its_type_is_refused(server, proven_system_client):
    response = _request(server, proven_system_client, None, _assertion(proven_system_client))

    expect.no_token(response)
    expect.oauth_error(response, "invalid_request", "invalid_client", statuses=(400, 401))


@requirement("RFC7523-2.2-assertion-type-value")
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("urn:ietf:params:oauth:client-assertion-type:saml2-bearer", id="saml"),
        pytest.param("not_an_assertion_type", id="garbage"),
    ],
)
def test_assertion_of_another_type_is_refused(server, proven_system_client, kind):
    response = _request(server, proven_system_client, kind, _assertion(proven_system_client))

    expect.no_token(response)
    expect.oauth_error(response, "invalid_request", "invalid_client", statuses=(400, 401))


@requirement("RFC7523-2.2-assertion-missing")
def test_missing_assertion_is_refused(server, proven_system_client):
    response = _request(server, proven_system_client, JWT_BEARER, None)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_request", "invalid_client", statuses=(400, 401))


@requirement("SMART-2.2-bs-scope-preauthorized")
@pytest.mark.usefixtures("proven_system_client")
def test_backend_scope_beyond_the_registration_is_not_granted(server, new_client, api):
    client = new_client.system(SCOPE)
    response = server.client_credentials(client, f"{SCOPE} system/Observation.read")
    body = response.json() if response.status_code == 200 else {}

    expect.no_server_error(response)
    expect.that(
        "system/Observation.read" not in str(body.get("scope", "")).split(),
        "a scope without system/Observation.read",
        body.get("scope"),
        response,
    )
    if body:
        expect.refused(api.get("/fhir/Observation", body["access_token"]))


@requirement("SMART-2.2-bs-error-description")
@pytest.mark.parametrize("fault", ["foreign_key", "aud_other_host", "exp_past", "garbage"])
def test_refused_backend_service_is_told_why(system_client, response_to_faulty_assertion, fault):
    response = response_to_faulty_assertion(fault, system_client, SCOPE)

    expect.refused(response)
    body = expect.json_object(response)
    described = body.get("error_description") or body.get("error_uri")
    expect.that(described, "an error_description or error_uri", sorted(body), response)


@requirement("OPENEMR-CC-export-only-by-cc")
@pytest.mark.parametrize(
    "grant", [pytest.param("password", marks=needs("oauth.password_grant"), id="password")]
)
@pytest.mark.usefixtures("password_grant_control")
def test_user_gets_no_system_scope(server, new_client, admin, grant):
    scope = "openid api:fhir user/Patient.read system/Patient.$export"
    client = new_client.confidential(scope, jwks=keys.jwks(keys.key("conformance-1")))
    response = server.password(client, admin, scope)
    body = response.json() if response.status_code == 200 else {}
    held = str(body.get("scope", "")).split()

    expect.no_server_error(response)
    expect.that(
        not any(each.startswith("system/") for each in held), "no system scope", held, response
    )


def _assertion(client):
    return keys.client_assertion(client.client_id, client.audience, client.key)


def _request(server, client, kind, assertion):
    form = {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_assertion_type": kind,
        "client_assertion": assertion,
    }
    return server.token(form)
