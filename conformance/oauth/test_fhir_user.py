"""The fhirUser claim: the FHIR resource of the user who logged in."""

import re
from functools import cache

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
def token_response_of(tokens, registrar, target):
    """The token response of a role with the scope fhirUser, fetched once."""

    def fetch(role):
        scope = {"admin": STAFF, "patient": PATIENT}[role]
        return tokens.fetch(registrar.confidential(scope), target.users[role], scope)

    return cache(fetch)


def fhir_user(response):
    """Return the claim fhirUser of the ID token in a token response; Blocked without tokens."""
    return unverified_claims(require_tokens(response)["id_token"]).get("fhirUser")


@requirement("SMART-2.2-fhiruser-claim")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_told(token_response_of, role):
    response = token_response_of(role)
    found = fhir_user(response)

    expect.that(isinstance(found, str) and found, "a fhirUser", found, response)


@requirement("SMART-2.2-fhiruser-type")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_the_url_of_a_person(token_response_of, role):
    response = token_response_of(role)
    found = str(fhir_user(response))
    reference = re.fullmatch(r"(?:https?://.+/)?([A-Za-z]+)/[A-Za-z0-9\-.]{1,64}", found)

    right = reference and reference.group(1) in TYPES
    expect.that(right, "[base]/[type]/[id] of a person", found, response)


@requirement("SMART-2.2-fhiruser-readable")
@pytest.mark.parametrize("role", ROLES)
def test_fhir_user_is_read_with_the_token(api, target, token_response_of, role):
    answer = token_response_of(role)
    found = str(fhir_user(answer))
    url = found if found.startswith("http") else f"{target.fhir_url}/{found}"
    response = api.get(url, require_tokens(answer)["access_token"])

    expect.status(response, 200)
    both = [response, answer]
    expect.equal(expect.member(response, "id"), url.rpartition("/")[2], "id", both)


@requirement("SMART-2.2-fhiruser-right-user")
def test_fhir_user_of_a_patient_is_that_patient(token_response_of, patient):
    response = token_response_of("patient")
    found = str(fhir_user(response))

    wanted = f"Patient/{patient.uuid}"
    expect.that(found.endswith(wanted), wanted, found, response)


@requirement("SMART-2.2-fhiruser-scope-only")
def test_fhir_user_is_told_with_its_scope_only(tokens):
    response = tokens.response("admin", "openid api:fhir user/Patient.read")
    found = fhir_user(response)

    expect.that(found is None, "no fhirUser", found, response)
