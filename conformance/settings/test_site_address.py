"""The site address: another one than is called, none, and what the first requests find."""

from urllib.parse import urlsplit

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import public_metadata
from fixtures.wire.client import json_body
from fixtures.wire.simultaneous import send_simultaneously

ELSEWHERE = "https://elsewhere.example.org"
STAFF = "openid api:oemr user/facility.read"
SYSTEM = "api:fhir system/Patient.read"
ADDRESSES = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
AT_ONCE = 16


@requirement("SETTINGS-address-is-issuer")
def test_discovery_is_of_the_site_address(settings):
    """The addresses that discovery names are of the site address, whatever was called."""
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.discover()

    for name in ADDRESSES:
        address = expect.member(response, name, kind=str)
        expect.that(address.startswith(f"{ELSEWHERE}/"), f"{name} at {ELSEWHERE}", address)


@requirement("SETTINGS-address-audience")
def test_assertion_for_another_address_is_refused(settings):
    """A client assertion for another address than the site address is an invalid_client."""
    client = settings.clients.system
    require_tokens(settings.authorization.client_credentials(client, SYSTEM))
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.client_credentials(client, SYSTEM)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_client", statuses=(400, 401))


@requirement("OPENEMR-INTRO-never-html")
def test_introspection_is_json_at_another_address(settings):
    """Introspection answers in JSON whatever the site address setting says."""
    client = settings.clients.confidential
    token = settings.tokens.staff(STAFF)
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.authorization.introspect(client, token)

    expect.json_object(response)


@requirement("OPENEMR-REG-site-address-mismatch")
def test_registration_at_another_address_says_why_it_fails(settings):
    """At another address than the site address a registration fails with a reason, if at all."""
    settings.change(site_addr_oath=ELSEWHERE)

    response = settings.registrar.register(public_metadata())

    expect.member(response, "client_id" if response.is_success else "error")


@requirement("OPENEMR-AUTH-site-address-required")
@pytest.mark.parametrize("name", ADDRESSES)
def test_without_site_address_the_called_one_counts(settings, name):
    """Without a site address the OAuth endpoints answer JSON with addresses of the called host."""
    settings.change(site_addr_oath="")

    address = expect.member(settings.authorization.discover(), name, kind=str)

    called = urlsplit(settings.target.base_url).netloc
    expect.that(urlsplit(address).netloc == called, f"{name} at {called}", address)


@requirement("SETTINGS-address-forwarded")
def test_issuer_does_not_follow_a_forwarded_host(settings):
    """Without a site address the issuer does not follow a forwarded host that anybody can name."""
    settings.change(site_addr_oath="")

    response = settings.http.get(
        settings.authorization.url("/.well-known/openid-configuration"),
        headers={"X-Forwarded-Host": "elsewhere.example.org"},
    )

    issuer = expect.member(response, "issuer", kind=str)
    expect.that("elsewhere" not in issuer, "the issuer at the called host", issuer, response)


@requirement("SETTINGS-first-keys")
def test_first_requests_get_one_key(settings):
    """The first requests after the installation get one signing key, however many come at once."""
    settings.forget_keys()

    answers = send_simultaneously(settings.authorization.keys, AT_ONCE)

    moduli = set()
    for answer in answers:
        expect.status(answer, 200)
        expect.json_object(answer)
        moduli.update(each.get("n") for each in json_body(answer)["keys"])
    expect.equal(len(moduli), 1, "the number of signing keys that were handed out", answers[-1])
