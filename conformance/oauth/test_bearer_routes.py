"""Calls of the APIs without a token: every protected route refuses them."""

import pytest

from conformance import expect, needs, requirement
from fixtures.resources import STAFF_TYPES

ONE = "00000000-0000-4000-8000-000000000000"
ROUTES = {
    "rest": [
        "GET /api/facility",
        f"GET /api/facility/{ONE}",
        "POST /api/facility",
        "GET /api/patient",
        f"GET /api/patient/{ONE}",
        "POST /api/patient",
        f"PUT /api/patient/{ONE}",
        f"GET /api/patient/{ONE}/encounter",
        f"GET /api/patient/{ONE}/allergy",
        f"GET /api/patient/{ONE}/medical_problem",
        f"POST /api/patient/{ONE}/medical_problem",
        "GET /api/patient/1/medication",
        "GET /api/patient/1/document",
        "POST /api/patient/1/document",
        "POST /api/patient/1/message",
        "DELETE /api/patient/1/appointment/1",
        "GET /api/patient/1/encounter/1/vital",
        "GET /api/patient/1/encounter/1/soap_note",
        "GET /api/practitioner",
        "GET /api/appointment",
        "GET /api/insurance_company",
        "GET /api/immunization",
        "GET /api/procedure",
        "GET /api/drug",
        "GET /api/prescription",
        "GET /api/user",
        "GET /api/list/sex",
    ],
    "portal": [
        "GET /portal/patient",
        "GET /portal/patient/encounter",
        f"GET /portal/patient/encounter/{ONE}",
        "GET /portal/patient/appointment",
    ],
    "fhir": [
        *[f"GET /fhir/{kind}" for kind in sorted([*STAFF_TYPES, "Group"])],
        f"GET /fhir/Patient/{ONE}",
        f"GET /fhir/Binary/{ONE}",
        "POST /fhir/Patient",
        f"PUT /fhir/Patient/{ONE}",
        "POST /fhir/DocumentReference/$docref",
        "GET /fhir/$export",
        "GET /fhir/Patient/$export",
        f"GET /fhir/Group/{ONE}/$export",
    ],
}


@requirement("RFC6750-no-auth-matrix")
@pytest.mark.parametrize(
    "route",
    [
        pytest.param(route, marks=needs(name), id=route.replace(ONE, "one"))
        for name, routes in ROUTES.items()
        for route in routes
    ],
)
def test_route_without_a_token_is_refused(api, route):
    """A call of a protected route without a token is answered with 401 and no data."""
    method, path = route.split(" ")
    body = {} if method in {"POST", "PUT"} else None
    response = api.request(method, path, json=body)

    expect.no_data(response, 401)
