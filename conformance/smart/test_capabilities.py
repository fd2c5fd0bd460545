"""The capabilities of the SMART configuration: whether the server has each of them."""

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.target.model import not_applicable

V2_SCOPE = "openid api:fhir user/Patient.rs"


@pytest.fixture(scope="module")
def granted_token_response(patient_app_token_response):
    """The token response of one standalone launch by a patient, which no check changes."""
    require_tokens(patient_app_token_response)
    return patient_app_token_response


@pytest.fixture(scope="module")
def capabilities(smart_configuration):
    """The capabilities in the SMART configuration."""
    return expect.member(smart_configuration, "capabilities", kind=list)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    ("capability", "member", "kind"),
    [
        pytest.param("client-confidential-symmetric", "access_token", str, id="symmetric"),
        pytest.param("sso-openid-connect", "id_token", str, id="sso-openid-connect"),
        pytest.param("permission-offline", "refresh_token", str, id="permission-offline"),
        pytest.param("permission-user", "access_token", str, id="permission-user"),
    ],
)
def test_capability_of_the_code_grant_is_there(
    capabilities, smart_configuration, token_response, capability, member, kind
):
    response = token_response("authorization_code")

    require_tokens(response)
    found = isinstance(expect.json_object(response).get(member), kind)
    claimed = capability in capabilities
    words = f"{member} for {capability}"
    expect.that(not claimed or found, words, "none", [response, smart_configuration])


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    ("capability", "member"),
    [
        pytest.param(*case, marks=needs("administration", "rest"), id=case[0])
        for case in [("context-ehr-patient", "patient"), ("context-ehr-encounter", "encounter")]
    ],
)
def test_capability_of_the_ehr_launch_is_there(capabilities, request, capability, member):
    if capability not in capabilities:
        not_applicable(f"the server does not claim {capability}")
    response = request.getfixturevalue("ehr_launch").response

    expect.member(response, member, kind=str)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    ("capability", "member", "kind"),
    [
        pytest.param(*case, marks=needs("patients"), id=case[0])
        for case in [
            ("client-public", "access_token", str),
            ("permission-patient", "access_token", str),
            ("permission-v1", "access_token", str),
            ("context-standalone-patient", "patient", str),
            ("context-banner", "need_patient_banner", bool),
            ("context-style", "smart_style_url", str),
        ]
    ],
)
def test_capability_of_the_launch_is_there(
    capabilities, smart_configuration, granted_token_response, capability, member, kind
):
    found = isinstance(expect.json_object(granted_token_response).get(member), kind)

    claimed = capability in capabilities
    words = f"{member} for {capability}"
    expect.that(
        not claimed or found,
        words,
        granted_token_response.text,
        [granted_token_response, smart_configuration],
    )


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "grant", [pytest.param("client_credentials", marks=needs("oauth.client_credentials"))]
)
def test_capability_of_clients_with_keys_is_there(
    capabilities, smart_configuration, token_response, grant
):
    response = token_response(grant)

    claimed = "client-confidential-asymmetric" in capabilities
    works = response.status_code == 200
    both = [response, smart_configuration]
    expect.that(not claimed or works, "a token for an assertion", response.text, both)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "method", [pytest.param("POST", marks=needs("smart.authorize_post"), id="authorize-post")]
)
def test_capability_of_authorization_by_post_is_there(browser, public_client, method):
    page = browser.open(public_client, "openid fhirUser", method=method)

    expect.login_page(page)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "scope", [pytest.param(V2_SCOPE, marks=needs("smart.v2_scopes"), id="permission-v2")]
)
def test_capability_of_scopes_of_version_two_is_there(new_client, browser, server, admin, scope):
    client = new_client.confidential(scope)
    answer = browser.authorize(client, admin, scope)
    response = server.exchange(client, answer.code, verifier=answer.verifier)

    given = str(require_tokens(response).get("scope", "")).split()
    expect.contains(given, "user/Patient.rs", "scope", response)


@requirement("SMART-2.2-style-json")
def test_style_is_a_json_object(granted_token_response, http):
    response = http.get(expect.member(granted_token_response, "smart_style_url", kind=str))

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.json_object(response)
