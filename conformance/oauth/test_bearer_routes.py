"""Calls of the APIs: the challenges, and cookies beside a token."""

import re

import pytest

from conformance import APIS, expect, requirement
from fixtures import portal
from fixtures.http import Http
from fixtures.sessions import PLACES

#: RFC 9110 section 11.2 with what RFC 6750 section 3 permits in a quoted value.
ATTRIBUTE = re.compile(r'([A-Za-z_]+)="([\x20-\x21\x23-\x5b\x5d-\x7e]*)"')
ATTRIBUTES = re.compile(rf"{ATTRIBUTE.pattern}(\s*,\s*{ATTRIBUTE.pattern})*")


@requirement("RFC6750-3-challenge-syntax")
@pytest.mark.parametrize("why", ["no_token", "garbage", "scope"])
@pytest.mark.parametrize("name", APIS)
def test_challenge_is_well_formed(api, tokens, name, why):
    """A challenge for Bearer has at least one attribute, none twice, and no odd characters."""
    token = {
        "no_token": lambda: None,
        "garbage": lambda: "no-token-at-all",
        "scope": lambda: tokens.staff("openid api:oemr api:fhir user/facility.read"),
    }[why]()
    response = api.get(PLACES[name][0], token)

    for challenge in response.headers.get_list("www-authenticate"):
        scheme, _, attributes = challenge.partition(" ")
        found = ATTRIBUTE.findall(attributes)
        names = [key.lower() for key, _ in found]
        whole = ATTRIBUTES.fullmatch(attributes) is not None
        right = scheme.lower() != "bearer" or (whole and len({*names}) == len(names))
        expect.that(right, "Bearer with attributes, each once", challenge, response)


@requirement("OPENEMR-REG-10404-portal-cookie")
def test_token_counts_beside_a_portal_cookie(target, transport, tokens, patient, other_patient):
    """A call with the cookie of a portal login and a token is judged by the token."""
    browser = Http(transport, cookies=True)
    portal.first_login(target, browser, patient, patient.password)
    path, scope = PLACES["portal"]
    token = tokens.other_patient(scope)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    response = browser.get(target.api_url + path, headers=headers)

    expect.that(browser.cookies, "a cookie of the portal", "none")
    expect.status(response, 200)
    who = {patient.uuid: "the patient of the cookie", other_patient.uuid: "that of the token"}
    shown = [words for uuid, words in who.items() if uuid in response.text]
    expect.equal(shown, ["that of the token"], "whom the answer is about", response)
