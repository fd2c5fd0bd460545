"""FHIR with a patient's token: no patient sees the data of another one."""

from functools import cache

import pytest

from conformance import expect, requirement, writes
from fixtures.given.controls import require_success
from fixtures.given.fhir_resources import entries
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # both patients get a record of each kind

SCOPE = (
    "openid api:fhir fhirUser patient/Patient.read patient/Encounter.read "
    "patient/AllergyIntolerance.read patient/Condition.read patient/Appointment.read "
    "patient/CareTeam.read patient/DocumentReference.read"
)
#: The record of the standard API behind each type; a Patient is itself.
BEHIND = {
    "Patient": None,
    "Encounter": "encounter",
    "AllergyIntolerance": "allergy",
    "Condition": "medical_problem",
    "Appointment": "appointment",
}
TYPES = [*BEHIND, "CareTeam", "DocumentReference"]
ASKING = {
    "nothing": {},
    "patient": {"patient": "{uuid}"},
    "reference": {"patient": "Patient/{uuid}"},
    "id": {"_id": "{id}"},
    "identifier": {"patient.identifier": "{pid}"},
    "count": {"_count": "1000", "_offset": "0"},
    "has": {"_has:Encounter:patient:_id": "{id}"},
}


@pytest.fixture(scope="module")
def patient_token(tokens):
    """The first patient's token."""
    return tokens.patient(SCOPE)


@pytest.fixture(scope="module")
def fhir_response(api, patient_token):
    """The response to a request with the first patient's token, sent once."""
    return cache(lambda path, **params: api.get(f"/fhir/{path}", patient_token, params=params))


@pytest.fixture(scope="module")
def foreign_id(declared_resources, records, patient, other_patient):
    """The id of the other patient's resource of a type; both patients have one."""

    def of(kind):
        if kind not in declared_resources:
            not_applicable(f"the server does not declare {kind}")
        behind = BEHIND.get(kind)
        if behind is None:
            return other_patient.uuid
        records.first(behind, records.of(patient))
        return records.uuid(records.first(behind, records.of(other_patient)))

    return of


@pytest.fixture(scope="module")
def patient_record(api, staff_token):
    """A patient's record, as staff reads it: `patient_record(user)`."""
    return cache(lambda user: json_body(api.get(f"/api/patient/{user.uuid}", staff_token))["data"])


@pytest.fixture
def own_search(fhir_response):
    """Raises Blocked unless the patient's token opens the search of a type."""
    return lambda kind: require_success(fhir_response(kind), "a search of the patient's own data")


@requirement("SCOPE-patient-compartment")
@pytest.mark.parametrize("kind", BEHIND)
def test_resource_of_another_patient_is_not_shown(
    fhir_response, own_search, other_patient, foreign_id, kind
):
    response = fhir_response(f"{kind}/{foreign_id(kind)}")
    own_search(kind)

    expect.that(not response.is_success, "a refusal", response.status_code, response)
    if kind != "Patient":
        referred = other_patient.uuid in response.text
        expect.that(not referred, "no reference", response.text, response)
    shown = str(other_patient.email) in response.text
    expect.that(not shown, "no address", response.text, response)


@requirement("SCOPE-other-patient-4xx")
@pytest.mark.parametrize("kind", BEHIND)
def test_resource_of_another_patient_is_refused(fhir_response, own_search, foreign_id, kind):
    response = fhir_response(f"{kind}/{foreign_id(kind)}")
    own_search(kind)

    expect.status(response, 401, 403, 404)


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("kind", BEHIND)
def test_search_finds_own_data(fhir_response, patient, foreign_id, kind):
    foreign_id(kind)
    response = fhir_response(kind)

    expect.status(response, 200)
    found = resources(response)
    expect.that(found, f"the patient's own {kind}", response.text, response)
    expect.that(
        all(patient.uuid in str(one) for one in found),
        "only the patient's own resources",
        found,
        response,
    )


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("kind", TYPES)
def test_search_reveals_no_other_patient(
    fhir_response, own_search, records, other_patient, foreign_id, kind, asking
):
    other = records.of(other_patient)
    words = {"uuid": other.uuid, "id": foreign_id(kind), "pid": other.pid}
    params = {name: value.format(**words) for name, value in ASKING[asking].items()}
    response = fhir_response(kind, **params)
    own_search(kind)

    expect.answered(response)
    shown = [str(one) for one in resources(response)]
    revealing = {other_patient.uuid, str(foreign_id(kind)), str(other_patient.email)}
    found = sorted(word for word in revealing if any(word in one for one in shown))
    expect.that(not found, "nothing of the other patient", found, response)


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("kind", ["Patient", "Encounter"])
def test_search_by_post_reveals_no_other_patient(
    api, patient_token, own_search, other_patient, foreign_id, kind
):
    name = "_id" if kind == "Patient" else "patient"
    response = api.post(f"/fhir/{kind}/_search", patient_token, data={name: other_patient.uuid})

    foreign_id(kind)
    own_search(kind)
    expect.answered(response)
    shown = [str(one) for one in resources(response)]
    expect.that(
        not any(other_patient.uuid in one for one in shown), "nothing of the other", shown, response
    )


@requirement("FHIR-search-compartment-oracle")
@pytest.mark.parametrize("name", ["_id", "identifier", "family", "given", "email", "birthdate"])
@pytest.mark.usefixtures("fhir_api_control")
def test_search_does_not_tell_whether_somebody_else_exists(
    fhir_response, patient_record, patient, other_patient, name
):
    field = {"_id": "uuid", "identifier": "pid", "family": "lname", "given": "fname"}
    field |= {"email": "email", "birthdate": "DOB"}
    real, own = (str(patient_record(one)[field[name]]) for one in (other_patient, patient))
    if own.casefold().startswith(real.casefold()):
        not_applicable(f"both patients have the same {name}, so that the own record is found")
    nobody = {"_id": "00000000-0000-4000-8000-000000000000", "birthdate": "1899-01-01"}
    values = (real, nobody.get(name, "Nobodyatall"))
    answers = [fhir_response("Patient", **{name: value}) for value in values]

    told = [(one.status_code, len(resources(one)), total(one)) for one in answers]
    expect.equal(told[0], told[1], "status, matches and total", answers)


def resources(response):
    """Return the resources of a Bundle; an empty list if the body is not one."""
    return [entry["resource"] for entry in entries(response)]


def total(response):
    """Return the total of a Bundle, or None."""
    body = json_body(response) if response.content else {}
    return body.get("total") if isinstance(body, dict) else None
