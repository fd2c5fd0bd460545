"""The standard API: the form of its responses."""

import uuid
from functools import cache

import pytest

from conformance import expect, requirement, writes
from conformance.watch.disclosure import INTERNALS
from fixtures.driver.record_kinds import DELETABLE

pytestmark = writes  # the patient whose records are read is made by the run

OF_A_PATIENT = ["encounter", *DELETABLE, "vital", "soap_note"]
LISTS = ["patient", "facility", "practitioner", "user", "encounter", "allergy", "medical_problem"]
FAMILIES = [*LISTS, *OF_A_PATIENT[3:]]
SINGLES = ["patient", "encounter", "facility"]


@pytest.fixture(scope="session")
def list_response(api, staff_token, marked_records):
    """The response with all records of a resource, or with those of one patient, fetched once."""

    def get(name, **params):
        path = f"/api/{name}"
        if name in OF_A_PATIENT:
            marked_records.record(name)
            path = marked_records.collection(name)
        return api.get(path, staff_token, params=params)

    return cache(get)


@pytest.fixture(scope="module")
def record_response(api, staff_token, records, resources, shared_patient):
    """The response with one record of a resource, fetched once."""

    def get(name):
        path = {
            "patient": lambda: shared_patient.path,
            "encounter": lambda: records.first("encounter", shared_patient).path,
            "facility": lambda: f"/api/facility/{resources.key('Organization')}",
        }[name]()
        return api.get(path, staff_token)

    return cache(get)


@pytest.fixture(scope="module")
def patient_without_records(records):
    """A patient without records."""
    return records.patient()


@requirement("REST-envelope-shape")
@pytest.mark.parametrize("name", FAMILIES)
def test_list_is_in_an_envelope(list_response, name):
    response = list_response(name)

    expect.status(response, 200)
    expect.schema(response, "envelope")


@requirement("REST-envelope-shape")
@pytest.mark.parametrize("name", SINGLES)
def test_single_record_is_in_an_envelope(record_response, name):
    response = record_response(name)

    expect.status(response, 200)
    expect.schema(response, "envelope")


@requirement("REST-envelope-single-object")
@pytest.mark.parametrize("name", SINGLES)
def test_single_record_is_an_object(record_response, name):
    response = record_response(name)

    expect.status(response, 200)
    data = expect.member(response, "data", kind=dict)
    expect.that(data, "the fields of the record", data, response)


@requirement("REST-envelope-multi-array")
@pytest.mark.parametrize("name", LISTS)
def test_list_is_an_array(list_response, name):
    response = list_response(name)

    expect.status(response, 200)
    expect.member(response, "data", kind=list)


@requirement("REST-envelope-multi-array")
def test_list_without_a_match_is_an_empty_array(list_response):
    response = list_response("patient", lname=f"Nobody{uuid.uuid4().hex}")

    expect.status(response, 200)
    expect.equal(expect.member(response, "data"), [], "data", response)


@requirement("REST-envelope-multi-array")
@pytest.mark.parametrize("name", ["encounter", "allergy", "medical_problem"])
def test_list_of_a_patient_without_records_is_an_empty_array(
    api, staff_token, patient_without_records, name
):
    response = api.get(f"{patient_without_records.path}/{name}", staff_token)

    expect.status(response, 200)
    expect.equal(expect.member(response, "data"), [], "data", response)


@requirement("REST-json-content-type")
@pytest.mark.parametrize("name", FAMILIES)
def test_list_is_json(list_response, name):
    response = list_response(name)

    expect.status(response, 200)
    expect.media_type(response, "application/json")


@requirement("REST-json-content-type")
@pytest.mark.parametrize("case", ["no_token", "invalid_body", "unknown_id"])
def test_error_is_json(api, staff_token, case):
    response = {
        "no_token": lambda: api.get("/api/patient"),
        "invalid_body": lambda: api.post("/api/patient", staff_token, json={}),
        "unknown_id": lambda: api.get(f"/api/patient/{uuid.uuid4()}", staff_token),
    }[case]()

    expect.refused(response)
    expect.media_type(response, "application/json")


@requirement("OPENEMR-VERSION-endpoint")
def test_version_is_told(api, staff_token):
    response = api.get("/api/version", staff_token)

    expect.status(response, 200)
    for name in ("v_major", "v_minor", "v_patch"):
        value = expect.member(response, name, kind=(int, str))
        expect.that(str(value).isdecimal(), f"{name} to be a number", value, response)


@requirement("OPENEMR-HEALTH-livez")
@pytest.mark.parametrize(("name", "state"), [("livez", "alive"), ("readyz", "ready")])
def test_health_is_told_to_everybody(target, http, name, state):
    response = http.get(f"{target.base_url}/meta/health/{name}")

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.equal(expect.member(response, "status"), state, "status", response)
    inside = [word for word in (*INTERNALS, "mysql", "version") if word in response.text]
    expect.that(not inside, "no internals", inside, response)
