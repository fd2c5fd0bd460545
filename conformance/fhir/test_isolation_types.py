"""FHIR with a patient's token, type by type: nobody sees a byte of anybody else.

test_isolation.py asks for the types with records of the standard API in every way; here are all
types that belong to a patient, as far as the server has them.
"""

import itertools

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.given.patient_compartment import WRITTEN
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked, json_body

pytestmark = writes  # both patients get a record of each kind

#: What of the Patient compartment OpenEMR serves, beside the types of test_isolation.py.
TYPES = [
    "CarePlan",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "Goal",
    "Group",
    "Immunization",
    "Media",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Person",
    "Procedure",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
]
#: Of these the standard API makes a record of the other patient.
FILLED = ["MedicationRequest", "Observation", "Procedure"]
MOST_READ = 2


@pytest.fixture(scope="module")
def token(compartment, registrar, tokens, patient):
    """Return the first patient's token, for every type of these that a scope is offered for."""
    offered = [
        compartment.scope(kind, "patient") for kind in [*TYPES, "Patient", "AllergyIntolerance"]
    ]
    scope = " ".join(["openid", "api:fhir", "fhirUser", *filter(None, offered)])
    client = registrar.confidential(scope)
    response = tokens.fetch(client, patient, scope)
    if not response.is_success:
        expect.fail("a token for the patient", str(response.status_code), response)
    return str(json_body(response)["access_token"])


@pytest.fixture(scope="module")
def foreign(compartment, records, patient, other_patient):
    """Return the ids of the other patient's resources of a type, as staff sees them."""
    told: dict[str, list[str]] = {}
    problems: list[Blocked] = []

    def of(kind):
        if kind not in compartment.types or compartment.scope(kind, "patient") is None:
            not_applicable(f"the server gives patients no {kind}")
        if not told:
            for record, owner in itertools.product(WRITTEN, (patient, other_patient)):
                try:
                    records.first(record, records.of(owner))
                except Blocked as problem:
                    problems.append(problem)
        if kind not in FILLED:
            return told.setdefault(kind, [])
        if kind not in told:
            response = compartment.get(f"/{kind}", params={"patient": other_patient.uuid})
            found = ids(response)
            if problems and not found:
                raise problems[0]
            expect.that(found, f"the other patient's {kind}", "none", response)
            told[kind] = found
        return told[kind]

    return of


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("kind", TYPES)
def test_type_reveals_no_other_patient(api, token, other_patient, foreign, kind):
    """A search by a patient's token finds own data only."""
    keys = foreign(kind)
    about = {"patient": other_patient.uuid, "_revinclude": "Provenance:target"}
    ways = {"nothing": {}, "patient": about}
    if keys:
        ways["id"] = {"_id": keys[0]}
    secret = {other_patient.uuid, str(other_patient.email), *keys}
    for way, params in ways.items():
        response = api.get(f"/fhir/{kind}", token, params=params)
        echoed = {value.removeprefix("Patient/") for value in params.values()}
        text = response.text if response.is_client_error else str(entries(response))
        shown = sorted(word for word in secret if word in text)
        if response.is_client_error:
            shown = sorted(set(shown) - echoed)  # a refusal may repeat what it refuses
        words = f"nothing of the other patient (asked by {way})"
        expect.that(not shown, words, shown, response)
        expect.answered(response)


@requirement("SCOPE-other-patient-4xx")
@pytest.mark.parametrize("kind", FILLED)
def test_resource_of_another_patient_is_refused_and_not_shown(api, token, foreign, kind):
    """Another patient's id is refused to a patient's token with 4xx."""
    for key in foreign(kind)[:MOST_READ]:
        response = api.get(f"/fhir/{kind}/{key}", token)

        expect.no_data(response, 401, 403, 404, because="the record is of another patient")


@requirement("SCOPE-patient-search-forced")
def test_chained_parameters_reveal_no_other_patient(api, token, other_patient, foreign):
    """A search by a patient's token finds own data only."""
    key = foreign("Observation")[0]
    for params in (
        {"patient.identifier": str(other_patient.pid)},
        {"patient:Patient._id": other_patient.uuid},
        {"subject": f"Patient/{other_patient.uuid}"},
        {"_has:Observation:patient:_id": key},
    ):
        for kind in ("Observation", "Patient"):
            response = api.get(f"/fhir/{kind}", token, params=params)

            expect.answered(response)
            shown = [word for word in (other_patient.uuid, key) if word in str(entries(response))]
            expect.that(not shown, f"nothing of the other patient ({params})", shown, response)


def entries(response):
    """Return every resource of a Bundle, the included ones too."""
    try:
        body = response.json()
    except ValueError:
        return [response.text]
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        return [body]
    return [one.get("resource") for one in body.get("entry") or []]
