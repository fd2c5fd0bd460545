"""OpenEMR's registration page: its script registers what was filled in."""

import json

import pytest

from conformance import expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.registration_page import RegistrationPage

CONFIDENTIAL = {"openid", "offline_access", "api:oemr"}
PUBLIC = {"openid", "launch/patient", "api:fhir", "patient/Patient.read"}
BACKEND = {"api:fhir", "system/Patient.read"}
FILLED = {
    "appName": "openemr-conformance page",
    "contactEmail": "conformance@example.org",
    "redirectUri": "https://client.example.org/callback",
}
KEYS_ADDRESS = "https://client.example.org/jwks.json"


@pytest.fixture
def page(target, http):
    """The registration page; only its required fields are filled in."""
    shown = RegistrationPage(http.get(f"{target.base_url}/interface/smart/register-app.php"))
    shown.fill(**FILLED)
    return shown


@pytest.fixture
def send(new_client, page):
    """Click on the button of the page, and return the response to what its script sends."""

    def click():
        expect.that(
            page.address == new_client.server.endpoint("registration_endpoint"),
            "the registration endpoint",
            page.address,
            page.response,
        )
        return new_client.register(page.body())

    return click


@requirement("OPENEMR-REG-page-registers")
@pytest.mark.parametrize(
    ("kind", "scopes"), [("private", CONFIDENTIAL), ("public", PUBLIC)], ids=["private", "public"]
)
def test_app_is_registered_as_filled_in(page, send, kind, scopes):
    page.choose("appType", kind)
    page.tick_only(scopes)
    response = send()

    expect.success(response)
    given = expect.json_object(response)
    wanted = {
        "client_name": FILLED["appName"],
        "redirect_uris": [FILLED["redirectUri"]],
        "contacts": [FILLED["contactEmail"]],
    }
    for name, value in wanted.items():
        expect.equal(given.get(name), value, name, [response, page.response])
    expect.equal({*str(given.get("scope")).split()}, scopes, "scope", response)
    has_secret = bool(given.get("client_secret"))
    expect.equal(has_secret, kind == "private", "having a client_secret", response)


@requirement("OPENEMR-REG-page-keys")
@needs("oauth.client_credentials")
@pytest.mark.parametrize("field", ["jwks_uri", "jwks"])
def test_backend_app_is_registered_with_its_keys(page, send, field):
    key_set = keys.jwks(keys.key("conformance-1"))
    page.choose("appType", "private")
    page.choose("patientType", "client")
    page.tick_only(BACKEND)
    if field == "jwks":
        page.fill(jwks=json.dumps(key_set))
    else:
        page.fill(jwksUri=KEYS_ADDRESS)
    response = send()

    expect.success(response)
    expect.member(response, "client_id", kind=str)
