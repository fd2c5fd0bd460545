"""The fhirUser claim: the FHIR resource that stands for the user who logged in."""

import re

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.keys import unverified_claims

STAFF = "openid fhirUser api:fhir user/Patient.read user/Practitioner.read user/Person.read"
PATIENT = "openid fhirUser api:fhir patient/Patient.read"
ROLES = [
    "admin",
    pytest.param("patient", marks=needs("patients")),
]
TYPES = {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"}


@pytest.fixture(scope="session")
def session_of(tokens, registrar, target):
    """The token answer of a role with fhirUser, fetched once."""
    answers = {}

    def of(role):
        if role not in answers:
            scope = {"admin": STAFF, "patient": PATIENT}[role]
            client = registrar.confidential(scope)
            answers[role] = require_tokens(tokens.fetch(client, target.users[role], scope))
        return answers[role]

    return of


@pytest.fixture(scope="session")
def fhir_user(session_of):
    """The fhirUser claim of a role."""

    def of(role):
        return unverified_claims(session_of(role)["id_token"]).get("fhirUser")

    return of


@requirement("SMART-2.2-fhiruser-claim")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_told(fhir_user, role):
    """With openid and fhirUser granted, the ID token has a fhirUser."""
    found = fhir_user(role)

    expect.that(isinstance(found, str) and found, "a fhirUser", found)


@requirement("SMART-2.2-fhiruser-type")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_the_url_of_a_person(fhir_user, target, role):
    """A fhirUser is the URL of a Patient, Practitioner, RelatedPerson or Person."""
    found = str(fhir_user(role))
    place = re.fullmatch(r"(?:https?://.+/)?([A-Za-z]+)/[A-Za-z0-9\-.]{1,64}", found)

    expect.that(place and place.group(1) in TYPES, "[base]/[type]/[id] of a person", found)


@requirement("SMART-2.2-fhiruser-readable")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_read_with_the_token(api, target, session_of, fhir_user, role):
    """The resource that fhirUser names can be read with the granted token."""
    found = str(fhir_user(role))
    url = found if found.startswith("http") else f"{target.fhir_url}/{found}"
    response = api.get(url, session_of(role)["access_token"])

    expect.status(response, 200)
    expect.equal(expect.member(response, "id"), url.rpartition("/")[2], "id", response)


@requirement("SMART-2.2-fhiruser-right-user")
def test_fhir_user_of_a_patient_is_that_patient(fhir_user, patient):
    """The fhirUser names the user who logged in."""
    found = str(fhir_user("patient"))

    expect.that(found.endswith(f"Patient/{patient.uuid}"), f"Patient/{patient.uuid}", found)


@requirement("SMART-2.2-fhiruser-scope-only")
def test_fhir_user_is_told_with_its_scope_only(tokens):
    """The fhirUser is told only if the scope fhirUser was granted."""
    answer = tokens.body("admin", "openid api:fhir user/Patient.read")
    found = unverified_claims(answer["id_token"]).get("fhirUser")

    expect.that(found is None, "no fhirUser", found)
