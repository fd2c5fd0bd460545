"""The site address: a wrong one, none, and the first requests after the installation."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.wire.client import json_body
from fixtures.wire.simultaneous import send_simultaneously

ELSEWHERE = "https://elsewhere.example.org"
STAFF = "openid api:oemr user/facility.read"
SYSTEM = "api:fhir system/Patient.read"
ADDRESSES = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
AT_ONCE = 16


@requirement("SETTINGS-address-is-issuer")
def test_discovery_is_of_the_site_address(settings):
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.discover()

    for name in ADDRESSES:
        address = expect.member(response, name, kind=str)
        right = address.startswith(f"{ELSEWHERE}/")
        expect.that(right, f"{name} at {ELSEWHERE}", address, response)


@requirement("SETTINGS-address-audience")
def test_assertion_for_another_address_is_refused(settings):
    client = settings.clients.system
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.client_credentials(client, SYSTEM)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("OPENEMR-INTRO-never-html")
def test_introspection_is_json_at_another_address(settings):
    client = settings.clients.confidential
    token = settings.tokens.staff(STAFF)
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.introspect(client, token)

    expect.json_object(response)


@requirement("OPENEMR-REG-site-address-mismatch")
def test_registration_at_another_address_says_why_it_fails(settings):
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.registrar.register(settings.registrar.public_metadata())

    expect.member(response, "client_id" if response.is_success else "error")


@requirement("OPENEMR-AUTH-site-address-required")
@pytest.mark.parametrize("name", ADDRESSES)
def test_without_site_address_the_called_one_counts(settings, name):
    settings.change(site_addr_oath="")

    response = settings.authorization.discover()
    address = expect.member(response, name, kind=str)

    called = urlsplit(settings.target.base_url).netloc
    expect.that(urlsplit(address).netloc == called, f"{name} at {called}", address, response)


@requirement("SETTINGS-address-forwarded")
def test_issuer_does_not_follow_a_forwarded_host(settings):
    settings.change(site_addr_oath="")

    response = settings.http.get(
        settings.authorization.url("/.well-known/openid-configuration"),
        headers={"X-Forwarded-Host": "elsewhere.example.org"},
    )

    issuer = expect.member(response, "issuer", kind=str)
    expect.that("elsewhere" not in issuer, "the issuer at the called host", issuer, response)


@requirement("SETTINGS-first-keys")
def test_first_requests_get_one_key(settings):
    settings.forget_keys()

    answers = send_simultaneously(settings.authorization.keys, AT_ONCE)

    moduli: set[Any] = set()
    for answer in answers:
        expect.status(answer, 200)
        expect.json_object(answer)
        moduli.update(each.get("n") for each in json_body(answer)["keys"])
    expect.equal(len(moduli), 1, "the number of signing keys that were handed out", answers)
