"""Versions, conditional reads and formats of FHIR resources."""

from datetime import datetime

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.given.once import once
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked, json_body

pytestmark = writes  # the patient whose data is read is made by the run


@requirement("FHIR-etag-equals-version")
@pytest.mark.parametrize("kind", ["Patient", "Encounter"])
def test_etag_is_the_version(resources, kind):
    response = resources.read(kind)

    expect.status(response, 200)
    version = json_body(response).get("meta", {}).get("versionId")
    tag = response.headers.get("etag")
    right = tag is None or (version and tag in {f'W/"{version}"', f'"{version}"'})
    expect.that(right, f'no ETag, or W/"{version}"', tag, response)


@requirement("FHIR-vread-history-404")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/Patient/{key}/_history/999", id="version"),
        pytest.param("/Patient/{key}/_history", id="history"),
        pytest.param("/Patient/_history", id="history_of_all"),
    ],
)
@pytest.mark.usefixtures("fhir_api_control")
def test_history_that_is_not_kept_is_refused(resources, path):
    response = resources.get(path.format(key=resources.key("Patient")))

    kept = response.is_success and json_body(response).get("type") == "history"
    if not kept:
        words = "the history, or a refusal"
        refused = response.is_client_error or response.status_code == 501
        expect.that(refused, words, response, response)
        expect.schema(response, "operation_outcome")


@pytest.fixture(scope="module")
def history(resources, records):
    """The history of a patient that was updated, and its entries.

    Not applicable unless the server declares history and update.
    """

    @once
    def fetch():
        resources.need_interaction("Patient", "history-instance")
        resources.need_interaction("Patient", "update")
        mine = records.patient()
        changed = resources.put(f"/Patient/{mine.uuid}", changed_patient(mine))
        if not changed.is_success:
            raise Blocked(f"no changed patient to judge with: {changed.status_code}")
        response = resources.get(f"/Patient/{mine.uuid}/_history")
        expect.status(response, 200)
        entries = json_body(response).get("entry") or []
        expect.that(entries, "the versions of the patient", json_body(response), response)
        return response, entries

    return fetch


@requirement("FHIR-history-entries")
@pytest.mark.parametrize("member", ["request", "response"])
def test_entry_of_a_history_says_how_it_came_about(history, member):
    response, entries = history()

    missing = [n for n, one in enumerate(entries) if not isinstance(one.get(member), dict)]
    expect.that(not missing, f"{member} in every entry", f"none in entry {missing}", response)


@requirement("FHIR-history-order")
def test_history_has_the_oldest_version_last(history):
    response, entries = history()

    times = [one.get("resource", {}).get("meta", {}).get("lastUpdated") for one in entries]
    moments = [datetime.fromisoformat(one) for one in times if one]
    expect.that(len(moments) > 1, "two versions with the time of their change", times, response)
    expect.that(moments == sorted(moments, reverse=True), "the newest first", times, response)


@requirement("FHIR-read-deleted-410")
def test_deleted_resource_is_gone(api, resources, records):
    resources.need_interaction("Patient", "delete")
    mine = records.patient()
    expect.status(resources.get(f"/Patient/{mine.uuid}"), 200)
    deleted = api.delete(f"/fhir/Patient/{mine.uuid}", resources.token)
    if not deleted.is_success:
        not_applicable("the server did not delete this Patient")
    response = resources.get(f"/Patient/{mine.uuid}")
    history = resources.get(f"/Patient/{mine.uuid}/_history")

    # A server that keeps nothing of what was deleted does not know the id any more.
    kept = history.is_success and json_body(history).get("entry")
    expect.status(response, *([410] if kept else [410, 404]))


@requirement("FHIR-conditional-read")
def test_read_of_a_known_version_answers_the_resource_or_304(resources):
    before = resources.read("Patient")
    tag = before.headers.get("etag", 'W/"1"')
    key = resources.key("Patient")
    response = resources.get(f"/Patient/{key}", headers={"If-None-Match": tag})

    expect.status(response, 200, 304)
    if response.status_code == 304:
        expect.equal(response.content, b"", "the body", response)
    else:
        expect.equal(json_body(response).get("id"), key, "id", response)


@requirement("FHIR-format-param")
@pytest.mark.parametrize("name", ["json", "application/fhir+json"])
@pytest.mark.parametrize("case", ["read", "search", "metadata"])
def test_format_of_the_parameter_is_given(resources, shared_patient, case, name):
    path = {
        "read": f"/Patient/{shared_patient.uuid}",
        "search": "/Patient",
        "metadata": "/metadata",
    }[case]
    params = {"_format": name} | ({"_id": shared_patient.uuid} if case == "search" else {})
    response = resources.get(path, params=params, headers={"Accept": "image/png"})

    expect.status(response, 200)
    body = expect.json_object(response)
    if case == "search":
        expect.equal(ids(response), [shared_patient.uuid], "the matches", response)
    else:
        kind = {"read": "Patient", "metadata": "CapabilityStatement"}[case]
        expect.equal(body.get("resourceType"), kind, "resourceType", response)


@requirement("FHIR-format-param")
def test_format_that_is_not_there_is_refused(resources, shared_patient):
    params = {"_format": "xml"}
    response = resources.get(
        f"/Patient/{shared_patient.uuid}", params=params, headers={"Accept": "*/*"}
    )

    real = response.is_success and response.content.lstrip()[:1] == b"<"
    expect.that(real or response.status_code == 406, "XML, or 406", response, response)


def changed_patient(person):
    """Return the Patient of a record with another gender."""
    name = {"use": "official", "family": person.family, "given": [person.fields["fname"]]}
    body = {"resourceType": "Patient", "id": person.uuid, "name": [name]}
    return body | {"gender": "other", "birthDate": person.fields["DOB"]}
