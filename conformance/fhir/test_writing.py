"""Creating and updating FHIR resources."""

import secrets
import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.wire.client import json_body

pytestmark = writes

NOT_JSON = {"no_json": "{", "array": "[]", "empty": ""}
WRONG = {
    "birth_date": {"birthDate": "yesterday"},
    "gender": {"gender": "nonsense"},
    "no_type": {"resourceType": None},
}
INVALID = [*NOT_JSON, *WRONG]


@pytest.fixture(scope="module")
def created(resources, records):
    """Create a Patient by FHIR; the patient is removed at the end."""

    def make(**elements):
        body = patient_body(**elements)
        response = resources.post("/Patient", body)
        records.forget(body["name"][0]["family"])
        return body, response

    return make


@pytest.fixture(scope="module")
def plain(created):
    """Return a Patient that was sent to be created, and the answer."""
    return created()


@pytest.fixture(scope="module")
def invalid(api, resources):
    """Send a body that is not a valid Patient, once for each case.

    Returns the response, the ids of the patients that it made, and the search that found them.
    """
    answers = {}

    def send(case):
        if case not in answers:
            response, family = create_invalid(api, resources, case)
            answers[case] = response, *resources.made(family)
        return answers[case]

    return send


@pytest.fixture(scope="module")
def mine(records):
    """Return a patient of these checks' own."""
    return records.patient()


@pytest.fixture
def own(resources, mine):
    """Return the patient as it is now: who, path, resource; and a birth date that it has not."""
    body = patient_body(id=mine.uuid)
    body["name"][0] |= {"family": mine.family, "given": [mine.fields["fname"]]}
    body["birthDate"] = resources.body(mine).get("birthDate")
    born = "1999-09-09" if body["birthDate"] != "1999-09-09" else "1998-08-08"
    return mine, f"/Patient/{mine.uuid}", body, born


@requirement("FHIR-create-201")
def test_create_answers_where_the_resource_is(plain):
    """A create answers 201 and names the new resource in Location."""
    _, response = plain

    expect.status(response, 201)
    where = expect.header(response, "Location")
    expect.that("/Patient/" in where, "[base]/Patient/[id] in Location", where, response)


@requirement("FHIR-create-body-is-fhir")
def test_created_body_is_the_resource(plain):
    """The answer to a create or update has the resource as its body, or none."""
    _, response = plain

    expect.success(response)
    is_fhir(response)


@requirement("FHIR-create-body-is-fhir")
def test_updated_body_is_the_resource(resources, own):
    """The answer to a create or update has the resource as its body, or none."""
    _, path, body, _ = own
    response = resources.put(path, body | {"gender": "other"})

    expect.success(response)
    is_fhir(response)


@requirement("FHIR-create-roundtrip")
def test_created_resource_holds_what_was_sent(resources, plain):
    """A resource that was created can be read and holds what was sent."""
    body, response = plain
    matches = resources.search("Patient", {"family": body["name"][0]["family"]})

    expect.success(response)
    expect.equal(len(ids(matches)), 1, "how many there are of the name", [matches, response])
    one = json_body(matches)["entry"][0]["resource"]
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
def test_id_of_the_client_is_ignored(resources, created, mine, case):
    """The server assigns the id of a new resource and ignores the client's."""
    before = resources.body(mine)
    key = str(uuid.uuid4()) if case == "free" else mine.uuid
    body, response = created(id=key)
    listed = resources.search("Patient", {"family": body["name"][0]["family"]})
    found = ids(listed)

    expect.success(response)
    expect.equal(len(found), 1, "how many there are of the name", [listed, response])
    expect.that(found[0] != key, "another id than the client's", found, [listed, response])
    after, read = resources.shown(mine)
    expect.equal(after.get("name"), before.get("name"), "the other patient", [read, response])


@requirement("FHIR-create-meta-ignored")
def test_meta_of_the_client_is_ignored(resources, created):
    """The server sets version and time itself and ignores the client's."""
    meta = {"versionId": "999", "lastUpdated": "1999-01-01T00:00:00Z"}
    body, response = created(meta=meta)
    matches = resources.search("Patient", {"family": body["name"][0]["family"]})

    expect.success(response)
    expect.equal(len(ids(matches)), 1, "how many there are of the name", [matches, response])
    told = json_body(matches)["entry"][0]["resource"].get("meta", {})
    both = [matches, response]
    expect.that(told.get("versionId") != "999", "an own versionId", told, both)
    expect.that("1999" not in str(told.get("lastUpdated")), "an own lastUpdated", told, both)


@requirement("FHIR-create-invalid-400")
@pytest.mark.parametrize("case", INVALID)
def test_invalid_body_is_refused(invalid, case):
    """A body that is no valid resource is refused with 4xx and nothing is created."""
    response, made, listed = invalid(case)

    expect.refused(response)
    expect.equal(made, [], "patients", [response, listed])


@requirement("FHIR-write-error-operationoutcome")
@pytest.mark.parametrize("case", INVALID)
def test_refused_create_carries_an_operation_outcome(invalid, case):
    """A refused write carries an OperationOutcome."""
    response, _, _ = invalid(case)

    expect.schema(response, "operation_outcome")


@requirement("FHIR-create-mismatched-type")
@pytest.mark.parametrize("kind", ["Practitioner", "Person", "Nothing"])
def test_resource_of_another_type_is_refused(resources, kind):
    """A resource of another type than the URL's is refused."""
    body = patient_body() | {"resourceType": kind}
    response = resources.post("/Patient", body)
    made, listed = resources.made(body["name"][0]["family"])

    expect.refused(response)
    expect.equal(made, [], "patients", [response, listed])


@requirement("FHIR-update-200")
def test_update_changes_the_resource(resources, own):
    """An update answers 200 and what it changed is there afterwards."""
    mine, path, body, born = own
    response = resources.put(path, body | {"birthDate": born})
    after, read = resources.shown(mine)

    expect.status(response, 200)
    both = [read, response]
    expect.equal(after.get("birthDate"), born, "birthDate", both)
    expect.equal(after.get("id"), mine.uuid, "id", both)
    expect.equal(after["name"][0].get("family"), mine.family, "family", both)


@requirement("FHIR-update-as-read")
def test_resource_is_updated_as_it_was_read(resources, own):
    """A resource that was read can be changed and sent back as an update."""
    mine, path, _, born = own
    body = resources.body(mine)
    response = resources.put(path, body | {"birthDate": born})
    after, read = resources.shown(mine)

    expect.status(response, 200)
    expect.equal(after.get("birthDate"), born, "birthDate", [read, response])
    expect.equal(after.get("name"), body.get("name"), "name", [read, response])


@requirement("FHIR-write-idempotent-put")
def test_same_update_twice_changes_nothing_more(resources, own):
    """The same update twice leaves the resource as after the first."""
    mine, path, body, born = own
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
def test_update_with_another_id_is_refused(resources, records, own, person, case):
    """An update whose body has another id than the URL is refused with 400."""
    mine, path, body, born = own
    key = person.uuid if case == "another" else str(uuid.uuid4())
    response = resources.put(path, body | {"id": key, "birthDate": born})

    expect.status(response, 400)
    unchanged(resources, mine, body, response)


@requirement("FHIR-update-id-missing")
def test_update_without_an_id_is_refused(resources, own):
    """An update whose body has no id is refused with 400."""
    mine, path, body, born = own
    without = {name: value for name, value in body.items() if name != "id"}
    response = resources.put(path, without | {"birthDate": born})

    expect.status(response, 400)
    unchanged(resources, mine, body, response)


@requirement("FHIR-update-unknown")
def test_update_of_an_unknown_id_is_refused(resources, records):
    """An update of an unknown id is refused and creates nothing."""
    key = str(uuid.uuid4())
    body = patient_body(id=key)
    response = resources.put(f"/Patient/{key}", body)
    after = resources.get(f"/Patient/{key}")
    records.forget(body["name"][0]["family"])

    expect.refused(response)
    expect.status(after, 404)


@requirement("FHIR-if-match-stale")
def test_update_of_an_old_version_is_refused(resources, own):
    """An update of a version that is not the current one is refused."""
    mine, path, body, born = own
    stale = {"If-Match": 'W/"999999"'}
    response = resources.put(path, body | {"birthDate": born}, headers=stale)

    expect.status(response, 412, 409, 400, 428)
    unchanged(resources, mine, body, response)


@requirement("FHIR-write-not-supported")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("kind", ["Encounter", "AllergyIntolerance", "Condition", "Patient"])
def test_write_that_is_not_offered_is_refused(api, resources, kind, method):
    """A write that the server does not offer is refused and changes nothing."""
    before = resources.read(kind)
    body = json_body(before)
    # A Patient can be updated, so the update that is not offered is one of all of them.
    offered = kind == "Patient" and method == "PUT"
    path = f"/fhir/{kind}" if offered else f"/fhir/{kind}/{resources.key(kind)}"
    response = api.request(method, path, resources.token, json=body)
    after = resources.get(f"/{kind}/{resources.key(kind)}")

    expect.status(response, 400, 401, 403, 404, 405, 501)
    both = [after, response]
    expect.equal(json_body(after).get("id"), body.get("id"), "the resource", both)


@requirement("FHIR-write-needs-scope")
@pytest.mark.parametrize("role", ["staff", "patient"])
def test_update_without_the_scope_is_refused(api, resources, tokens, patient, own, role):
    """A write without a scope for it is refused and changes nothing."""
    mine, path, body, born = own
    token = {
        "staff": lambda: tokens.staff("openid api:fhir fhirUser user/Patient.read"),
        "patient": lambda: tokens.patient("openid api:fhir fhirUser patient/Patient.read"),
    }[role]()
    response = api.put(f"/fhir{path}", token, json=body | {"birthDate": born})

    expect.status(response, 401, 403)
    unchanged(resources, mine, body, response)


def patient_body(**elements):
    """Return a Patient whose names occur nowhere else, fit for OpenEMR's own rules."""
    tag = secrets.token_hex(4)
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": f"Created{tag}", "given": [f"Ada{tag}"]}],
        "gender": "female",
        "birthDate": "1985-05-05",
        "address": [{"line": ["1 Street"], "city": "Testville", "state": "CA"}],
        **elements,
    }


def create_invalid(api, resources, case):
    """Send a body that is no valid Patient; give the answer and the family name in it."""
    body = patient_body()
    headers = {"Content-Type": "application/fhir+json"}
    wrong = {"content": NOT_JSON[case]} if case in NOT_JSON else {"json": body | WRONG[case]}
    response = api.post("/fhir/Patient", resources.token, headers=headers, **wrong)
    return response, body["name"][0]["family"]


def unchanged(resources, patient, body, response):
    """Expect the birth date of a patient to be as before the request with this response."""
    __tracebackhide__ = True
    after, read = resources.shown(patient)
    both = [read, response]
    expect.equal(after.get("birthDate"), body["birthDate"], "birthDate", both)


def is_fhir(response):
    """Expect that an answer to a write is empty or the Patient."""
    if response.content:
        expect.equal(json_body(response).get("resourceType"), "Patient", "resourceType", response)


def without_meta(resource):
    """Return a resource without what may change with every update."""
    kept = {name: value for name, value in resource.items() if name not in {"meta", "text"}}
    for one in [*kept.get("address", []), *kept.get("name", [])]:
        one.pop("period", None)  # OpenEMR lets an address begin when it was stored
    return kept
