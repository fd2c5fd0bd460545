"""An app reads no more than the member of staff who uses it may read."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

pytestmark = writes  # a member of staff with few rights is made, and a patient with records

#: Clinical types that a front office account may not read, by the records that make them.
CLINICAL = {"AllergyIntolerance": "allergy", "Condition": "medical_problem"}
USER_SCOPE = " ".join(["openid api:fhir fhirUser", *(f"user/{name}.read" for name in CLINICAL)])
PATIENT_SCOPE = " ".join(
    ["openid launch/patient api:fhir fhirUser", *(f"patient/{name}.read" for name in CLINICAL)]
)


@pytest.fixture(scope="module")
def front_office_app_token(server, registrar, front_office_user, marked_records):
    """Log the front office account in to an app: `front_office_app_token(scope)`.

    The patient with marked records is chosen if the server asks for one.
    """
    given = {}

    def of(scope):
        if scope not in given:
            client, owner = registrar.confidential(scope), marked_records.owner.uuid
            browser = Browser(server)
            allowed = browser.authorize(client, front_office_user, scope, patient=owner)
            response = server.exchange(client, allowed.code, verifier=allowed.verifier)
            given[scope] = require_tokens(response, "token of a front office account")
        return given[scope]["access_token"]

    return of


def search(api, resource, owner, token):
    """Search for the records of the patient."""
    return api.get(f"/fhir/{resource}?patient={owner}", token)


@pytest.fixture(scope="module")
def response_to_front_office(api, tokens, marked_records, front_office_app_token):
    """The response to a search of the front office account; Blocked if nobody finds anything."""

    def of(resource, scope):
        marked_records.record(CLINICAL[resource])
        owner = marked_records.owner.uuid
        proof = search(api, resource, owner, tokens.staff(USER_SCOPE))
        if not shows(proof, resource):
            line = exchange_line(proof.request, proof)
            raise Blocked(f"not even the administrator finds a record: {line}")
        return search(api, resource, owner, front_office_app_token(scope))

    return of


def shows(response, resource):
    """Return whether a response has a resource of the type."""
    return f'"resourceType":"{resource}"' in "".join(response.text.split())


def expect_nothing(response, resource):
    """Expect a refusal, or a response without a resource of the type."""
    expect.no_server_error(response)
    expect.that(
        not shows(response, resource),
        "no clinical data: the access control group of this user has no right to it",
        response.text,
        response,
    )


@requirement("SCOPE-user-acl")
@pytest.mark.parametrize("resource", list(CLINICAL))
def test_user_scopes_open_no_more_than_the_rights_of_the_user(response_to_front_office, resource):
    expect_nothing(response_to_front_office(resource, USER_SCOPE), resource)


@requirement("SCOPE-patient-acl")
@pytest.mark.parametrize("resource", list(CLINICAL))
def test_patient_scopes_open_no_more_than_the_rights_of_the_user(
    response_to_front_office, resource
):
    expect_nothing(response_to_front_office(resource, PATIENT_SCOPE), resource)
