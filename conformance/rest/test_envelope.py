"""The standard API: what its answers look like."""

import uuid

import pytest

from conformance import expect, requirement, writes
from conformance.watch.disclosure import INTERNALS
from fixtures.driver.record_kinds import DELETABLE

pytestmark = writes  # the patient whose records are looked at is made by the run

OF_A_PATIENT = ["encounter", *DELETABLE, "vital", "soap_note"]
LISTS = ["patient", "facility", "practitioner", "user", "encounter", "allergy", "medical_problem"]
FAMILIES = [*LISTS, *OF_A_PATIENT[3:]]
SINGLES = ["patient", "encounter", "facility"]


@pytest.fixture(scope="session")
def listed(api, staff, chart):
    """Return the list of a resource, all of them or those of one patient, asked for once."""
    answers = {}

    def get(name, **params):
        asked = (name, *params.items())
        if asked not in answers:
            below = f"/api/{name}"
            if name in OF_A_PATIENT:
                chart.record(name)
                below = chart.collection(name)
            answers[asked] = api.get(below, staff, params=params)
        return answers[asked]

    return get


@pytest.fixture(scope="module")
def single(api, staff, records, resources, person):
    """Return one record of a resource, asked for once."""
    answers = {}

    def get(name):
        if name not in answers:
            path = {
                "patient": lambda: person.path,
                "encounter": lambda: records.first("encounter", person).path,
                "facility": lambda: f"/api/facility/{resources.key('Organization')}",
            }[name]()
            answers[name] = api.get(path, staff)
        return answers[name]

    return get


@pytest.fixture(scope="module")
def newcomer(records):
    """Return a patient without records."""
    return records.patient()


@requirement("REST-envelope-shape")
@pytest.mark.parametrize("name", FAMILIES)
def test_list_is_in_an_envelope(listed, name):
    """Answers have the members validationErrors, internalErrors and data."""
    response = listed(name)

    expect.status(response, 200)
    expect.schema(response, "envelope")


@requirement("REST-envelope-shape")
@pytest.mark.parametrize("name", SINGLES)
def test_single_record_is_in_an_envelope(single, name):
    """Answers have the members validationErrors, internalErrors and data."""
    response = single(name)

    expect.status(response, 200)
    expect.schema(response, "envelope")


@requirement("REST-envelope-single-object")
@pytest.mark.parametrize("name", SINGLES)
def test_single_record_is_an_object(single, name):
    """The data of a single record is an object."""
    response = single(name)

    expect.status(response, 200)
    data = expect.member(response, "data", kind=dict)
    expect.that(data, "the fields of the record", data, response)


@requirement("REST-envelope-multi-array")
@pytest.mark.parametrize("name", LISTS)
def test_list_is_an_array(listed, name):
    """The data of a list is an array, also when it is empty."""
    response = listed(name)

    expect.status(response, 200)
    expect.member(response, "data", kind=list)


@requirement("REST-envelope-multi-array")
def test_list_without_a_match_is_an_empty_array(listed):
    """The data of a list is an array, also when it is empty."""
    response = listed("patient", lname=f"Nobody{uuid.uuid4().hex}")

    expect.status(response, 200)
    expect.equal(expect.member(response, "data"), [], "data", response)


@requirement("REST-envelope-multi-array")
@pytest.mark.parametrize("name", ["encounter", "allergy", "medical_problem"])
def test_list_of_a_patient_without_records_is_an_empty_array(api, staff, newcomer, name):
    """The data of a list is an array, also when it is empty."""
    response = api.get(f"{newcomer.path}/{name}", staff)

    expect.status(response, 200)
    expect.equal(expect.member(response, "data"), [], "data", response)


@requirement("REST-json-content-type")
@pytest.mark.parametrize("name", FAMILIES)
def test_list_is_json(listed, name):
    """Answers of the standard API are application/json, errors too."""
    response = listed(name)

    expect.status(response, 200)
    expect.media_type(response, "application/json")


@requirement("REST-json-content-type")
@pytest.mark.parametrize("case", ["no_token", "invalid_body", "unknown_id"])
def test_error_is_json(api, staff, case):
    """Answers of the standard API are application/json, errors too."""
    response = {
        "no_token": lambda: api.get("/api/patient"),
        "invalid_body": lambda: api.post("/api/patient", staff, json={}),
        "unknown_id": lambda: api.get(f"/api/patient/{uuid.uuid4()}", staff),
    }[case]()

    expect.refused(response)
    expect.media_type(response, "application/json")


@requirement("OPENEMR-VERSION-endpoint")
def test_version_is_told(api, staff):
    """GET /api/version names the version of the server in numbers."""
    response = api.get("/api/version", staff)

    expect.status(response, 200)
    for name in ("v_major", "v_minor", "v_patch"):
        value = expect.member(response, name, kind=(int, str))
        expect.that(str(value).isdecimal(), f"{name} to be a number", value, response)


@requirement("OPENEMR-HEALTH-livez")
@pytest.mark.parametrize(("name", "state"), [("livez", "alive"), ("readyz", "ready")])
def test_health_is_told_to_everybody(target, http, name, state):
    """The addresses of health tell in JSON that the server is up, and nothing of its inside."""
    response = http.get(f"{target.base_url}/meta/health/{name}")

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.equal(expect.member(response, "status"), state, "status", response)
    inside = [word for word in (*INTERNALS, "mysql", "version") if word in response.text]
    expect.that(not inside, "nothing of the inside", inside, response)
