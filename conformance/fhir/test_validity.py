"""Every resource that FHIR shows of a patient is valid: elements, codes, mandatory data, links.

The resources come from one search of each type (fixtures/given/patient_compartment.py). A type
without a resource is not applicable.
"""

import re
from importlib import import_module
from typing import Any

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import DOCUMENTED_TYPES, LATER_TYPES
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # the patient whose data is read is made by the run

#: The types of which every server has a resource: the run makes it, or it is the facility.
FILLED = [
    "AllergyIntolerance",
    "Appointment",
    "Condition",
    "Encounter",
    "Location",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Procedure",
]
OTHERS = [kind for kind in DOCUMENTED_TYPES + LATER_TYPES if kind not in FILLED]
STATUS = {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"}
ENDS = {"entered-in-error", "unknown"}
CONTACT = {"phone", "fax", "email", "pager", "url", "sms", "other"}
#: Elements with a required binding and their codes (FHIR R4, terminology of each type).
CODES = {
    "AllergyIntolerance": {
        "clinicalStatus.coding.code": {"active", "inactive", "resolved"},
        "verificationStatus.coding.code": {"unconfirmed", "confirmed", "refuted"}
        | {"entered-in-error"},
        "type": {"allergy", "intolerance"},
        "category": {"food", "medication", "environment", "biologic"},
        "criticality": {"low", "high", "unable-to-assess"},
    },
    "Appointment": {
        "status": {"proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow"}
        | {"entered-in-error", "checked-in", "waitlist"},
        "participant.status": {"accepted", "declined", "tentative", "needs-action"},
    },
    "CareTeam": {"status": {"proposed", "active", "suspended", "inactive", "entered-in-error"}},
    "Condition": {
        "clinicalStatus.coding.code": {"active", "recurrence", "relapse", "inactive"}
        | {"remission", "resolved"},
        "verificationStatus.coding.code": {"unconfirmed", "provisional", "differential"}
        | {"confirmed", "refuted", "entered-in-error"},
    },
    "DocumentReference": {"status": {"current", "superseded", "entered-in-error"}},
    "Encounter": {
        "status": {"planned", "arrived", "triaged", "in-progress", "onleave", "finished"}
        | {"cancelled", *ENDS},
    },
    "Location": {"status": {"active", "suspended", "inactive"}},
    "MedicationRequest": {
        "status": {"active", "on-hold", "cancelled", "completed", "stopped", "draft", *ENDS},
        "intent": {"proposal", "plan", "order", "original-order", "reflex-order", "filler-order"}
        | {"instance-order", "option"},
    },
    "Observation": {
        "status": {"registered", "preliminary", "final", "amended", "corrected", "cancelled", *ENDS}
    },
    "Patient": {"gender": {"male", "female", "other", "unknown"}},
    "Procedure": {"status": STATUS | ENDS},
}
EVERYWHERE = {
    "telecom.system": CONTACT,
    "telecom.use": {"home", "work", "temp", "old", "mobile"},
    "address.use": {"home", "work", "temp", "old", "billing"},
    "address.type": {"postal", "physical", "both"},
    "name.use": {"usual", "official", "temp", "nickname", "anonymous", "old", "maiden"},
    "identifier.use": {"usual", "official", "temp", "secondary", "old"},
    "text.status": {"generated", "extensions", "additional", "empty"},
}
#: The elements that US Core 3.1.1, 7.0.0 and 8.0.0 all require; `a|b` is one of two.
MANDATORY = {
    "AllergyIntolerance": ["code", "patient"],
    "CareTeam": ["subject", "participant.role", "participant.member"],
    "Condition": ["category", "code", "subject"],
    "DocumentReference": ["status", "type", "category", "subject", "content.attachment"],
    "Encounter": ["status", "class", "type", "subject"],
    "Location": ["name"],
    "MedicationRequest": [
        "status",
        "intent",
        "medicationCodeableConcept|medicationReference",
        "subject",
    ],
    "Observation": ["status", "category", "code", "subject"],
    "Organization": ["active", "name"],
    "Patient": ["identifier.system", "identifier.value", "name", "gender"],
    "Procedure": ["status", "code", "subject"],
}
#: The extensions that US Core prescribes in the place of a value that is missing or masked.
REASONS = {"data-absent-reason", "rendered-value"}
SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
MOST_PROBLEMS = 6
#: The fields of the must-support patient, and the elements that have to be in the Patient.
RECORDED = {
    "race": "white",
    "ethnicity": "not_hisp_or_latin",
    "language": "English",
    "phone_home": "555-0101",
}
MUST_SUPPORT = [
    "identifier.system",
    "identifier.value",
    "name.family",
    "name.given",
    "telecom.system",
    "telecom.value",
    "gender",
    "birthDate",
    "address.line",
    "address.city",
    "address.state",
    "address.postalCode",
    "communication.language",
]


@pytest.fixture
def resources_of_type(compartment):
    """The resources of a type and the response with them; not applicable if there are none."""

    def of(kind):
        if kind not in compartment.types:
            not_applicable(f"the server does not declare a search for {kind}")
        resources = [one for one in compartment.resources(kind) if one.get("resourceType") == kind]
        if kind in FILLED:
            if compartment.problems and not resources:
                raise compartment.problems[0]
            expect.that(resources, f"the {kind} that was made", "none", compartment.search(kind))
        elif not resources:
            not_applicable(f"there is no {kind} to look at, and no API makes one")
        return resources, compartment.search(kind)

    return of


@requirement("FHIR-json-schema")
@pytest.mark.parametrize("kind", FILLED + OTHERS)
def test_resource_is_valid(resources_of_type, kind):
    resources, response = resources_of_type(kind)

    models = import_module("fhir.resources.R4B")  # its models of these types are those of R4
    problems = faults(models.get_fhir_model_class(kind), resources)
    expect.that(not problems, f"a valid {kind}", "; ".join(problems[:MOST_PROBLEMS]), response)


@requirement("USCORE-required-bindings")
@pytest.mark.parametrize("kind", CODES)
def test_code_is_one_of_a_fixed_set(resources_of_type, kind):
    resources, response = resources_of_type(kind)

    wrong = {
        f"{place} {' '.join(map(repr, codes))}"
        for one in resources
        for place, allowed in (EVERYWHERE | CODES[kind]).items()
        for codes in coded(one, place)
        if codes and not allowed & {*codes}
    }
    expect.that(not wrong, "codes of the required sets", "; ".join(sorted(wrong)), response)


@requirement("USCORE-missing-data")
@pytest.mark.parametrize("kind", MANDATORY)
def test_mandatory_element_is_there(compartment, resources_of_type, kind):
    compartment.need_us_core(kind)
    resources, response = resources_of_type(kind)

    missing = {
        place
        for one in resources
        for place in MANDATORY[kind]
        if not any(is_there(one, each) for each in place.split("|"))
    }
    expect.that(
        not missing, "every mandatory element", f"without {', '.join(sorted(missing))}", response
    )


@requirement("FHIR-coding-system-absolute")
@pytest.mark.parametrize("kind", FILLED + OTHERS)
def test_system_of_a_coding_is_absolute(resources_of_type, kind):
    resources, response = resources_of_type(kind)

    wrong = {
        str(part["system"])
        for one in resources
        for part in parts(one)
        if "system" in part and "code" in part and not SCHEME.fullmatch(str(part["system"]))
    }
    expect.that(not wrong, "absolute URIs", "; ".join(sorted(wrong)), response)


@requirement("FHIR-references-resolve")
@pytest.mark.parametrize("kind", [*(one for one in FILLED if one != "Location"), "Person"])
def test_reference_leads_to_its_resource(compartment, resources_of_type, target, kind):
    resources, response = resources_of_type(kind)

    broken, failed = [], []
    for reference in sorted(references(resources, target.fhir_url)):
        kind_of = reference.partition("/")[0]
        if kind_of == "Patient" or kind_of not in compartment.types:
            continue  # the patient itself, and types that the token may not read
        answer = compartment.get(f"/{reference}")
        body = json_body(answer) if answer.is_success else {}
        if body.get("resourceType") != kind_of:
            broken.append(f"{reference}: {answer.status_code}")
            failed.append(answer)
    words = "references to existing resources"
    expect.that(not broken, words, "; ".join(broken), [*failed, response])


@requirement("USCORE-meta-profile")
@pytest.mark.parametrize("kind", ["Condition", "Observation"])
def test_profile_is_named(compartment, resources_of_type, kind):
    compartment.need_us_core(kind)
    resources, response = resources_of_type(kind)

    without = [one.get("id") for one in resources if not one.get("meta", {}).get("profile")]
    expect.that(not without, "a profile in meta.profile", f"none in {without[:3]}", response)


@requirement("USCORE-patient-must-support")
def test_patient_shows_what_was_recorded(resources, records):
    mine = records.patient(**RECORDED)
    response = resources.get(f"/Patient/{mine.uuid}")

    expect.status(response, 200)
    body = json_body(response)
    missing = [place for place in MUST_SUPPORT if not list(values(body, place))]
    for name in ("us-core-race", "us-core-ethnicity"):
        extensions = [one for one in body.get("extension", []) if name in str(one.get("url"))]
        coded = "urn:oid:2.16.840.1.113883.6.238" in str(extensions)
        missing += [] if coded else [name]
    expect.that(
        not missing, "every element that was recorded", f"without {', '.join(missing)}", response
    )


def faults(model, resources):
    """Return the faults of the resources, each once, with the place."""
    problems = set()
    for one in resources:
        try:
            model.model_validate(one)
        except ValueError as error:
            details: list[Any] = [{"loc": (), "msg": str(error)}]
            for each in error.errors() if hasattr(error, "errors") else details:
                place = ".".join(str(part) for part in each["loc"] if not isinstance(part, int))
                said = " ".join(each["msg"].split())
                problems.add(f"{place}: {said}"[:160])
    return sorted(problems)


def coded(resource, place):
    """Yield the codes of each coded element at a path.

    Of the codings of a concept, one from the value set is enough (FHIR R4 section 4.1.5.1).
    """
    concept, _, rest = place.partition(".coding.")
    if rest:
        for one in values(resource, concept):
            yield list(values(one, f"coding.{rest}"))
    else:
        for value in values(resource, place):
            yield [value]


def is_there(value, place):
    """Return whether an element is at a path, in each of the elements that contain it.

    A data absent reason in its place counts as well, also that of a primitive (`_name`).
    """
    if isinstance(value, list):
        return bool(value) and all(is_there(one, place) for one in value)
    if not place:
        return value not in (None, "", {}, [])
    if not isinstance(value, dict):
        return False
    head, _, tail = place.partition(".")
    has_reason = gives_reason(value.get(head)) or (not tail and gives_reason(value.get(f"_{head}")))
    return has_reason or (head in value and is_there(value[head], tail))


def gives_reason(value):
    """Return whether an element has an extension that stands for its value."""
    every = value if isinstance(value, list) else [value]
    extensions = [
        each for one in every if isinstance(one, dict) for each in one.get("extension", [])
    ]
    return any(str(each.get("url")).rpartition("/")[2] in REASONS for each in extensions)


def values(value, place):
    """Yield every value at a path such as `name.family`, through all lists."""
    if isinstance(value, list):
        for one in value:
            yield from values(one, place)
    elif not place:
        if value not in (None, "", {}):
            yield value
    elif isinstance(value, dict):
        head, _, tail = place.partition(".")
        if head in value:
            yield from values(value[head], tail)


def parts(value):
    """Yield every object in a resource."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from parts(one)
    elif isinstance(value, list):
        for one in value:
            yield from parts(one)


def references(resources, base):
    """Return the references to this server as Type/id, one per type."""
    found: dict[str, str] = {}
    for one in resources:
        for part in parts(one):
            reference = str(part.get("reference", "")).removeprefix(f"{base}/")
            if re.fullmatch(r"[A-Z]\w+/[A-Za-z0-9.-]{1,64}", reference):
                found.setdefault(reference.partition("/")[0], reference)
    return set(found.values())
