"""APIs that are switched off one by one, on a second server."""

import pytest

from conformance import expect, requirement
from fixtures.wire.client import Blocked

#: By API: its setting, the role and scope of a token, and a path that it opens.
APIS = {
    "rest": ("rest_api", "staff", "openid api:oemr user/facility.read", "/api/facility"),
    "fhir": ("rest_fhir_api", "staff", "openid api:fhir user/Patient.read", "/fhir/Patient"),
    "portal": (
        "rest_portal_api",
        "patient",
        "openid api:port patient/patient.read",
        "/portal/patient",
    ),
}
NAMES = pytest.mark.parametrize("name", APIS)


def asked(settings, name, *, off=True):
    """Return the response of an API to a good token, after the API was switched off, or on."""
    setting, role, scope, path = APIS[name]
    token = getattr(settings.tokens, role)(scope)
    before = settings.api.get(path, token)
    if before.status_code != 200:
        raise Blocked(f"the API answers {before.status_code} while it is on")
    settings.change(**{setting: "0"})
    if not off:
        settings.put_back()
    return settings.api.get(path, token)


def serves_nothing(response):
    """Expect a refusal; 501 is one too."""
    expect.that(response.status_code >= 400, "a refusal by the API", response, response)


@requirement("OPENEMR-API-disabled")
@pytest.mark.parametrize("name", ["rest", "fhir"])
def test_api_that_is_switched_off_serves_nothing(settings, name):
    response = asked(settings, name)

    serves_nothing(response)


@requirement("PORTAL-disabled")
def test_portal_that_is_switched_off_serves_nothing(settings):
    response = asked(settings, "portal")

    serves_nothing(response)


@requirement("SETTINGS-off-told")
@NAMES
def test_switched_off_api_says_so_in_json(settings, name):
    response = asked(settings, name)

    expect.status(response, 403, 404, 501)
    expect.json(response)


@requirement("SETTINGS-on-again")
@NAMES
def test_api_that_is_switched_on_again_serves(settings, name):
    response = asked(settings, name, off=False)

    expect.status(response, 200)


@requirement("OPENEMR-API-all-disabled-oauth")
def test_authorization_server_without_apis_answers_404(settings):
    settings.change(rest_api="0", rest_fhir_api="0", rest_portal_api="0")

    expect.status(settings.authorization.discover(), 404)


@requirement("OPENEMR-CODE-portal-disabled-login")
def test_patient_without_portal_and_fhir_gets_no_code(settings):
    client, patient = settings.clients.portal, settings.user("patient")
    settings.change(rest_fhir_api="0", rest_portal_api="0")

    browser = settings.browser()
    page = browser.open(client, "openid")
    answer = browser.follow_redirects(browser.log_in(page, patient))

    inside = answer.is_redirect or "authorize-confirm" in str(answer.request.url)
    expect.that(not inside, "the login to be refused", answer, answer)
