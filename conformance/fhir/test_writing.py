"""Creating and updating FHIR resources."""

import uuid
from functools import cache
from typing import Any

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.given.controls import require_success
from fixtures.given.fhir_resources import found, ids, patient_body
from fixtures.target.model import not_applicable

pytestmark = writes

NOT_JSON = {"no_json": "{", "array": "[]", "empty": ""}
WRONG: dict[str, dict[str, Any]] = {
    "birth_date": {"birthDate": "yesterday"},
    "gender": {"gender": "nonsense"},
    "no_type": {"resourceType": None},
}
INVALID = [*NOT_JSON, *WRONG]


@pytest.fixture(scope="module")
def new_patient_resource(resources, records):
    """Creates a Patient by FHIR; the patient is removed at the end."""

    def make(**elements):
        body = patient_body(**elements)
        response = resources.post("/Patient", body)
        records.forget(body["name"][0]["family"])
        return body, response

    return make


@pytest.fixture(scope="module")
def created_patient(new_patient_resource):
    """A Patient as it was sent to be created, and the response."""
    return new_patient_resource()


@pytest.fixture
def create_control(created_patient):
    """The create of a valid Patient; Blocked if it is refused."""
    _, response = created_patient
    require_success(response, "the create of a valid Patient")


@pytest.fixture(scope="module")
def response_to_invalid_patient(api, resources):
    """Send a body that is not a valid Patient, once for each case.

    Returns the response, the ids of the patients that it made, and the search that found them.
    """

    def send(case):
        response, family = create_invalid(api, resources, case)
        return response, *resources.made(family)

    return cache(send)


@pytest.fixture(scope="module")
def written_patient(records):
    """A patient of this file."""
    return records.patient()


@pytest.fixture
def written_patient_state(resources, written_patient):
    """The patient, its path, its resource, and a birth date that it does not have."""
    body = patient_body(id=written_patient.uuid)
    body["name"][0] |= {
        "family": written_patient.family,
        "given": [written_patient.fields["fname"]],
    }
    body["birthDate"] = resources.body(written_patient).get("birthDate")
    born = "1999-09-09" if body["birthDate"] != "1999-09-09" else "1998-08-08"
    return written_patient, f"/Patient/{written_patient.uuid}", body, born


@requirement("FHIR-create-201")
def test_create_answers_where_the_resource_is(created_patient):
    _, response = created_patient

    expect.status(response, 201)
    where = expect.header(response, "Location")
    expect.that("/Patient/" in where, "[base]/Patient/[id] in Location", where, response)


@requirement("FHIR-create-body-is-fhir")
@needs("fhir.patient_create")
def test_created_body_is_the_resource(created_patient):
    _, response = created_patient

    expect.success(response)
    is_fhir(response)


@requirement("FHIR-create-body-is-fhir")
@needs("fhir.patient_update")
def test_updated_body_is_the_resource(resources, written_patient_state):
    _, path, body, _ = written_patient_state
    response = resources.put(path, body | {"gender": "other"})

    expect.success(response)
    is_fhir(response)


@requirement("FHIR-create-roundtrip")
def test_created_resource_holds_what_was_sent(resources, created_patient):
    body, response = created_patient
    matches = resources.search("Patient", {"family": body["name"][0]["family"]})

    expect.success(response)
    one = the_only_match(matches, response)
    told = {
        "family": one["name"][0].get("family"),
        "given": one["name"][0].get("given"),
        "gender": one.get("gender"),
        "birthDate": one.get("birthDate"),
        "city": (one.get("address") or [{}])[0].get("city"),
    }
    sent = {
        "family": body["name"][0]["family"],
        "given": body["name"][0]["given"],
        "gender": body["gender"],
        "birthDate": body["birthDate"],
        "city": body["address"][0]["city"],
    }
    expect.equal(told, sent, "the Patient", [matches, response])


@requirement("FHIR-create-id-assigned")
@pytest.mark.parametrize("case", ["free", "taken"])
def test_id_of_the_client_is_ignored(resources, new_patient_resource, written_patient, case):
    before = resources.body(written_patient)
    key = str(uuid.uuid4()) if case == "free" else written_patient.uuid
    body, response = new_patient_resource(id=key)
    listed = resources.search("Patient", {"family": body["name"][0]["family"]})
    found = ids(listed)

    expect.success(response)
    expect.equal(len(found), 1, "the number of patients with the name", [listed, response])
    expect.that(found[0] != key, "another id than the client's", found, [listed, response])
    after, read = resources.shown(written_patient)
    expect.equal(after.get("name"), before.get("name"), "the other patient", [read, response])


@requirement("FHIR-create-meta-ignored")
def test_meta_of_the_client_is_ignored(resources, new_patient_resource):
    meta = {"versionId": "999", "lastUpdated": "1999-01-01T00:00:00Z"}
    body, response = new_patient_resource(meta=meta)
    matches = resources.search("Patient", {"family": body["name"][0]["family"]})

    expect.success(response)
    told = the_only_match(matches, response).get("meta", {})
    both = [matches, response]
    expect.that(told.get("versionId") != "999", "a versionId of the server", told, both)
    expect.that(
        "1999" not in str(told.get("lastUpdated")), "a lastUpdated of the server", told, both
    )


@requirement("FHIR-create-invalid-400")
@pytest.mark.parametrize("case", INVALID)
@pytest.mark.usefixtures("create_control")
def test_invalid_body_is_refused(response_to_invalid_patient, case):
    response, made, listed = response_to_invalid_patient(case)

    refused_or_broken(response)
    expect.equal(made, [], "patients", [response, listed])


@requirement("FHIR-write-error-operationoutcome")
@pytest.mark.parametrize("case", INVALID)
def test_refused_create_carries_an_operation_outcome(response_to_invalid_patient, case):
    response, _, _ = response_to_invalid_patient(case)
    if response.is_success:
        not_applicable("the create was not refused")

    expect.schema(response, "operation_outcome")


@requirement("FHIR-create-mismatched-type")
@pytest.mark.parametrize("kind", ["Practitioner", "Person", "Nothing"])
@pytest.mark.usefixtures("create_control")
def test_resource_of_another_type_is_refused(resources, kind):
    body = patient_body() | {"resourceType": kind}
    response = resources.post("/Patient", body)
    made, listed = resources.made(body["name"][0]["family"])

    refused_or_broken(response)
    expect.equal(made, [], "patients", [response, listed])


@requirement("FHIR-update-200")
def test_update_changes_the_resource(resources, written_patient_state):
    mine, path, body, born = written_patient_state
    response = resources.put(path, body | {"birthDate": born})
    after, read = resources.shown(mine)

    expect.status(response, 200)
    both = [read, response]
    expect.equal(after.get("birthDate"), born, "birthDate", both)
    expect.equal(after.get("id"), mine.uuid, "id", both)
    expect.equal(after["name"][0].get("family"), mine.family, "family", both)


@requirement("FHIR-update-as-read")
def test_resource_is_updated_as_it_was_read(resources, written_patient_state):
    mine, path, _, born = written_patient_state
    body = resources.body(mine)
    response = resources.put(path, body | {"birthDate": born})
    after, read = resources.shown(mine)

    expect.status(response, 200)
    expect.equal(after.get("birthDate"), born, "birthDate", [read, response])
    expect.equal(after.get("name"), body.get("name"), "name", [read, response])


@requirement("FHIR-write-idempotent-put")
def test_same_update_twice_changes_nothing_more(resources, written_patient_state):
    mine, path, body, born = written_patient_state
    answers, states, reads = [], [], []
    for _ in range(2):
        answers.append(resources.put(path, body | {"birthDate": born}))
        state, read = resources.shown(mine)
        states.append(state)
        reads.append(read)

    for response in answers:
        expect.success(response)
    first, second = map(without_meta, states)
    changed = {
        name: (first.get(name), second.get(name))
        for name in {**first, **second}
        if first.get(name) != second.get(name)
    }
    expect.equal(changed, {}, "what the second update changed", [reads[1], answers[1], reads[0]])


@requirement("FHIR-update-id-mismatch")
@pytest.mark.parametrize("case", ["unknown", "another"])
def test_update_with_another_id_is_refused(
    resources, records, written_patient_state, shared_patient, case
):
    mine, path, body, born = written_patient_state
    key = shared_patient.uuid if case == "another" else str(uuid.uuid4())
    response = resources.put(path, body | {"id": key, "birthDate": born})

    expect.status(response, 400)
    unchanged(resources, mine, body, response)


@requirement("FHIR-update-id-missing")
def test_update_without_an_id_is_refused(resources, written_patient_state):
    mine, path, body, born = written_patient_state
    without = {name: value for name, value in body.items() if name != "id"}
    response = resources.put(path, without | {"birthDate": born})

    expect.status(response, 400)
    unchanged(resources, mine, body, response)


@requirement("FHIR-if-match-stale")
def test_update_of_an_old_version_is_refused(resources, written_patient_state):
    mine, path, body, born = written_patient_state
    stale = {"If-Match": 'W/"999999"'}
    response = resources.put(path, body | {"birthDate": born}, headers=stale)

    expect.status(response, 412, 409, 400, 428)
    unchanged(resources, mine, body, response)


@requirement("FHIR-write-needs-scope")
@pytest.mark.parametrize("role", ["staff", "patient"])
def test_update_without_the_scope_is_refused(
    api, resources, tokens, patient, written_patient_state, role
):
    mine, path, body, born = written_patient_state
    token = {
        "staff": lambda: tokens.staff("openid api:fhir fhirUser user/Patient.read"),
        "patient": lambda: tokens.patient("openid api:fhir fhirUser patient/Patient.read"),
    }[role]()
    response = api.put(f"/fhir{path}", token, json=body | {"birthDate": born})

    expect.status(response, 401, 403)
    unchanged(resources, mine, body, response)


def create_invalid(api, resources, case):
    """Send a body that is not a valid Patient; return the response and its family name."""
    body = patient_body()
    headers = {"Content-Type": "application/fhir+json"}
    wrong = {"content": NOT_JSON[case]} if case in NOT_JSON else {"json": body | WRONG[case]}
    response = api.post("/fhir/Patient", resources.token, headers=headers, **wrong)
    return response, body["name"][0]["family"]


def refused_or_broken(response):
    """Expect anything but success.

    FHIR R4 section 3.1.0.8: "servers may also return 5xx errors in these cases without being
    deemed non-conformant". The watch reports server errors.
    """
    __tracebackhide__ = True
    refused_at_all = response.is_client_error or response.is_server_error
    expect.that(refused_at_all, "a status of 4xx or 5xx", response, response)


def unchanged(resources, patient, body, response):
    """Expect the birth date of a patient to be the same as before the request."""
    __tracebackhide__ = True
    after, read = resources.shown(patient)
    both = [read, response]
    expect.equal(after.get("birthDate"), body["birthDate"], "birthDate", both)


def is_fhir(response):
    """Expect the body of a response to a write to be empty, the Patient, or an OperationOutcome."""
    __tracebackhide__ = True
    if response.content:
        kind = expect.json_object(response).get("resourceType")
        words = "a Patient, an OperationOutcome, or no body"
        expect.that(
            kind in {"Patient", "OperationOutcome"}, words, f"resourceType {kind}", response
        )


def the_only_match(search, response):
    """Expect a search to find one resource, and return it; `response` is that of the create."""
    __tracebackhide__ = True
    matches = found(search)
    expect.equal(len(matches), 1, "the number of patients with the name", [search, response])
    return matches[0]


def without_meta(resource):
    """Return a resource without the elements that may change with every update."""
    kept = {name: value for name, value in resource.items() if name not in {"meta", "text"}}
    for one in [*kept.get("address", []), *kept.get("name", [])]:
        one.pop("period", None)  # OpenEMR starts the period of an address when it is stored
    return kept
