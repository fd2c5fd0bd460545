"""The patient portal's API: whom it shows, and that it asks for the right token."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.record_kinds import STAFF_REST_SCOPE
from fixtures.wire.client import json_body

SCOPE = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
#: What holds the data of the patient but is not for the portal, and the reverse.
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
def shown(api, tokens):
    """What the portal shows of the patient, one answer after the other."""
    return [api.get("/portal/patient", tokens.patient(SCOPE))]


@requirement("PORTAL-patient")
@pytest.mark.parametrize("who", ["patient", "other_patient"])
def test_patient_sees_oneself(api, tokens, request, who):
    """The portal shows the patient who logged in."""
    user = request.getfixturevalue(who)
    response = api.get("/portal/patient", tokens.body(who, SCOPE)["access_token"])

    expect.status(response, 200)
    data = expect.member(response, "data", kind=(dict, list))
    one = data[0] if isinstance(data, list) and data else data
    expect.that(isinstance(one, dict), "a patient", data, response)
    expect.equal(one.get("uuid"), user.uuid, "uuid of the patient", response)


@requirement("PORTAL-scope")
@pytest.mark.parametrize("path", PATHS)
def test_token_without_the_portal_scope_is_refused(api, tokens, path):
    """The portal asks for both api:port and the scope of the resource."""
    response = api.get(path, tokens.patient(WITHOUT_FAMILY))

    expect.status(response, 401, 403)


@requirement("PORTAL-scope")
@pytest.mark.parametrize("path", ["/portal/patient", "/portal/patient/encounter"])
def test_token_without_the_scope_of_the_resource_is_refused(api, tokens, path):
    """The portal asks for both api:port and the scope of the resource."""
    response = api.get(path, tokens.patient(ONE_RESOURCE))

    expect.status(response, 401, 403)


@requirement("PORTAL-needs-token")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("token", ["none", "garbage", "staff"])
def test_portal_without_a_patients_token_is_refused(api, tokens, path, token):
    """The portal shows nothing without a valid token."""
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
def test_portal_takes_no_writes(api, tokens, shown, path, method):
    """Nothing can be written at the portal."""
    token = tokens.patient(SCOPE)
    response = api.request(method, path, token, json={"city": "Changedville"})
    shown.append(api.get("/portal/patient", token))
    before, after = shown[-2:]

    expect.status(before, 200)
    expect.status(response, 401, 403, 404, 405, 501)
    expect.equal(json_body(after).get("data"), json_body(before).get("data"), "the patient", after)
