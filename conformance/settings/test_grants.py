"""Grants, scopes and clients that a setting takes away, on a server of the checks' own."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import public_metadata

STAFF = "openid api:oemr user/facility.read"
PORTAL = "openid api:port patient/patient.read"
SYSTEM = "api:fhir system/Patient.read"
PATIENT = "openid api:fhir patient/Patient.read"
#: By role: whose password, the scope, and the setting that leaves the other role only.
ROLES = {"staff": ("admin", STAFF, "2"), "patient": ("patient", PORTAL, "1")}
BY_ROLE = pytest.mark.parametrize("role", ROLES)


def password(settings, role):
    """The answer to a right password."""
    name, scope, _ = ROLES[role]
    client = settings.clients.confidential if role == "staff" else settings.clients.portal
    return settings.authorization.password(client, settings.user(name), scope)


@requirement("SETTINGS-password-off")
@BY_ROLE
def test_password_grant_that_is_off_is_refused(settings, role):
    """A password grant that is off is an unsupported_grant_type or unauthorized_client."""
    require_tokens(password(settings, role))
    settings.change(oauth_password_grant="0")

    response = password(settings, role)

    expect.no_token(response)
    expect.oauth_error(response, "unsupported_grant_type", "unauthorized_client")


@requirement("OPENEMR-PWD-role-setting")
@BY_ROLE
def test_password_grant_is_switched_for_each_role(settings, role):
    """The setting of the password grant decides for staff and for patients apart."""
    require_tokens(password(settings, role))
    settings.change(oauth_password_grant=ROLES[role][2])

    expect.no_token(password(settings, role))
    others = {"staff": "patient", "patient": "staff"}
    expect.status(password(settings, others[role]), 200)


@requirement("SETTINGS-password-offered")
def test_password_grant_that_is_off_is_not_offered(settings):
    """A password grant that is switched off is not among the grant types that discovery offers."""
    settings.change(oauth_password_grant="0")

    offered = expect.member(settings.authorization.discover(), "grant_types_supported", kind=list)
    expect.that(
        "password" not in offered, "grant_types_supported without password", ", ".join(offered)
    )


@requirement("OPENEMR-CC-system-scopes-global")
def test_system_scopes_that_are_off_are_refused(settings):
    """With FHIR System Scopes switched off, system scopes are refused."""
    client = settings.clients.system
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.change(rest_system_scopes_api="0")

    expect.no_token(settings.authorization.client_credentials(client, SYSTEM))


@requirement("SETTINGS-system-offered")
def test_system_scopes_that_are_off_are_not_offered(settings):
    """System scopes that are switched off are not among the scopes that the server offers."""
    settings.change(rest_system_scopes_api="0")

    offered = expect.member(settings.authorization.discover(), "scopes_supported", kind=list)
    system = [str(scope) for scope in offered if str(scope).startswith("system/")]
    expect.that(not system, "scopes_supported without system scopes", ", ".join(system[:3]))


def tokens_of(settings, client):
    """The token answer to an app that a patient logs in to; None if it comes to no code."""
    authorization = settings.browser().authorize(client, settings.user("patient"), PATIENT)
    if "code" not in authorization.parameters:
        return None
    return settings.authorization.exchange(
        client, authorization.code, verifier=authorization.verifier
    )


@requirement("OPENEMR-REG-manual-approval")
def test_app_that_is_to_be_approved_gets_no_token(settings):
    """Where apps are approved by hand, an app of patients gets no token until it is enabled."""
    settings.change(oauth_app_manual_approval="1")
    client = settings.registrar.new(public_metadata(PATIENT), enable=False)

    refused = tokens_of(settings, client)
    settings.administrator.enable(client.client_id)
    allowed = tokens_of(settings, client)

    expect.that(refused is None or not refused.is_success, "no tokens", refused, refused)
    expect.that(allowed is not None and allowed.is_success, "tokens", allowed, allowed)


@requirement("SETTINGS-client-disabled-told")
def test_disabled_client_is_told_so(settings):
    """A disabled client is an invalid_client, and gets tokens once it is enabled again."""
    client = settings.registrar.system(SYSTEM)
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.administrator.disable(client.client_id)

    refused = settings.authorization.client_credentials(client, SYSTEM)
    settings.administrator.enable(client.client_id)
    again = settings.authorization.client_credentials(client, SYSTEM)

    expect.no_token(refused)
    expect.oauth_error(refused, "invalid_client", "unauthorized_client", statuses=(400, 401))
    expect.status(again, 200)
