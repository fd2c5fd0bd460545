"""Grants, scopes and clients that a setting switches off, on a second server."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens

STAFF = "openid api:oemr user/facility.read"
PORTAL = "openid api:port patient/patient.read"
SYSTEM = "api:fhir system/Patient.read"
PATIENT = "openid api:fhir patient/Patient.read"
#: By role: the user, the scope, and the value of the setting that allows the other role only.
ROLES = {"staff": ("admin", STAFF, "2"), "patient": ("patient", PORTAL, "1")}
BY_ROLE = pytest.mark.parametrize("role", ROLES)


def password(settings, role):
    """Return the response to a correct password."""
    name, scope, _ = ROLES[role]
    client = settings.clients.confidential if role == "staff" else settings.clients.portal
    return settings.authorization.password(client, settings.user(name), scope)


@requirement("SETTINGS-password-off")
@BY_ROLE
def test_password_grant_that_is_off_is_refused(settings, role):
    require_tokens(password(settings, role))
    settings.change(oauth_password_grant="0")

    response = password(settings, role)

    expect.no_token(response)
    expect.oauth_error(response, "unsupported_grant_type", "unauthorized_client")


@requirement("OPENEMR-PWD-role-setting")
@BY_ROLE
def test_password_grant_is_switched_for_each_role(settings, role):
    require_tokens(password(settings, role))
    settings.change(oauth_password_grant=ROLES[role][2])

    expect.no_token(password(settings, role))
    others = {"staff": "patient", "patient": "staff"}
    expect.status(password(settings, others[role]), 200)


@requirement("SETTINGS-password-offered")
def test_password_grant_that_is_off_is_not_offered(settings):
    settings.change(oauth_password_grant="0")

    response = settings.authorization.discover()
    offered = expect.member(response, "grant_types_supported", kind=list)
    words = "grant_types_supported without password"
    expect.that("password" not in offered, words, ", ".join(offered), response)


@requirement("OPENEMR-CC-system-scopes-global")
def test_system_scopes_that_are_off_are_refused(settings):
    client = settings.clients.system
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.change(rest_system_scopes_api="0")

    expect.no_token(settings.authorization.client_credentials(client, SYSTEM))


@requirement("SETTINGS-system-offered")
def test_system_scopes_that_are_off_are_not_offered(settings):
    settings.change(rest_system_scopes_api="0")

    response = settings.authorization.discover()
    offered = expect.member(response, "scopes_supported", kind=list)
    system = [str(scope) for scope in offered if str(scope).startswith("system/")]
    words = "scopes_supported without system scopes"
    expect.that(not system, words, ", ".join(system[:3]), response)


def tokens_of(settings, client):
    """Log a patient in to an app and exchange the code.

    Returns the last response, and whether it is a successful token response.
    """
    authorization = settings.browser().authorize(client, settings.user("patient"), PATIENT)
    if "code" not in authorization.parameters:
        return authorization.response, False
    response = settings.authorization.exchange(
        client, authorization.code, verifier=authorization.verifier
    )
    return response, response.is_success


@requirement("OPENEMR-REG-manual-approval")
def test_app_that_is_to_be_approved_gets_no_token(settings):
    settings.change(oauth_app_manual_approval="1")
    client = settings.registrar.new(settings.registrar.public_metadata(PATIENT), enable=False)

    before, granted_before = tokens_of(settings, client)
    settings.administrator.enable(client.client_id)
    after, granted_after = tokens_of(settings, client)

    expect.that(not granted_before, "no tokens", before, before)
    expect.that(granted_after, "tokens", after, after)


@requirement("SETTINGS-client-disabled-told")
def test_disabled_client_is_told_so(settings):
    client = settings.registrar.system(SYSTEM)
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.administrator.disable(client.client_id)

    refused = settings.authorization.client_credentials(client, SYSTEM)
    settings.administrator.enable(client.client_id)
    again = settings.authorization.client_credentials(client, SYSTEM)

    expect.no_token(refused)
    expect.oauth_error(refused, "invalid_client", "unauthorized_client", statuses=(400, 401))
    expect.status(again, 200)
