"""Bulk export: who may start one, ask for it, and have its files."""

import pytest

from conformance import expect, needs, requirement, writes

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
def token_of(tokens):
    """Return a token that gives no right to an export."""

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
def test_kick_off_without_a_right_is_refused(bulk, token_of, who, level):
    """A kick-off without a right to it is refused."""
    response = bulk.kick_off(LEVELS[level], token_of(who))

    expect.status(response, 401, 403, 400)
    expect.header(response, "Content-Location", absent=True)


@requirement("BULK-1.0-scope")
@pytest.mark.parametrize("level", LEVELS)
def test_kick_off_without_its_scope_is_refused(bulk, tokens, level):
    """A kick-off without the scope of the export is refused."""
    response = bulk.kick_off(LEVELS[level], tokens.system(READING))

    expect.status(response, 401, 403)
    expect.header(response, "Content-Location", absent=True)


@requirement("OPENEMR-SCOPE-bulk-status")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_status_without_its_scope_is_refused(api, bulk, tokens, method):
    """The status of an export asks for the scope of the status."""
    export = bulk.export()
    where = export.where
    response = api.request(method, where, tokens.system(READING))
    after = api.get(where, bulk.token) if method == "DELETE" else export.status

    expect.status(response, 401, 403)
    expect.status(after, 200)


@requirement("BULK-2.0-status-token")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("who", WITHOUT_RIGHT)
def test_status_without_a_right_is_refused(api, bulk, token_of, who, method):
    """The status of an export is not told without a right to it."""
    export = bulk.export()
    where = export.where
    response = api.request(method, where, token_of(who))
    after = api.get(where, bulk.token) if method == "DELETE" else export.status

    expect.status(response, 401, 403, 400)
    expect.status(after, 200)


@requirement("BULK-1.0-files-token")
@pytest.mark.parametrize("who", ["none", "garbage"])
def test_file_without_a_token_is_not_given(api, bulk, token_of, who):
    """A file is not given without a valid token."""
    export = bulk.export()
    response = api.get(export.outputs[0]["url"], token_of(who))

    expect.status(response, 401, 403, 400)


@requirement("BULK-file-path-not-guessable")
@pytest.mark.parametrize("who", ["staff", pytest.param("patient", marks=needs("patients"))])
def test_file_is_not_given_to_somebody_else(api, bulk, token_of, who):
    """A file is given to nobody whose token does not reach it."""
    export = bulk.export()
    answers = [api.get(one["url"], token_of(who)) for one in export.outputs]

    for response in answers:
        expect.status(response, 401, 403, 404)


@requirement("BULK-file-path-not-guessable")
def test_file_is_not_given_without_the_scope_for_files(api, bulk, tokens):
    """A file is given to nobody whose token does not reach it."""
    export = bulk.export()
    response = api.get(export.outputs[0]["url"], tokens.system("api:fhir system/Patient.read"))

    expect.status(response, 401, 403, 404)


@requirement("BULK-file-path-not-guessable")
def test_file_of_what_the_client_may_not_read_is_not_given(api, server, bulk, new_client):
    """A file is given to nobody whose token does not reach it."""
    other = new_client.system(READING)
    answer = server.client_credentials(other, READING)
    expect.status(answer, 200)
    export = bulk.export()
    beyond = [one for one in export.outputs if one["type"] == "Encounter"]
    answers = [api.get(one["url"], answer.json()["access_token"]) for one in beyond]

    given = [one for one in answers if one.is_success and one.content]
    expect.that(answers, "a file of Encounters", beyond, export.status)
    received = [one.status_code for one in given]
    expect.that(not given, "no file of what the client may not read", received, given)
