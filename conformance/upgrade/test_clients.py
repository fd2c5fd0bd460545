"""Clients, tokens and keys from before an upgrade."""

import pytest

from conformance import expect, requirement
from fixtures.given.upgraded import moduli
from fixtures.provisioning.upgrade import PORTAL_SCOPE, STAFF_SCOPE
from fixtures.wire.client import json_body

SYSTEM = "api:fhir system/Patient.read"
ROLES = pytest.mark.parametrize("role", ["staff", "patient"])


@requirement("UPGRADE-client-authenticates")
@pytest.mark.parametrize("name", ["staff_access", "patient_access", "system"])
def test_client_from_before_authenticates(upgraded, name):
    """A client that was registered before an upgrade authenticates after it."""
    client = upgraded.client(name)

    if name == "system":
        response = upgraded.authorization.client_credentials(client, SYSTEM)
    else:
        token = upgraded.old(name, "access_token")
        response = upgraded.authorization.introspect(client, token)

    expect.status(response, 200)


@requirement("UPGRADE-client-stays-disabled")
def test_disabled_client_stays_disabled(upgraded):
    """A client that was disabled before an upgrade gets no tokens after it."""
    client = upgraded.client("disabled")

    response = upgraded.authorization.password(client, upgraded.old_user("admin"), STAFF_SCOPE)

    expect.no_token(response)


@requirement("UPGRADE-refresh")
@ROLES
def test_refresh_token_from_before_is_taken_or_refused(upgraded, role):
    """A refresh token from before an upgrade gives new tokens, or is refused as invalid_grant."""
    token = upgraded.old(f"{role}_refresh", "refresh_token")

    response = upgraded.authorization.refresh(upgraded.client(f"{role}_refresh"), token)

    if response.status_code == 200:
        expect.member(response, "access_token", kind=str)
    else:
        expect.oauth_error(response, "invalid_grant")


@requirement("UPGRADE-access-token")
@ROLES
def test_access_token_from_before_is_taken_or_refused(upgraded, role):
    """An access token from before an upgrade opens what it opened, or is refused with 401."""
    token = upgraded.old(f"{role}_access", "access_token")
    patient = upgraded.old_user("patient")

    response = upgraded.api.get(f"/fhir/Patient/{patient.uuid}", token)

    expect.status(response, 200, 401)


@requirement("UPGRADE-introspection-agrees")
@ROLES
def test_introspection_agrees_with_the_api(upgraded, role):
    """Introspection says of an access token from before an upgrade what the API says of it."""
    token = upgraded.old(f"{role}_access", "access_token")
    patient = upgraded.old_user("patient")
    read = upgraded.api.get(f"/fhir/Patient/{patient.uuid}", token)

    response = upgraded.authorization.introspect(upgraded.client(f"{role}_access"), token)

    accepted = read.status_code == 200
    expect.equal(expect.member(response, "active"), accepted, "active", [response, read])


@requirement("UPGRADE-keys")
def test_keys_from_before_are_published(upgraded):
    """The signing keys from before an upgrade are published after it."""
    response = upgraded.authorization.keys()

    expect.status(response, 200)
    gone = moduli(upgraded.before["keys"]) - moduli(json_body(response).get("keys", []))
    expect.that(not gone, "every signing key from before", f"{len(gone)} of them gone", response)


@requirement("UPGRADE-issuer")
def test_issuer_is_the_same(upgraded):
    """An upgrade does not change the issuer."""
    response = upgraded.authorization.discover()

    issuer = str(expect.member(response, "issuer", kind=str)).rstrip("/")
    expect.equal(issuer, upgraded.before["issuer"], "issuer", response)


@requirement("UPGRADE-passwords")
@ROLES
def test_password_from_before_is_good(upgraded, role):
    """Users log in after an upgrade with the passwords that they had before."""
    client = upgraded.registrar.confidential(STAFF_SCOPE if role == "staff" else PORTAL_SCOPE)
    user = upgraded.old_user("admin" if role == "staff" else "patient")

    response = upgraded.authorization.password(client, user, client.scope)

    expect.status(response, 200)


@requirement("UPGRADE-consent")
@ROLES
def test_app_from_before_gets_a_code(upgraded, role):
    """An app that a user allowed before an upgrade gets a code after it."""
    client = upgraded.client(f"{role}_consent")
    user = upgraded.old_user("admin" if role == "staff" else "patient")

    authorization = upgraded.browser().authorize(client, user, client.scope)

    expect.code(authorization)
