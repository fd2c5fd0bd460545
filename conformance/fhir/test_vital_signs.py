"""FHIR shows vital signs as those of the patient who was measured.

OpenEMR numbers each kind of form on its own: the vital signs 7 of one patient, the note 7 of
another. Who joins them without looking at the kind shows a patient what was measured of others.
"""

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.target.model import not_applicable

pytestmark = writes

#: How many forms are made at most so that two have the same number: none if they are further apart.
MOST_FORMS = 90


@pytest.fixture
def measured(compartment, records):
    """Return a patient, measured long ago: what the server lists first is of others."""
    if "Observation" not in compartment.types:
        not_applicable("the server shows staff no Observation")
    patient = records.patient()
    records.first("encounter", patient, date="1990-01-02")
    return patient


@pytest.fixture
def other(records, measured):
    """Return a patient with a note of the same number as vital signs of the first one, if near."""
    patient = records.patient()
    owners = {"vital": measured, "soap_note": patient}
    numbers = {kind: _number(records.add(kind, owner)) for kind, owner in owners.items()}
    for _ in range(MOST_FORMS if all(numbers.values()) else 0):
        if not 0 < abs(numbers["vital"] - numbers["soap_note"]) < MOST_FORMS:
            break
        behind = min(owners, key=lambda kind: numbers[kind])
        numbers[behind] = _number(records.add(behind, owners[behind]))
    return patient


@requirement("FHIR-vitals-own-patient")
def test_vital_signs_are_of_who_was_measured(compartment, measured, other):
    """Vital signs are shown as those of the patient who was measured, and of nobody else."""
    own = compartment.get("/Observation", params={"patient": measured.uuid})
    taken = ids(own)
    expect.that(taken, "the vital signs of the patient who was measured", taken, own)

    response = compartment.get("/Observation", params={"patient": other.uuid})
    expect.answered(response)
    foreign = sorted(set(taken) & set(ids(response)))
    expect.that(not foreign, "no vital signs of another patient", foreign, [response, own])

    response = compartment.get(f"/Observation/{taken[0]}")
    expect.status(response, 200)
    subject = expect.member(response, "subject", kind=dict).get("reference")
    expect.equal(subject, f"Patient/{measured.uuid}", "subject", response)


def _number(form):
    """Return the number of a form, 0 where forms are not numbered."""
    return int(form.key) if form.key.isdecimal() else 0
