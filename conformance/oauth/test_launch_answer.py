"""The token response of a launched app: what it has about the patient."""

from urllib.parse import urljoin

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens

LAUNCHES = [
    "standalone",
    pytest.param("ehr", marks=needs("smart.ehr_launch", "administration", "rest")),
]


@pytest.fixture(scope="session")
def standalone_token_response(standalone_launch):
    """The token response of an app for which the administrator selected a patient."""
    require_tokens(standalone_launch.response)
    return standalone_launch.response


@requirement("SMART-2.2-token-patient-context")
def test_patient_is_told_beside_the_token(standalone_token_response, api, patient):
    found = expect.member(standalone_token_response, "patient", kind=str)

    expect.equal(found, patient.uuid, "patient", standalone_token_response)
    response = api.get(f"/fhir/Patient/{found}", standalone_token_response.json()["access_token"])
    expect.status(response, 200)
    expect.equal(expect.member(response, "id"), found, "id", response)


@pytest.fixture
def launch_token_response(request):
    """The token response of a launch, by the kind of launch."""

    def of(kind):
        if kind == "standalone":
            return request.getfixturevalue("standalone_token_response")
        return request.getfixturevalue("ehr_launch").response

    return of


@requirement("SMART-2.2-need-patient-banner")
@pytest.mark.parametrize("kind", LAUNCHES)
def test_need_for_a_banner_is_a_boolean(launch_token_response, kind):
    response = launch_token_response(kind)
    found = response.json().get("need_patient_banner", False)

    expect.that(isinstance(found, bool), "true or false", found, response)


@requirement("SMART-2.2-smart-style-url")
@pytest.mark.parametrize("kind", LAUNCHES)
def test_style_is_a_url(launch_token_response, kind):
    response = launch_token_response(kind)
    found = response.json().get("smart_style_url", "https://")

    expect.that(
        isinstance(found, str) and found.startswith(("https://", "http://")),
        "an absolute http(s) URL",
        found,
        response,
    )


@requirement("SMART-2.2-smart-style-json")
def test_style_is_one_json_object(standalone_token_response, http, server):
    response = http.get(urljoin(server.issuer, standalone_token_response.json()["smart_style_url"]))

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    body = expect.json_object(response)
    known = [name for name in body if name.startswith(("color_", "dim_", "font_"))]
    expect.that(known, "a property color_..., dim_... or font_...", sorted(body), response)
