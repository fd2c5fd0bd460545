"""What a token answer says about the patient that an app was launched for."""

from urllib.parse import urljoin

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens

LAUNCHES = [
    "standalone",
    pytest.param("ehr", marks=needs("smart.ehr_launch", "administration", "rest")),
]


@pytest.fixture(scope="session")
def launched(standalone_launch):
    """The token answer of an app for which the administrator picked the patient."""
    require_tokens(standalone_launch.response)
    return standalone_launch.response


@requirement("SMART-2.2-token-patient-context")
def test_patient_is_told_beside_the_token(launched, api, patient):
    """The picked patient's id stands beside the token, and can be read with it."""
    found = expect.member(launched, "patient", kind=str)

    expect.equal(found, patient.uuid, "patient", launched)
    response = api.get(f"/fhir/Patient/{found}", launched.json()["access_token"])
    expect.status(response, 200)
    expect.equal(expect.member(response, "id"), found, "id", response)


@pytest.fixture
def answer_of(request):
    """The token answer of a launch by its kind."""

    def of(kind):
        if kind == "standalone":
            return request.getfixturevalue("launched")
        return request.getfixturevalue("ehr_launch").response

    return of


@requirement("SMART-2.2-need-patient-banner")
@pytest.mark.parametrize("kind", LAUNCHES)
def test_need_for_a_banner_is_a_boolean(answer_of, kind):
    """The need for a patient banner is told as a JSON boolean."""
    response = answer_of(kind)
    found = response.json().get("need_patient_banner", False)

    expect.that(isinstance(found, bool), "true or false", found, response)


@requirement("SMART-2.2-smart-style-url")
@pytest.mark.parametrize("kind", LAUNCHES)
def test_style_is_a_url(answer_of, kind):
    """A smart_style_url is the absolute URL of the style."""
    response = answer_of(kind)
    found = response.json().get("smart_style_url", "https://")

    expect.that(
        isinstance(found, str) and found.startswith(("https://", "http://")),
        "an absolute http(s) URL",
        found,
        response,
    )


@requirement("SMART-2.2-smart-style-json")
def test_style_is_one_json_object(launched, http, server):
    """The smart_style_url serves one JSON object of style properties."""
    response = http.get(urljoin(server.issuer, launched.json()["smart_style_url"]))

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    body = expect.json_object(response)
    known = [name for name in body if name.startswith(("color_", "dim_", "font_"))]
    expect.that(known, "a property color_..., dim_... or font_...", sorted(body), response)
