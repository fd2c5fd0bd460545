"""Patients, user scopes, contexts and operations: the limits of a patient's context."""

from functools import cache

import pytest

from conformance import expect, needs, requirement

#: The scopes that clients register; a token requests some of them.
REGISTERED = "openid api:fhir user/Patient.{0} patient/Patient.{0}"
SPELLINGS = ["read", pytest.param("rs", marks=needs("smart.v2_scopes"))]


@requirement("SCOPE-patient-login-user-scope")
@needs("oauth.password_grant_patients")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("beside", ["alone", "with_patient_scope"])
@pytest.mark.usefixtures("fhir_api_control")
def test_patient_with_user_scopes_sees_no_more(
    server, api, new_client, patient, other_patient, beside, spelling
):
    scope = f"openid api:fhir user/Patient.{spelling}"
    scope += {"alone": "", "with_patient_scope": f" patient/Patient.{spelling}"}[beside]
    client = new_client.confidential(REGISTERED.format(spelling))
    answer = server.password(client, patient, scope)
    token = answer.json().get("access_token", "none") if answer.is_success else "none"
    searched = api.get("/fhir/Patient", token)
    read = api.get(f"/fhir/Patient/{other_patient.uuid}", token)

    expect.no_server_error(answer)
    for response in (searched, read):
        expect.answered(response)
        body = response.json() if response.is_success else {}
        expect.that(other_patient.uuid not in str(body), "no other patient", body, response)


@requirement("SCOPE-patient-needs-context")
@needs("oauth.password_grant")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.usefixtures("fhir_api_control")
def test_patient_scope_without_a_patient_opens_nothing(server, api, admin, new_client, spelling):
    scope = f"openid api:fhir patient/Patient.{spelling}"
    client = new_client.confidential(REGISTERED.format(spelling))
    answer = server.password(client, admin, scope)
    body = answer.json() if answer.is_success else {}
    response = api.get("/fhir/Patient", body.get("access_token", "none"))

    expect.no_server_error(answer)
    expect.answered(response)
    shown = response.json().get("entry", []) if response.is_success else []
    right = bool(body.get("patient")) or not shown
    expect.that(right, "no patient without a context", shown, response)


@pytest.fixture(scope="module")
def patient_operation_token(new_shared_session, patient):
    """A patient's token for operations, fetched once."""
    scope = "openid api:fhir patient/Patient.read patient/DocumentReference.read"
    scope += " patient/DocumentReference.$docref"
    return cache(lambda: new_shared_session(scope, user=patient).access_token)


@requirement("SCOPE-operations-own-compartment")
@pytest.mark.parametrize("place", ["docref", "group", "export", "patient_export"])
@pytest.mark.usefixtures("fhir_api_control")
def test_operations_obey_the_patient(
    api, bulk_export, patient_operation_token, other_patient, place
):
    token = patient_operation_token()
    response = {
        "docref": lambda: api.post(
            "/fhir/DocumentReference/$docref", token, params={"patient": other_patient.uuid}
        ),
        "group": lambda: api.get("/fhir/Group", token),
        "export": lambda: bulk_export.kick_off("/fhir/$export", token),
        "patient_export": lambda: bulk_export.kick_off("/fhir/Patient/$export", token),
    }[place]()

    expect.answered(response)
    exported = response.status_code == 202 and "export" in place
    expect.that(not exported, "no export", response.status_code, response)
    body = response.json() if response.is_success else {}
    entries = body.get("entry", []) if isinstance(body, dict) else body
    shown = [entry for entry in entries if other_patient.uuid in str(entry)]
    expect.equal(shown, [], "entries about the other patient", response)


@requirement("SCOPE-patient-chosen-exists")
@pytest.mark.usefixtures("code_exchange_control")
def test_chosen_patient_exists(server, admin, browser, new_client):
    scope = "openid api:fhir launch/patient patient/Patient.read"
    nobody = "00000000-0000-4000-8000-00000000dead"
    client = new_client.confidential(scope)
    given = browser.authorize(client, admin, scope, patient=nobody)
    code = given.parameters.get("code", "none")
    response = server.exchange(client, code, verifier=given.verifier)

    expect.no_server_error(response)
    body = response.json() if response.is_success else {}
    expect.that(body.get("patient") != nobody, "no such patient", body.get("patient"), response)
