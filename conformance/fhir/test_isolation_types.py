"""FHIR with a patient's token, type by type: no patient sees the data of another one.

test_isolation.py searches the types with records of the standard API in many ways. Here are all
other types that belong to a patient, as far as the server has them.
"""

import itertools

import pytest

from conformance import expect, requirement, writes
from conformance.mismatch import fail
from fixtures.given.fhir_resources import entries, ids
from fixtures.given.once import once
from fixtures.given.patient_compartment import WRITTEN
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked, json_body

pytestmark = writes  # both patients get a record of each kind

#: The types of the Patient compartment that OpenEMR serves, except those of test_isolation.py.
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
#: The types of which the standard API makes a record of the other patient.
FILLED = ["MedicationRequest", "Observation", "Procedure"]
MOST_READ = 2


@pytest.fixture(scope="module")
def patient_token_for_all_types(compartment, registrar, tokens, patient):
    """The first patient's token, for each of these types that has a scope."""
    offered = [
        compartment.scope(kind, "patient") for kind in [*TYPES, "Patient", "AllergyIntolerance"]
    ]
    scope = " ".join(["openid", "api:fhir", "fhirUser", *filter(None, offered)])
    client = registrar.confidential(scope)
    response = tokens.fetch(client, patient, scope)
    if not response.is_success:
        fail("a token for the patient", str(response.status_code), response)
    return str(json_body(response)["access_token"])


@pytest.fixture(scope="module")
def foreign_ids(compartment, records, patient, other_patient):
    """The ids of the other patient's resources of a type, as staff reads them."""

    @once
    def problems():
        """Make the records of both patients, and return why some could not be made."""
        found = []
        for record, owner in itertools.product(WRITTEN, (patient, other_patient)):
            try:
                records.first(record, records.of(owner))
            except Blocked as problem:
                found.append(problem)
        return found

    @once
    def of(kind):
        if kind not in compartment.types or compartment.scope(kind, "patient") is None:
            not_applicable(f"the server gives patients no {kind}")
        missing = problems()
        if kind not in FILLED:
            return []
        response = compartment.get(f"/{kind}", params={"patient": other_patient.uuid})
        found = ids(response)
        if missing and not found:
            raise missing[0]
        expect.that(found, f"the other patient's {kind}", "none", response)
        return found

    return of


@requirement("SCOPE-patient-search-forced")
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.usefixtures("fhir_api_control")
def test_type_reveals_no_other_patient(
    api, patient_token_for_all_types, other_patient, foreign_ids, kind
):
    keys = foreign_ids(kind)
    about = {"patient": other_patient.uuid, "_revinclude": "Provenance:target"}
    ways = {"nothing": {}, "patient": about}
    if keys:
        ways["id"] = {"_id": keys[0]}
    secret = {other_patient.uuid, str(other_patient.email), *keys}
    for way, params in ways.items():
        response = api.get(f"/fhir/{kind}", patient_token_for_all_types, params=params)
        echoed = {value.removeprefix("Patient/") for value in params.values()}
        text = response.text if response.is_client_error else str(shown_to_patient(response))
        shown = sorted(word for word in secret if word in text)
        if response.is_client_error:
            shown = sorted(set(shown) - echoed)  # a refusal may repeat the request
        words = f"nothing of the other patient (asked by {way})"
        expect.that(not shown, words, shown, response)
        expect.answered(response)


@requirement("SCOPE-other-patient-4xx")
@pytest.mark.parametrize("kind", FILLED)
def test_resource_of_another_patient_is_refused_and_not_shown(
    api, patient_token_for_all_types, foreign_ids, kind
):
    for key in foreign_ids(kind)[:MOST_READ]:
        response = api.get(f"/fhir/{kind}/{key}", patient_token_for_all_types)

        expect.no_data(response, 401, 403, 404, because="the record belongs to another patient")


@requirement("SCOPE-patient-search-forced")
def test_chained_parameters_reveal_no_other_patient(
    api, records, patient_token_for_all_types, other_patient, foreign_ids
):
    key = foreign_ids("Observation")[0]
    for params in (
        {"patient.identifier": str(records.of(other_patient).pid)},
        {"patient:Patient._id": other_patient.uuid},
        {"subject": f"Patient/{other_patient.uuid}"},
        {"_has:Observation:patient:_id": key},
    ):
        for kind in ("Observation", "Patient"):
            response = api.get(f"/fhir/{kind}", patient_token_for_all_types, params=params)

            expect.answered(response)
            text = str(shown_to_patient(response))
            shown = [word for word in (other_patient.uuid, key) if word in text]
            expect.that(not shown, f"nothing of the other patient ({params})", shown, response)


def shown_to_patient(response):
    """Return every resource of a Bundle, included ones too; the body if it is not a Bundle."""
    try:
        body = response.json()
    except ValueError:
        return response.text
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        return body
    return [entry["resource"] for entry in entries(response)]
