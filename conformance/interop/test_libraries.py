"""Common client libraries work with the server."""

from functools import cache

import pytest
from fhir.resources.R4B.bundle import Bundle

from conformance import expect, needs, requirement
from fixtures.wire.exchanges import record_exchanges

SYSTEM_SCOPE = "system/Patient.read"
APP_SCOPE = "openid fhirUser api:fhir user/Patient.read"


@pytest.fixture(scope="session")
def library_session(client_libraries, clients):
    """A session of a library with a system token, made once: `library_session("authlib")`."""
    return cache(
        lambda library: expect.working(
            getattr(client_libraries, library), clients.system, SYSTEM_SCOPE
        )
    )


@requirement("INTEROP-authlib")
def test_authlib_reads_patients(library_session, target):
    session = library_session("authlib")

    with record_exchanges() as exchanges:
        bundle = expect.working(lambda: session.get(f"{target.fhir_url}/Patient").json())
    expect.equal(bundle.get("resourceType"), "Bundle", "resourceType", exchanges[-1:])


@requirement("INTEROP-requests-oauthlib")
def test_requests_oauthlib_reads_patients(library_session, target):
    session = library_session("requests_oauthlib")

    with record_exchanges() as exchanges:
        bundle = expect.working(lambda: session.get(f"{target.fhir_url}/Patient").json())
    total = bundle.get("total")
    expect.equal(bundle.get("resourceType"), "Bundle", "resourceType", exchanges[-1:])
    expect.that(isinstance(total, int), "a total", total, exchanges[-1:])


@requirement("INTEROP-fhir-resources")
@pytest.mark.parametrize("library", ["authlib", "requests_oauthlib"])
def test_fetched_patients_are_models(library_session, target, library):
    answer = expect.working(lambda: library_session(library).get(f"{target.fhir_url}/Patient"))

    expect.working(lambda: Bundle.model_validate_json(answer.text))


@requirement("INTEROP-fhirclient")
@needs("patients")
def test_fhirclient_logs_in_and_reads(client_libraries, new_client, admin, patient):
    client = new_client.confidential(f"{APP_SCOPE} launch/patient")

    smart = expect.working(client_libraries.fhirclient, client, admin, APP_SCOPE)
    with record_exchanges() as exchanges:
        read = expect.working(client_libraries.read_patient, smart, patient.uuid)

    expect.equal(read.id, patient.uuid, "the id of the patient", exchanges[-1:])
    expect.that(read.name, "a name", read.as_json().get("name"), exchanges[-1:])
