"""The patient portal's API: no patient sees the records of another one."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # both patients get an encounter and an appointment

SCOPE = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
PARAMETERS = ["pid", "puuid", "patient", "uuid", "user", "patient_id", "pc_pid"]


@pytest.fixture(scope="module")
def record_ids(records, patient, other_patient):
    """The portal's ids of the records of a kind: the patient's own, and the other patient's."""

    def of(kind):
        owners = map(records.of, (patient, other_patient))
        return [records.uuid(records.first(kind, owner)) for owner in owners]

    return of


@requirement("PORTAL-encounter")
def test_encounters_are_ones_own(api, tokens, patient, other_patient, record_ids):
    own, foreign = record_ids("encounter")
    response = api.get("/portal/patient/encounter", tokens.patient(SCOPE))

    expect.status(response, 200)
    listed = {row.get("euuid") or row.get("uuid") for row in rows(response)}
    expect.that(own in listed, "the patient's own encounter", listed, response)
    expect.that(foreign not in listed, "no encounter of the other patient", listed, response)
    nobody_else(response, patient, other_patient)


@requirement("PORTAL-appointment")
def test_appointments_are_ones_own(api, tokens, patient, other_patient, record_ids):
    own, foreign = record_ids("appointment")
    response = api.get("/portal/patient/appointment", tokens.patient(SCOPE))

    expect.status(response, 200)
    listed = {row.get("pc_uuid") or row.get("uuid") for row in rows(response)}
    expect.that(own in listed, "the patient's own appointment", listed, response)
    expect.that(foreign not in listed, "no appointment of the other patient", listed, response)
    nobody_else(response, patient, other_patient)


@requirement("PORTAL-encounter")
def test_own_encounter_is_shown(api, tokens, record_ids):
    own, _ = record_ids("encounter")
    response = api.get(f"/portal/patient/encounter/{own}", tokens.patient(SCOPE))

    expect.status(response, 200)
    expect.that(own in response.text, "the encounter", response.text, response)


@requirement("PORTAL-appointment")
def test_own_appointment_is_shown(api, tokens, record_ids):
    own, _ = record_ids("appointment")
    response = api.get(f"/portal/patient/appointment/{own}", tokens.patient(SCOPE))

    expect.status(response, 200)
    expect.that(own in response.text, "the appointment", response.text, response)


@requirement("PORTAL-encounter")
@pytest.mark.usefixtures("portal_api_control")
def test_encounter_of_another_patient_is_not_shown(api, tokens, other_patient, record_ids):
    _, foreign = record_ids("encounter")
    response = api.get(f"/portal/patient/encounter/{foreign}", tokens.patient(SCOPE))

    expect.answered(response)
    expect.equal(rows(response), [], "the data", response)
    shown = other_patient.uuid in response.text
    expect.that(not shown, "nothing of the other patient", response.text, response)


@requirement("PORTAL-appointment")
@pytest.mark.usefixtures("portal_api_control")
def test_appointment_of_another_patient_is_not_shown(api, tokens, other_patient, record_ids):
    _, foreign = record_ids("appointment")
    response = api.get(f"/portal/patient/appointment/{foreign}", tokens.patient(SCOPE))

    expect.answered(response)
    expect.equal(rows(response), [], "the data", response)
    shown = other_patient.uuid in response.text
    expect.that(not shown, "nothing of the other patient", response.text, response)


@requirement("PORTAL-other-id-4xx")
@pytest.mark.parametrize("kind", ["encounter", "appointment"])
@pytest.mark.usefixtures("portal_api_control")
def test_id_of_another_patient_is_refused(api, tokens, record_ids, kind):
    _, foreign = record_ids(kind)
    response = api.get(f"/portal/patient/{kind}/{foreign}", tokens.patient(SCOPE))

    expect.refused(response)


@requirement("PORTAL-other-id-4xx")
@pytest.mark.parametrize("kind", ["encounter", "appointment"])
@pytest.mark.usefixtures("portal_api_control")
def test_unknown_id_is_refused(api, tokens, kind):
    response = api.get(f"/portal/patient/{kind}/{uuid.uuid4()}", tokens.patient(SCOPE))

    expect.refused(response)


@requirement("PORTAL-param-pollution")
@pytest.mark.parametrize("parameter", PARAMETERS)
@pytest.mark.parametrize("path", ["/portal/patient", "/portal/patient/encounter"])
@pytest.mark.usefixtures("portal_api_control")
def test_parameter_does_not_show_another_patient(
    api, tokens, patient, other_patient, record_ids, path, parameter
):
    record_ids("encounter")
    value = str(other_patient.pid) if "pid" in parameter else other_patient.uuid
    response = api.get(path, tokens.patient(SCOPE), params={parameter: value})

    expect.answered(response)
    nobody_else(response, patient, other_patient)


@requirement("PORTAL-param-pollution")
@pytest.mark.usefixtures("portal_api_control")
def test_repeated_parameter_does_not_show_another_patient(api, tokens, patient, other_patient):
    params = [("puuid", patient.uuid), ("puuid", other_patient.uuid)]
    response = api.get("/portal/patient", tokens.patient(SCOPE), params=params)

    expect.answered(response)
    nobody_else(response, patient, other_patient)


@requirement("PORTAL-param-pollution")
@pytest.mark.parametrize("header", ["X-Patient", "X-Patient-Id", "X-Original-URL", "X-Rewrite-URL"])
def test_header_does_not_show_another_patient(api, tokens, patient, other_patient, header):
    value = f"/apis/default/api/patient/{other_patient.uuid}"
    value = value if header.endswith("URL") else other_patient.uuid
    response = api.get("/portal/patient", tokens.patient(SCOPE), headers={header: value})

    expect.status(response, 200)
    nobody_else(response, patient, other_patient)


def rows(response):
    """Return the records of an answer, with or without envelope, whatever its status."""
    body = json_body(response) if response.content else []
    data = body.get("data", [] if "error" in body else body) if isinstance(body, dict) else body
    return data if isinstance(data, list) else [data] if data else []


def nobody_else(response, patient, other_patient):
    """Expect nothing of the other patient in a response."""
    text = str(rows(response))  # the links of a list repeat the parameters
    words = [other_patient.uuid, other_patient.email]
    found = [word for word in words if word and word in text]
    expect.that(not found, "nothing of the other patient", found, response)
    owners = {row.get("puuid") for row in rows(response) if row.get("puuid")}
    expect.that(owners <= {patient.uuid}, "records of the patient only", owners, response)
