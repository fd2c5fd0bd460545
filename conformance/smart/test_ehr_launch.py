"""EHR launches: what the app gets, and what it may do with it."""

import base64
import json

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.admin_pages import LAUNCH_PAGE
from fixtures.given.launches import LAUNCH_URI, SCOPE
from fixtures.wire.client import Http, query


def bent_launch(launch):
    """Return launch values that the server never made, by their origin."""
    value = launch.parameters["launch"]
    middle = len(value) // 2
    claims = json.dumps({"p": launch.person.uuid, "i": "patient.demographics.dialog"})
    return {
        "garbage": "abc",
        "uuid_of_the_patient": launch.person.uuid,
        "json": claims,
        "json_in_base64": base64.urlsafe_b64encode(claims.encode()).decode(),
        "flipped": value[:middle]
        + ("a" if value[middle] not in "aA" else "b")
        + value[middle + 1 :],
        "cut": value[:middle],
        "longer": value + value[:8],
        "long": value * 20,
        "nul": "\x00",
    }


def no_patient(launch, authorization):
    """Expect an authorization without a patient: no code, or tokens without one."""
    expect.no_server_error(authorization.response)
    if "code" not in authorization.parameters:
        return
    code = authorization.code
    response = launch.server.exchange(launch.client, code, verifier=authorization.verifier)
    expect.no_server_error(response)
    told = expect.json_object(response).get("patient")
    expect.that(not told, "no patient in the token response", told, response)


@requirement("SMART-2.2-ehr-launch-param")
def test_launch_opens_the_app(ehr_launch, target):
    response = ehr_launch.opened

    given = expect.redirect(response, to=LAUNCH_URI)
    expect.equal(given.get("iss"), target.fhir_url, "iss", response)
    expect.that(given.get("launch"), "a launch value", sorted(given), response)


@requirement("SMART-2.2-launch-url-query")
def test_launch_keeps_the_query_of_the_app(ehr_launch, new_launch):
    _ = ehr_launch.parameters
    _, response = new_launch(f"{LAUNCH_URI}?tenant=one")

    given = expect.redirect(response, to=LAUNCH_URI)
    expect.equal(given.get("tenant"), "one", "the app's own parameter", response)
    expect.that(given.get("launch"), "a launch value", sorted(given), response)


@requirement("SMART-2.2-launch-echo")
def test_launch_brings_the_patient_of_the_chart(ehr_launch, api):
    response = ehr_launch.response

    told = expect.member(response, "patient", kind=str)
    expect.equal(told, ehr_launch.person.uuid, "patient", response)
    read = api.get(f"/fhir/Patient/{told}", ehr_launch.answer["access_token"])
    expect.status(read, 200)


@requirement("SMART-2.2-token-encounter-context")
def test_launch_brings_the_open_encounter(ehr_launch):
    response = ehr_launch.response

    told = expect.member(response, "encounter", kind=str)
    expect.equal(told, ehr_launch.encounter.key, "encounter", response)


@requirement("SMART-2.2-launch-bounds")
@pytest.mark.parametrize("way", ["read", "search"])
@pytest.mark.usefixtures("fhir_api_control")
def test_launched_app_sees_no_other_patient(ehr_launch, api, unrelated_patient, way):
    path = {"read": f"/fhir/Patient/{unrelated_patient.uuid}", "search": "/fhir/Patient"}[way]
    response = api.get(path, ehr_launch.answer["access_token"])

    shown = response.is_success and unrelated_patient.uuid in response.text
    expect.that(not shown, "nothing of another patient", "the other patient's record", response)


@requirement("SMART-2.2-launch-tampered")
@pytest.mark.parametrize(
    "kind",
    [
        "garbage",
        "uuid_of_the_patient",
        "json",
        "json_in_base64",
        "flipped",
        "cut",
        "longer",
        "long",
        "nul",
    ],
)
@pytest.mark.usefixtures("authorization_control")
def test_forged_launch_value_brings_no_patient(ehr_launch, kind):
    answer = ehr_launch.authorize(launch=bent_launch(ehr_launch)[kind])

    no_patient(ehr_launch, answer)


@requirement("AUTH-launch-foreign-patient")
@pytest.mark.usefixtures("code_exchange_control")
def test_patient_gets_nobody_else_by_a_launch_value(ehr_launch, patient, api):
    answer = ehr_launch.authorize(patient)
    response = ehr_launch.server.exchange(
        ehr_launch.client, answer.parameters.get("code", "none"), verifier=answer.verifier
    )

    body = expect.json_object(response)
    token = body.get("access_token", "none")
    read = api.get(f"/fhir/Patient/{ehr_launch.person.uuid}", token)
    expect.that(not read.is_success, "no record of another patient", read.status_code, read)
    told = body.get("patient")
    expect.that(told != ehr_launch.person.uuid, "the user's own record, or none", told, response)


@requirement("SMART-1.0-aud-wrong-rejected")
@needs("smart.ehr_launch")
@pytest.mark.usefixtures("authorization_control")
def test_launch_with_a_foreign_aud_brings_no_code(ehr_launch):
    answer = ehr_launch.authorize(aud="https://evil.example/fhir")

    expect.no_code(answer)


@requirement("SMART-2.2-launch-aud-required")
@pytest.mark.usefixtures("authorization_control")
def test_launch_without_an_aud_brings_no_code(ehr_launch):
    answer = ehr_launch.authorize(aud=None)

    expect.no_code(answer)


@requirement("AUTH-launch-page-protected")
@pytest.mark.parametrize("lacking", ["session", "token", "right_token"])
def test_launch_page_launches_for_nobody_else(ehr_launch, administrator, transport, lacking):
    _ = ehr_launch.parameters
    address = f"{LAUNCH_PAGE}?client_id={ehr_launch.client.client_id}"
    if lacking == "session":
        token = administrator.csrf_token()
        url = administrator.url(f"{address}&csrf_token={token}&site={administrator.target.site}")
        response = Http(transport).get(url)
    else:
        sent = {"token": "", "right_token": "&csrf_token=00000000000000000000"}[lacking]
        response = administrator.page(address + sent)

    given = query(response.headers.get("location", "")).get("launch")
    expect.that(not given, "no launch value", response.headers.get("location"), response)


@requirement("AUTH-launch-only-enabled")
@pytest.mark.parametrize("fault", ["disabled", "not_for_launches"])
@pytest.mark.unpooled_clients
def test_unfit_app_is_not_launched(ehr_launch, administrator, new_client, fault):
    _ = ehr_launch.parameters
    scope = SCOPE if fault == "disabled" else SCOPE.replace(" launch", "")
    client = new_client.confidential(scope, initiate_login_uri=LAUNCH_URI)
    if fault == "disabled":
        administrator.disable(client.client_id)
    response = administrator.launch(client.client_id)

    given = query(response.headers.get("location", "")).get("launch")
    expect.that(not given, "no launch value", response.headers.get("location"), response)


@requirement("SMART-2.2-patient-scope-context")
@pytest.mark.parametrize(
    "asked", ["nothing", pytest.param("launch", marks=needs("smart.ehr_launch"))]
)
@pytest.mark.usefixtures("code_exchange_control")
def test_patient_scope_comes_with_a_patient(new_client, browser, server, admin, asked):
    scope = "openid api:fhir launch patient/Patient.read"
    scope = scope if asked == "launch" else scope.replace(" launch", "")
    client = new_client.confidential(scope)
    answer = browser.authorize(client, admin, scope)
    response = server.exchange(
        client, answer.parameters.get("code", "none"), verifier=answer.verifier
    )

    body = expect.json_object(response)
    given = [one for one in str(body.get("scope", "")).split() if one.startswith("patient/")]
    expect.that(body.get("patient") or not given, "a patient, or no patient scope", given, response)


@requirement("SMART-2.2-launch-patient-self")
def test_patient_is_the_context_of_the_own_app(patient_app_token_response, patient):
    response = patient_app_token_response

    expect.status(response, 200)
    expect.equal(response.json().get("patient"), patient.uuid, "patient", response)
