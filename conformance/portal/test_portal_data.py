"""The patient portal's API shows the same data as the standard API."""

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # the patient gets an encounter

SCOPE = "openid api:port patient/patient.read patient/encounter.read patient/appointment.read"
#: The fields that the portal shows to a patient.
SEEN = [
    "uuid",
    "fname",
    "lname",
    "DOB",
    "sex",
    "street",
    "postal_code",
    "city",
    "state",
    "phone_contact",
    "email",
]


@requirement("PORTAL-rest-agree")
@pytest.mark.parametrize("who", ["patient", "other_patient"])
def test_portal_tells_of_the_patient_what_staff_sees(api, tokens, staff_token, request, who):
    user = request.getfixturevalue(who)
    response = api.get("/portal/patient", tokens.body(who, SCOPE)["access_token"])
    at_rest = api.get(f"/api/patient/{user.uuid}", staff_token)

    expect.status(response, 200)
    expect.status(at_rest, 200)
    told, known = rows(response)[0], rows(at_rest)[0]
    seen = {name: told.get(name) for name in SEEN}
    wanted = {name: known.get(name) for name in SEEN}
    expect.equal(seen, wanted, "the patient", [response, at_rest])


@requirement("PORTAL-rest-agree")
def test_portal_lists_the_encounters_that_staff_sees(
    api, tokens, staff_token, records, patient, other_patient
):
    for person in (patient, other_patient):  # the other patient's encounter must not be listed
        records.first("encounter", records.of(person))
    response = api.get("/portal/patient/encounter", tokens.patient(SCOPE))
    at_rest = api.get(f"/api/patient/{patient.uuid}/encounter", staff_token)

    expect.status(response, 200)
    expect.status(at_rest, 200)
    seen, known = (
        {key(row): row.get("reason") for row in rows(one)} for one in (response, at_rest)
    )
    expect.that(known, "an encounter", at_rest, at_rest)
    expect.equal(seen, known, "the encounters", [response, at_rest])


def rows(response):
    """Return the records of an answer, with or without envelope."""
    body = json_body(response)
    data = body.get("data", body) if isinstance(body, dict) else body
    return data if isinstance(data, list) else [data]


def key(row):
    """Return the id of an encounter."""
    return row.get("euuid") or row.get("uuid")
