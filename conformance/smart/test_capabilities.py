"""The capabilities of the SMART configuration: whether each that is listed is there."""

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.target.model import not_applicable

V2_SCOPE = "openid api:fhir user/Patient.rs"


@pytest.fixture(scope="module")
def launched(own_launch):
    """The token answer of one standalone launch by a patient, to be looked at only."""
    require_tokens(own_launch)
    return own_launch


@pytest.fixture(scope="module")
def capabilities(smart_configuration):
    """What the SMART configuration lists."""
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
    capabilities, token_response, capability, member, kind
):
    """Every capability that the SMART configuration lists is really there."""
    response = token_response("authorization_code")

    require_tokens(response)
    found = isinstance(expect.json_object(response).get(member), kind)
    claimed = capability in capabilities
    expect.that(not claimed or found, f"{member} for {capability}", "none", response)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    ("capability", "member"),
    [
        pytest.param(*case, marks=needs("administration", "rest"), id=case[0])
        for case in [("context-ehr-patient", "patient"), ("context-ehr-encounter", "encounter")]
    ],
)
def test_capability_of_the_ehr_launch_is_there(capabilities, request, capability, member):
    """Every capability that the SMART configuration lists is really there."""
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
def test_capability_of_the_launch_is_there(capabilities, launched, capability, member, kind):
    """Every capability that the SMART configuration lists is really there."""
    found = isinstance(expect.json_object(launched).get(member), kind)

    claimed = capability in capabilities
    expect.that(not claimed or found, f"{member} for {capability}", launched.text, launched)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "grant", [pytest.param("client_credentials", marks=needs("oauth.client_credentials"))]
)
def test_capability_of_clients_with_keys_is_there(capabilities, token_response, grant):
    """Every capability that the SMART configuration lists is really there."""
    response = token_response(grant)

    claimed = "client-confidential-asymmetric" in capabilities
    works = response.status_code == 200
    expect.that(not claimed or works, "a token for an assertion", response.text, response)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "method", [pytest.param("POST", marks=needs("smart.authorize_post"), id="authorize-post")]
)
def test_capability_of_authorization_by_post_is_there(browser, public_client, method):
    """Every capability that the SMART configuration lists is really there."""
    page = browser.open(public_client, "openid fhirUser", method=method)

    expect.login_page(page)


@requirement("SMART-2.2-capability-truthful")
@pytest.mark.parametrize(
    "scope", [pytest.param(V2_SCOPE, marks=needs("smart.v2_scopes"), id="permission-v2")]
)
def test_capability_of_scopes_of_version_two_is_there(new_client, browser, server, admin, scope):
    """Every capability that the SMART configuration lists is really there."""
    client = new_client.confidential(scope)
    answer = browser.authorize(client, admin, scope)
    response = server.exchange(client, answer.code, verifier=answer.verifier)

    given = str(require_tokens(response).get("scope", "")).split()
    expect.contains(given, "user/Patient.rs", "scope", response)


@requirement("SMART-2.2-style-json")
def test_style_is_a_json_object(launched, http):
    """The address of the style in a launch answers a JSON object as application/json."""
    response = http.get(expect.member(launched, "smart_style_url", kind=str))

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.json_object(response)
