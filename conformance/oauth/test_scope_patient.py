"""Patient scopes: whose data they show."""

import pytest

from conformance import expect, needs, requirement

SCOPE = "openid api:fhir patient/Patient.read patient/Observation.read patient/Encounter.read"
KINDS = ["Patient", "Observation", "Encounter", "AllergyIntolerance"]
TYPE_SCOPE = f"{SCOPE} patient/AllergyIntolerance.read"
#: Ways to ask for somebody else's data.
SEARCHES = {
    "id": ("Patient", "_id", "{uuid}"),
    "identifier": ("Patient", "identifier", "{pid}"),
    "patient": ("Observation", "patient", "{uuid}"),
    "reference": ("Observation", "patient", "Patient/{uuid}"),
    "subject": ("Encounter", "subject", "Patient/{uuid}"),
    "encounter_patient": ("Encounter", "patient", "{uuid}"),
    "allergy_patient": ("AllergyIntolerance", "patient", "{uuid}"),
}


@requirement("SCOPE-patient-compartment")
def test_other_patient_is_not_read(api, tokens, patient, other_patient):
    """Patient scopes show nothing of another patient."""
    token = tokens.patient(SCOPE)
    own = api.get(f"/fhir/Patient/{patient.uuid}", token)
    response = api.get(f"/fhir/Patient/{other_patient.uuid}", token)

    expect.status(own, 200)
    expect.that(not response.is_success, "a refusal", response.status_code, response)
    expect.that(other_patient.name not in response.text, "no name of the other", "one", response)


@requirement("SCOPE-other-patient-refused-cleanly")
def test_other_patient_is_refused_cleanly(api, tokens, other_patient):
    """Reading another patient with patient scopes is refused with a status of 4xx."""
    response = api.get(f"/fhir/Patient/{other_patient.uuid}", tokens.patient(SCOPE))

    expect.no_data(response, 401, 403, 404)


@requirement("SCOPE-patient-compartment")
@pytest.mark.parametrize("search", list(SEARCHES))
def test_other_patient_is_not_found(api, tokens, patient, other_patient, search):
    """Patient scopes show nothing of another patient."""
    kind, parameter, pattern = SEARCHES[search]
    token = tokens.patient(TYPE_SCOPE)
    own = api.get(f"/fhir/{kind}", token)
    value = pattern.format(uuid=other_patient.uuid, pid=other_patient.pid)
    response = api.get(f"/fhir/{kind}", token, params={parameter: value})

    expect.status(own, 200)
    body = response.json() if response.is_success else {}
    shown = [entry for entry in body.get("entry", []) if other_patient.uuid in str(entry)]
    expect.equal(shown, [], "entries about the other patient", response)


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("kind", KINDS)
def test_search_without_patient_shows_the_own_one_only(api, tokens, other_patient, kind):
    """A search without parameters under patient scopes shows the own patient's data only."""
    response = api.get(f"/fhir/{kind}", tokens.patient(TYPE_SCOPE))

    expect.no_server_error(response)
    body = response.json() if response.is_success else {}
    shown = [entry for entry in body.get("entry", []) if other_patient.uuid in str(entry)]
    expect.equal(shown, [], "entries about another patient", response)
    patients = [
        entry["resource"].get("id")
        for entry in body.get("entry", [])
        if entry.get("resource", {}).get("resourceType") == "Patient"
    ]
    expect.that(len(patients) <= 1, "one patient at most", patients, response)


@requirement("SCOPE-patient-login-user-scope")
@needs("oauth.password_grant")
@pytest.mark.parametrize("beside", ["alone", "with_patient_scope"])
def test_patient_with_user_scopes_sees_no_more(
    server, api, new_client, patient, other_patient, beside
):
    """A patient who asks for user scopes sees no more than the own record."""
    scope = "openid api:fhir user/Patient.read"
    scope += {"alone": "", "with_patient_scope": " patient/Patient.read"}[beside]
    client = new_client.confidential(scope)
    answer = server.password(client, patient, scope)
    token = answer.json().get("access_token", "none") if answer.is_success else "none"
    searched = api.get("/fhir/Patient", token)
    read = api.get(f"/fhir/Patient/{other_patient.uuid}", token)

    expect.no_server_error(answer)
    for response in (searched, read):
        body = response.json() if response.is_success else {}
        expect.that(other_patient.uuid not in str(body), "no other patient", body, response)


@requirement("SCOPE-patient-needs-context")
@needs("oauth.password_grant")
def test_patient_scope_without_a_patient_opens_nothing(server, api, admin, new_client):
    """Patient scopes open nothing where no patient is in the context."""
    scope = "openid api:fhir patient/Patient.read"
    client = new_client.confidential(scope)
    answer = server.password(client, admin, scope)
    body = answer.json() if answer.is_success else {}
    response = api.get("/fhir/Patient", body.get("access_token", "none"))

    expect.no_server_error(answer)
    shown = response.json().get("entry", []) if response.is_success else []
    right = bool(body.get("patient")) or not shown
    expect.that(right, "no patient without a context", shown, response)


@requirement("SCOPE-operations-own-compartment")
@pytest.mark.parametrize("place", ["docref", "group", "export", "patient_export"])
def test_operations_obey_the_patient(api, new_session, patient, other_patient, place):
    """Operations and groups show a patient nothing of others."""
    scope = "openid api:fhir patient/Patient.read patient/DocumentReference.read"
    scope += " patient/DocumentReference.$docref"
    token = new_session(scope, user=patient).access_token
    response = {
        "docref": lambda: api.post(
            "/fhir/DocumentReference/$docref", token, params={"patient": other_patient.uuid}
        ),
        "group": lambda: api.get("/fhir/Group", token),
        "export": lambda: api.get("/fhir/$export", token, headers={"Prefer": "respond-async"}),
        "patient_export": lambda: api.get(
            "/fhir/Patient/$export", token, headers={"Prefer": "respond-async"}
        ),
    }[place]()

    exported = response.status_code == 202 and "export" in place
    expect.that(not exported, "no export", response.status_code, response)
    body = response.json() if response.is_success else {}
    entries = body.get("entry", []) if isinstance(body, dict) else body
    shown = [entry for entry in entries if other_patient.uuid in str(entry)]
    expect.equal(shown, [], "entries about the other patient", response)


@requirement("SCOPE-patient-chosen-exists")
def test_chosen_patient_exists(server, admin, browser, new_client):
    """A patient who does not exist cannot be put into the context."""
    scope = "openid api:fhir launch/patient patient/Patient.read"
    nobody = "00000000-0000-4000-8000-00000000dead"
    client = new_client.confidential(scope)
    given = browser.authorize(client, admin, scope, patient=nobody)
    code = given.parameters.get("code", "none")
    response = server.exchange(client, code, verifier=given.verifier)

    body = response.json() if response.is_success else {}
    expect.that(body.get("patient") != nobody, "no such patient", body.get("patient"), response)
