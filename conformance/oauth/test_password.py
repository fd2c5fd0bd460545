"""The password grant: for the right user in the right role, with all parameters."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens

SCOPE = "openid api:oemr user/patient.read"
PORTAL = "openid api:port patient/patient.read"


@pytest.fixture(scope="session")
def response_to_wrong_password(server, clients, patient):
    """The response to a wrong password; sent once, because failed logins lock accounts."""
    return server.password(clients.portal, patient, PORTAL, password="wrong")


@requirement("RFC6749-4.3.2-password-ok")
def test_password_gives_a_token_that_works(token_response, api):
    response = token_response("password")

    expect.status(response, 200)
    token = expect.member(response, "access_token", kind=str)
    expect.status(api.get("/api/facility", token), 200)


@requirement("OPENEMR-PWD-example-users")
def test_password_grant_of_staff_gives_what_the_document_shows(token_response):
    response = token_response("password")

    expect.status(response, 200)
    for name in ("id_token", "token_type", "expires_in", "access_token", "refresh_token"):
        expect.member(response, name)


@requirement("OPENEMR-PWD-example-patient")
def test_password_grant_of_a_patient_gives_what_the_document_shows(token_response, api):
    response = token_response("password_patient")
    token = require_tokens(response)["access_token"]

    expect.status(api.get("/portal/patient", token), 200)


@requirement("RFC6749-4.3.2-wrong-password")
@pytest.mark.usefixtures("patient_password_grant_control")
def test_wrong_password_is_an_invalid_grant(response_to_wrong_password):
    expect.no_token(response_to_wrong_password)
    expect.oauth_error(response_to_wrong_password, "invalid_grant")


@requirement("RFC6749-4.3.2-unknown-user-same-answer")
@pytest.mark.usefixtures("patient_password_grant_control")
def test_unknown_user_is_answered_like_a_wrong_password(
    server, clients, patient, response_to_wrong_password
):
    response = server.password(clients.portal, patient, PORTAL, username="nobody-of-that-name")

    expect.no_token(response)
    both = [response, response_to_wrong_password]
    expect.equal(response.status_code, response_to_wrong_password.status_code, "status", both)
    for name in ("error", "error_description", "hint"):
        expect.equal(
            response.json().get(name), response_to_wrong_password.json().get(name), name, both
        )


@requirement("PORTAL-wrong-email")
@pytest.mark.usefixtures("patient_password_grant_control")
def test_wrong_email_is_answered_like_a_wrong_password(
    server, clients, patient, response_to_wrong_password
):
    response = server.password(clients.portal, patient, PORTAL, email="nobody@example.org")

    expect.no_token(response)
    both = [response, response_to_wrong_password]
    expect.equal(response.status_code, response_to_wrong_password.status_code, "status", both)
    expect.equal(
        response.json().get("error"), response_to_wrong_password.json().get("error"), "error", both
    )


@requirement("RFC6749-4.3.2-username-required")
@pytest.mark.usefixtures("password_grant_control")
def test_missing_user_name_is_an_invalid_request(server, confidential_client, admin):
    response = server.password(confidential_client, admin, SCOPE, username=None)

    expect.oauth_error(response, "invalid_request")


@requirement("RFC6749-4.3.2-password-required")
@pytest.mark.usefixtures("password_grant_control")
def test_missing_password_is_an_invalid_request(server, confidential_client, admin):
    response = server.password(confidential_client, admin, SCOPE, password=None)

    expect.oauth_error(response, "invalid_request")


@requirement("PORTAL-email-required")
@pytest.mark.usefixtures("patient_password_grant_control")
def test_missing_email_of_a_patient_is_an_invalid_request(server, clients, patient):
    response = server.password(clients.portal, patient, PORTAL, email=None)

    expect.oauth_error(response, "invalid_request")


@requirement("OPENEMR-PWD-user-role-required")
@pytest.mark.parametrize(
    "role",
    [
        pytest.param(None, id="left_out"),
        pytest.param("", id="empty"),
        pytest.param("doctors", id="unknown"),
        pytest.param("USERS", id="other_case"),
    ],
)
@pytest.mark.usefixtures("password_grant_control")
def test_user_role_is_users_or_patient(server, confidential_client, admin, role):
    response = server.password(confidential_client, admin, SCOPE, user_role=role)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_request", "invalid_grant")


@requirement("OPENEMR-PWD-cross-role")
@pytest.mark.parametrize("account", ["patient_as_staff", "staff_as_patient"])
@pytest.mark.usefixtures("password_grant_control", "patient_password_grant_control")
def test_account_logs_in_in_its_own_role_only(server, clients, admin, patient, account):
    user, role = {
        "patient_as_staff": (patient, "users"),
        "staff_as_patient": (admin, "patient"),
    }[account]
    response = server.password(
        clients.confidential, user, "openid", user_role=role, email="somebody@example.org"
    )

    expect.no_token(response)
    expect.oauth_error(response, "invalid_grant")
