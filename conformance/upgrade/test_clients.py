"""Clients, tokens and keys from before an upgrade."""

import pytest

from conformance import expect, requirement
from fixtures.given.once import once
from fixtures.given.upgraded import moduli
from fixtures.provisioning.upgrade import PORTAL_SCOPE, STAFF_SCOPE
from fixtures.wire.client import json_body

SYSTEM = "api:fhir system/Patient.read"
ROLES = pytest.mark.parametrize("role", ["staff", "patient"])


@requirement("UPGRADE-client-authenticates")
@pytest.mark.parametrize("name", ["staff_access", "patient_access", "system"])
def test_client_from_before_authenticates(upgraded_server, name):
    client = upgraded_server.client(name)

    if name == "system":
        response = upgraded_server.authorization.client_credentials(client, SYSTEM)
    else:
        token = upgraded_server.old(name, "access_token")
        response = upgraded_server.authorization.introspect(client, token)

    expect.status(response, 200)


@requirement("UPGRADE-client-stays-disabled")
def test_disabled_client_stays_disabled(upgraded_server):
    client = upgraded_server.client("disabled")

    response = upgraded_server.authorization.password(
        client, upgraded_server.old_user("admin"), STAFF_SCOPE
    )

    expect.no_token(response)


@requirement("UPGRADE-refresh")
@ROLES
def test_refresh_token_from_before_is_taken_or_refused(upgraded_server, role):
    token = upgraded_server.old(f"{role}_refresh", "refresh_token")

    response = upgraded_server.authorization.refresh(
        upgraded_server.client(f"{role}_refresh"), token
    )

    if response.status_code == 200:
        expect.member(response, "access_token", kind=str)
    else:
        expect.oauth_error(response, "invalid_grant")


@pytest.fixture(scope="module")
def response_to_old_token(upgraded_server):
    """The response to a read of the patient with an access token from before: `of(role)`."""

    @once
    def of(role):
        token = upgraded_server.old(f"{role}_access", "access_token")
        patient = upgraded_server.old_user("patient")
        return upgraded_server.api.get(f"/fhir/Patient/{patient.uuid}", token)

    return of


@requirement("UPGRADE-access-token")
@ROLES
def test_access_token_from_before_is_taken_or_refused(upgraded_server, response_to_old_token, role):
    response = response_to_old_token(role)

    patient = upgraded_server.old_user("patient")
    if response.status_code == 200:
        expect.equal(expect.member(response, "id"), patient.uuid, "id", response)
    else:
        expect.no_data(response)


@requirement("UPGRADE-access-token-status")
@ROLES
def test_access_token_from_before_is_refused_with_401(response_to_old_token, role):
    expect.status(response_to_old_token(role), 200, 401)


@requirement("UPGRADE-introspection-agrees")
@ROLES
def test_introspection_agrees_with_the_api(upgraded_server, role):
    token = upgraded_server.old(f"{role}_access", "access_token")
    patient = upgraded_server.old_user("patient")
    read = upgraded_server.api.get(f"/fhir/Patient/{patient.uuid}", token)

    response = upgraded_server.authorization.introspect(
        upgraded_server.client(f"{role}_access"), token
    )

    accepted = read.status_code == 200
    expect.equal(expect.member(response, "active"), accepted, "active", [response, read])


@requirement("UPGRADE-keys")
def test_keys_from_before_are_published(upgraded_server):
    response = upgraded_server.authorization.keys()

    expect.status(response, 200)
    gone = moduli(upgraded_server.before["keys"]) - moduli(json_body(response).get("keys", []))
    expect.that(not gone, "every signing key from before", f"{len(gone)} of them gone", response)


@requirement("UPGRADE-issuer")
def test_issuer_is_the_same(upgraded_server):
    response = upgraded_server.authorization.discover()

    issuer = str(expect.member(response, "issuer", kind=str)).rstrip("/")
    expect.equal(issuer, upgraded_server.before["issuer"], "issuer", response)


@requirement("UPGRADE-passwords")
@ROLES
def test_password_from_before_is_good(upgraded_server, role):
    client = upgraded_server.registrar.confidential(
        STAFF_SCOPE if role == "staff" else PORTAL_SCOPE
    )
    user = upgraded_server.old_user("admin" if role == "staff" else "patient")

    response = upgraded_server.authorization.password(client, user, client.scope)

    expect.status(response, 200)


@requirement("UPGRADE-consent")
@ROLES
def test_app_from_before_gets_a_code(upgraded_server, role):
    client = upgraded_server.client(f"{role}_consent")
    user = upgraded_server.old_user("admin" if role == "staff" else "patient")

    authorization = upgraded_server.browser().authorize(client, user, client.scope)

    expect.code(authorization)
