"""Bulk export: who may start an export, poll its status, and download its files."""

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.wire.client import Blocked

pytestmark = writes  # an export leaves files on the server

LEVELS = {
    "system": "/fhir/$export",
    "patients": "/fhir/Patient/$export",
    "group": "/fhir/Group/1/$export",
}
READING = "api:fhir system/Patient.read system/Binary.read"
STAFF = "openid api:fhir fhirUser user/Patient.read"
PATIENT = "openid api:fhir fhirUser patient/Patient.read"
WITHOUT_RIGHT = [
    "none",
    "garbage",
    "staff",
    pytest.param("patient", marks=needs("patients")),
]


@pytest.fixture
def token_without_right(tokens):
    """A token without the right to an export: `token_without_right("staff")`."""

    def of(who):
        return {
            "none": lambda: None,
            "garbage": lambda: "garbage",
            "staff": lambda: tokens.staff(STAFF),
            "patient": lambda: tokens.patient(PATIENT),
        }[who]()

    return of


@requirement("BULK-1.0-unauthorized")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("who", WITHOUT_RIGHT)
@pytest.mark.usefixtures("export_control")
def test_kick_off_without_a_right_is_refused(bulk_export, token_without_right, who, level):
    response = bulk_export.kick_off(LEVELS[level], token_without_right(who))

    expect.status(response, 401, 403, 400)
    expect.header(response, "Content-Location", absent=True)


@requirement("BULK-1.0-scope")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.usefixtures("export_control")
def test_kick_off_without_its_scope_is_refused(bulk_export, tokens, level):
    response = bulk_export.kick_off(LEVELS[level], tokens.system(READING))

    expect.status(response, 401, 403)
    expect.header(response, "Content-Location", absent=True)


@requirement("OPENEMR-SCOPE-bulk-status")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_status_without_its_scope_is_refused(api, bulk_export, tokens, method):
    export = bulk_export.export()
    where = export.status_url
    response = api.request(method, where, tokens.system(READING))
    after = api.get(where, bulk_export.token) if method == "DELETE" else export.status

    expect.status(response, 401, 403)
    expect.status(after, 200)


@requirement("BULK-2.0-status-token")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("who", WITHOUT_RIGHT)
def test_status_without_a_right_is_refused(api, bulk_export, token_without_right, who, method):
    export = bulk_export.export()
    where = export.status_url
    response = api.request(method, where, token_without_right(who))
    after = api.get(where, bulk_export.token) if method == "DELETE" else export.status

    expect.status(response, 401, 403, 400)
    expect.status(after, 200)


@requirement("BULK-1.0-files-token")
@pytest.mark.parametrize("who", ["none", "garbage"])
def test_file_without_a_token_is_not_given(api, bulk_export, token_without_right, who):
    export = bulk_export.export()
    response = api.get(export.outputs[0]["url"], token_without_right(who))

    expect.status(response, 401, 403, 400)


@requirement("BULK-file-path-not-guessable")
@pytest.mark.parametrize("who", ["staff", pytest.param("patient", marks=needs("patients"))])
def test_file_is_not_given_to_somebody_else(api, bulk_export, token_without_right, who):
    export = bulk_export.export()
    if not export.outputs:
        raise Blocked("the export has no file that could be refused")
    answers = [api.get(one["url"], token_without_right(who)) for one in export.outputs]

    for response in answers:
        expect.status(response, 401, 403, 404)


@requirement("BULK-file-path-not-guessable")
def test_file_is_not_given_without_the_scope_for_files(api, bulk_export, tokens):
    export = bulk_export.export()
    response = api.get(export.outputs[0]["url"], tokens.system("api:fhir system/Patient.read"))

    expect.status(response, 401, 403, 404)


@requirement("BULK-file-path-not-guessable")
def test_file_of_what_the_client_may_not_read_is_not_given(api, server, bulk_export, new_client):
    other = new_client.system(READING)
    answer = server.client_credentials(other, READING)
    expect.status(answer, 200)
    export = bulk_export.export()
    beyond = [one for one in export.outputs if one["type"] == "Encounter"]
    answers = [api.get(one["url"], answer.json()["access_token"]) for one in beyond]

    given = [one for one in answers if one.is_success and one.content]
    expect.that(answers, "a file with Encounters", beyond, export.status)
    received = [one.status_code for one in given]
    expect.that(not given, "no file that the client may not read", received, given)
