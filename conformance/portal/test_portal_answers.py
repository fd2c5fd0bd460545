"""The patient portal's API: the form of its responses, and the limits of its token."""

from functools import cache

import pytest

from conformance import expect, requirement, writes

pytestmark = writes  # the patient gets an encounter and an appointment

SCOPE = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
PLACES = ["patient", "encounters", "appointments", "encounter", "unknown_encounter"]
#: Internal notes of the practice, about billing, imports and duplicates.
NOTES = {
    "billing_note",
    "cmsportal_login",
    "dupscore",
    "financial_review",
    "pricelevel",
    "soap_import_status",
}
SECRETS = ("password", "portal_pwd", "portal_onetime", "hash")
STAFF_ROUTES = [
    "",
    "/encounter",
    "/allergy",
    "/medical_problem",
    "/insurance",
    "/employer",
    "/appointment",
    "/medication",
    "/transaction",
    "/document?path=/medical_record",
]
BY_NUMBER = {"/appointment", "/medication", "/transaction", "/document?path=/medical_record"}


@pytest.fixture(scope="session")
def portal_response(api, tokens, records, patient):
    """The response of the portal to the first patient, fetched once: `portal_response(place)`."""
    owner = records.of(patient)

    def get(place):
        path = {
            "patient": lambda: "",
            "encounters": lambda: "/encounter",
            "appointments": lambda: "/appointment",
            "encounter": lambda: f"/encounter/{records.first('encounter', owner).key}",
            "unknown_encounter": lambda: "/encounter/00000000-0000-4000-8000-000000000000",
        }[place]()
        if place != "unknown_encounter":
            records.first("encounter", owner)
            records.first("appointment", owner)
        return api.get(f"/portal/patient{path}", tokens.patient(SCOPE))

    return cache(get)


@requirement("PORTAL-envelope")
@pytest.mark.parametrize("place", [one for one in PLACES if one != "unknown_encounter"])
def test_portal_answer_is_in_an_envelope(portal_response, place):
    response = portal_response(place)

    expect.status(response, 200)
    expect.schema(response, "envelope")


@requirement("PORTAL-json")
@pytest.mark.parametrize("place", PLACES)
def test_portal_answer_is_json(portal_response, place):
    response = portal_response(place)

    expect.media_type(response, "application/json")
    expect.json(response)


@requirement("PORTAL-no-staff-fields")
@pytest.mark.parametrize("place", ["patient", "encounters", "appointments"])
def test_portal_shows_no_notes_of_the_practice(portal_response, place):
    response = portal_response(place)

    expect.status(response, 200)
    names = {name for name in members(response.json()) if name}
    found = names & NOTES | {name for name in names if any(one in name for one in SECRETS)}
    expect.that(not found, "no notes of the practice and no credentials", sorted(found), response)


@requirement("PORTAL-unknown-route")
@pytest.mark.parametrize("path", ["/portal/nothing", "/portal/patient/allergy", "/portal/facility"])
@pytest.mark.usefixtures("portal_api_control")
def test_portal_has_no_other_routes(api, tokens, path):
    response = api.get(path, tokens.patient(SCOPE))

    expect.no_data(response, 404)


@requirement("PORTAL-token-at-staff-api")
@pytest.mark.parametrize("who", ["patient", "other_patient"])
@pytest.mark.parametrize("path", STAFF_ROUTES, ids=lambda path: path.strip("/")[:9] or "patient")
@pytest.mark.usefixtures("standard_api_control")
def test_portal_token_opens_nothing_of_the_staff(api, tokens, request, path, who):
    user = request.getfixturevalue(who)
    key = user.pid if path in BY_NUMBER else user.uuid
    response = api.get(f"/api/patient/{key}{path}", tokens.patient(SCOPE))

    expect.no_data(response, 401, 403, 404, because="a portal token is not a token of staff")
    expect.that(user.email not in response.text, "nothing of the patient", response, response)


def members(value):
    """Return the names of all members in a body, at any depth."""
    if isinstance(value, dict):
        return {*value} | {name for one in value.values() for name in members(one)}
    return {name for one in value for name in members(one)} if isinstance(value, list) else set()
