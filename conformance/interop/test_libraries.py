"""Client libraries that people use do their normal work at the server."""

import pytest
from fhir.resources.R4B.bundle import Bundle

from conformance import expect, needs, requirement
from fixtures.wire.exchanges import recorded

SYSTEM_SCOPE = "system/Patient.read"
APP_SCOPE = "openid fhirUser api:fhir user/Patient.read"


@pytest.fixture(scope="session")
def session_of(libraries, clients):
    """Gives a session of a library with a system token; each is made once per worker."""
    made = {}

    def of(library):
        if library not in made:
            make = getattr(libraries, library)
            made[library] = expect.working(make, clients.system, SYSTEM_SCOPE)
        return made[library]

    return of


@requirement("INTEROP-authlib")
def test_authlib_reads_patients(session_of, target):
    """A backend service written with authlib gets a system token and reads patients with it."""
    session = session_of("authlib")

    with recorded() as exchanges:
        bundle = expect.working(lambda: session.get(f"{target.fhir_url}/Patient").json())
    expect.equal(bundle.get("resourceType"), "Bundle", "resourceType", exchanges[-1:])


@requirement("INTEROP-requests-oauthlib")
def test_requests_oauthlib_reads_patients(session_of, target):
    """A backend service written with requests-oauthlib and PyJWT reads patients."""
    session = session_of("requests_oauthlib")

    with recorded() as exchanges:
        bundle = expect.working(lambda: session.get(f"{target.fhir_url}/Patient").json())
    total = bundle.get("total")
    expect.equal(bundle.get("resourceType"), "Bundle", "resourceType", exchanges[-1:])
    expect.that(isinstance(total, int), "a total", total, exchanges[-1:])


@requirement("INTEROP-fhir-resources")
@pytest.mark.parametrize("library", ["authlib", "requests_oauthlib"])
def test_fetched_patients_are_models(session_of, target, library):
    """What a client library fetches is a valid model of fhir.resources."""
    answer = expect.working(lambda: session_of(library).get(f"{target.fhir_url}/Patient"))

    expect.working(lambda: Bundle.model_validate_json(answer.text))


@requirement("INTEROP-fhirclient")
@needs("patients")
def test_fhirclient_logs_in_and_reads(libraries, new_client, admin, patient):
    """An app written with fhirclient logs a user in and reads a patient."""
    client = new_client.confidential(f"{APP_SCOPE} launch/patient")

    smart = expect.working(libraries.fhirclient, client, admin, APP_SCOPE)
    with recorded() as exchanges:
        read = expect.working(libraries.read_patient, smart, patient.uuid)

    expect.equal(read.id, patient.uuid, "the id of the patient", exchanges[-1:])
    expect.that(read.name, "a name", read.as_json().get("name"), exchanges[-1:])
