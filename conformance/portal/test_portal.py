"""The patient portal's API: which patient it shows, and which token it requires."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.record_kinds import STAFF_REST_SCOPE
from fixtures.wire.client import json_body

SCOPE = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
#: The scopes of the patient's data without the scope of the portal, and one resource only.
WITHOUT_FAMILY = (
    "openid api:oemr patient/patient.read patient/encounter.read patient/appointment.read"
)
ONE_RESOURCE = "openid api:port patient/appointment.read"
PATHS = [
    "/portal/patient",
    "/portal/patient/encounter",
    "/portal/patient/appointment",
]


@pytest.fixture(scope="module")
def portal_responses(api, tokens):
    """The responses of the portal with the patient, one after the other."""
    return [api.get("/portal/patient", tokens.patient(SCOPE))]


@requirement("PORTAL-patient")
@pytest.mark.parametrize("who", ["patient", "other_patient"])
def test_patient_sees_oneself(api, tokens, request, who):
    user = request.getfixturevalue(who)
    response = api.get("/portal/patient", tokens.body(who, SCOPE)["access_token"])

    expect.status(response, 200)
    data = expect.member(response, "data", kind=(dict, list))
    one = data[0] if isinstance(data, list) and data else data
    expect.that(isinstance(one, dict), "a patient", data, response)
    expect.equal(one.get("uuid"), user.uuid, "uuid of the patient", response)


@requirement("PORTAL-scope")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("portal_api_control")
def test_token_without_the_portal_scope_is_refused(api, tokens, path):
    response = api.get(path, tokens.patient(WITHOUT_FAMILY))

    expect.status(response, 401, 403)


@requirement("PORTAL-scope")
@pytest.mark.parametrize("path", ["/portal/patient", "/portal/patient/encounter"])
@pytest.mark.usefixtures("portal_api_control")
def test_token_without_the_scope_of_the_resource_is_refused(api, tokens, path):
    response = api.get(path, tokens.patient(ONE_RESOURCE))

    expect.status(response, 401, 403)


@requirement("PORTAL-needs-token")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", ["none", "garbage", "staff"])
@pytest.mark.usefixtures("portal_api_control")
def test_portal_without_a_patients_token_is_refused(api, tokens, path, token):
    value = {
        "none": lambda: None,
        "garbage": lambda: "garbage",
        "staff": lambda: tokens.staff(STAFF_REST_SCOPE),
    }[token]()
    response = api.get(path, value)

    expect.status(response, 401, 403)


@requirement("PORTAL-no-writes")
@writes
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_portal_takes_no_writes(api, tokens, portal_responses, path, method):
    token = tokens.patient(SCOPE)
    response = api.request(method, path, token, json={"city": "Changedville"})
    portal_responses.append(api.get("/portal/patient", token))
    before, after = portal_responses[-2:]

    expect.status(before, 200)
    expect.status(response, 401, 403, 404, 405, 501)
    kept = json_body(before).get("data")
    expect.equal(json_body(after).get("data"), kept, "the patient", [after, response, before])
