"""FHIR shows vital signs only as those of the patient who was measured.

OpenEMR numbers each kind of form separately: 7 may be the vital signs of one patient and the note
of another. A query that joins them without the kind of form shows a patient the vital signs of
others.
"""

import pytest

from conformance import expect, requirement, writes
from fixtures.target.model import not_applicable

pytestmark = writes

#: How many forms are made at most to get two with the same number; none if they are too far apart.
MOST_FORMS = 90


@pytest.fixture
def measured_patient(compartment, records):
    """A patient with vital signs from long ago, so that the server lists others first."""
    if "Observation" not in compartment.types:
        not_applicable("the server shows staff no Observation")
    patient = records.patient()
    records.first("encounter", patient, date="1990-01-02")
    return patient


@pytest.fixture
def patient_with_same_form_number(records, measured_patient):
    """A patient with a note of the same number as the first patient's vital signs, if possible."""
    patient = records.patient()
    owners = {"vital": measured_patient, "soap_note": patient}
    numbers = {kind: _number(records.add(kind, owner)) for kind, owner in owners.items()}
    for _ in range(MOST_FORMS if all(numbers.values()) else 0):
        if not 0 < abs(numbers["vital"] - numbers["soap_note"]) < MOST_FORMS:
            break
        behind = min(owners, key=lambda kind: numbers[kind])
        numbers[behind] = _number(records.add(behind, owners[behind]))
    return patient


@requirement("FHIR-vitals-own-patient")
def test_vital_signs_are_of_who_was_measured(
    compartment, target, measured_patient, patient_with_same_form_number
):
    own = compartment.get("/Observation", params={"patient": measured_patient.uuid})
    taken = compartment.all_ids(own)
    expect.that(taken, "the vital signs of the patient who was measured", taken, own)

    response = compartment.get(
        "/Observation", params={"patient": patient_with_same_form_number.uuid}
    )
    expect.answered(response)
    foreign = sorted({*taken} & {*compartment.all_ids(response)})
    expect.that(not foreign, "no vital signs of another patient", foreign, [response, own])

    response = compartment.get(f"/Observation/{taken[0]}")
    expect.status(response, 200)
    subject = str(expect.member(response, "subject", kind=dict).get("reference"))
    subject = subject.removeprefix(f"{target.fhir_url}/")  # FHIR R4 section 2.3.0.1
    expect.equal(subject, f"Patient/{measured_patient.uuid}", "subject", response)


def _number(form):
    """Return the number of a form, or 0 if forms are not numbered."""
    return int(form.key) if form.key.isdecimal() else 0
