"""The login, patient-select and consent pages: who gets through them."""

import contextlib
import re
from copy import copy
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from conformance import expect, needs, requirement
from conformance.watch import disclosure
from fixtures.driver.authorization_server import Pkce, require_tokens
from fixtures.driver.login_pages import Browser, consent, consent_form, form_of, patient_form
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.wire.client import Blocked, query

LAUNCH = "openid api:fhir launch/patient patient/Patient.read"
#: The requested scopes, those that are added to the consent form, and the one that is left out.
WANTED = "openid api:oemr user/facility.read"
ADDED = ["user/patient.read", "user/facility.write"]
LEFT_OUT = "user/practitioner.read"
MARKUP = '"><svg onload=alert(1)>'
#: Signs of program internals on a page in any spelling, in addition to the words of `disclosure`.
TRACE = re.compile(r"stack trace|#\d+ /|/src/[A-Z]", re.IGNORECASE)
REFUSAL = re.compile(r"deny|refuse|reject|decline|cancel", re.IGNORECASE)


@pytest.fixture(scope="module")
def patient_login_client(pooled_clients):
    """A public client for patients; no check finishes a login with it."""
    return pooled_clients.public(SCOPE)


@pytest.fixture
def login_page(browser, patient_login_client):
    """The login page of a new authorization."""
    page = browser.open(patient_login_client, SCOPE)
    form_of(page)
    return page


def is_consent(page):
    """Return whether the page asks for consent, that is, whether a user is logged in."""
    return consent_form(BeautifulSoup(page.text, "html.parser"), page) is not None


def approved(browser, server):
    """Approve all scopes on the consent page, if there is one.

    Returns the code, or None, and the response to the approval, or the page that is there instead.
    """
    page = browser.follow_redirects(browser.http.get(server.url("/scope-authorize-confirm")))
    if not is_consent(page):
        return None, page
    form = form_of(page)
    answer = browser.submit(form, consent(form, SCOPE.split()))
    return query(answer.headers.get("location", "")).get("code"), answer


@requirement("RFC6749-3.1-login-wrong-password")
@pytest.mark.parametrize("wrong", ["password", "name", "empty_password"])
def test_wrong_credentials_open_nothing(browser, login_page, server, patient, wrong):
    user = {
        "password": replace(patient, password="not-the-password"),
        "name": replace(patient, name="nobody-of-that-name", email="nobody@example.org"),
        "empty_password": replace(patient, password=""),
    }[wrong]
    page = browser.follow_redirects(browser.log_in(login_page, user))

    expect.no_server_error(page)
    expect.that(
        not page.is_redirect, "no redirect to the client", page.headers.get("location"), page
    )
    code, response = approved(browser, server)
    expect.that(code is None, "no code", "a code", response)


@requirement("RFC6749-10.12-consent-csrf")
@pytest.mark.parametrize("token", [None, "0" * 64], ids=["missing", "wrong"])
def test_login_form_is_protected_against_forgery(browser, login_page, admin, server, token):
    form = form_of(login_page)
    fields = form.filled(
        username=admin.name, password=admin.password, user_role="api", csrf_token_form=token
    )
    page = browser.follow_redirects(browser.submit(form, fields))

    expect.no_server_error(page)
    code, response = approved(browser, server)
    expect.that(code is None, "nobody logged in", "a code", response)


@requirement("RFC6749-10.12-consent-csrf")
@pytest.mark.parametrize("token", [None, "0" * 64], ids=["missing", "wrong"])
def test_consent_form_is_protected_against_forgery(pending_consent_page, token):
    browser, page = pending_consent_page()
    form = form_of(page)
    fields = [pair for pair in consent(form, SCOPE.split()) if pair[0] != "csrf_token_form"]
    sent = [("csrf_token_form", token)] if token else []
    response = browser.submit(form, [*fields, *sent])

    expect.no_server_error(response)
    target = response.headers.get("location", "")
    expect.that("code=" not in target, "no code", target, response)


@requirement("RFC6749-10.12-consent-csrf")
@needs("smart.standalone_launch", "patients")
@pytest.mark.parametrize("token", [None, "0" * 64], ids=["missing", "wrong"])
def test_patient_form_is_protected_against_forgery(pending_consent_page, patient, token):
    browser, page = pending_consent_page("patient", LAUNCH)
    form = patient_form(BeautifulSoup(page.text, "html.parser"), page)
    if form is None:
        raise Blocked("the page has no form to select a patient")
    names = [name for name, _ in form.fields if name.startswith("csrf")]
    fields = form.filled(patient_id=patient.uuid, **dict.fromkeys(names, token))
    page = browser.follow_redirects(browser.submit(form, fields))

    expect.that(not is_consent(page), "no next page", "the consent page", page)


@requirement("RFC6749-10.13-clickjacking")
@pytest.mark.parametrize("name", ["login_page", "consent_page"])
def test_page_cannot_be_framed(request, pending_consent_page, name):
    page = pending_consent_page()[1] if name == "consent_page" else request.getfixturevalue(name)

    options = page.headers.get("x-frame-options", "").upper()
    policy = re.search(r"frame-ancestors([^;]*)", page.headers.get("content-security-policy", ""))
    safe = options in {"DENY", "SAMEORIGIN"} or (policy and "*" not in policy.group(1))
    received = f"X-Frame-Options {options or 'absent'}, frame-ancestors {policy and policy.group()}"
    expect.that(safe, "X-Frame-Options or frame-ancestors", received, page)


@requirement("RFC6749-10.14-reflected-input")
@pytest.mark.parametrize(
    "name", ["state", "scope", "login_hint", "redirect_uri", "client_id", "aud", "error"]
)
def test_request_is_not_reflected_as_markup(browser, patient_login_client, name):
    page = browser.open(patient_login_client, SCOPE, parameters={name: f"a{MARKUP}"})

    expect.no_server_error(page)
    html = "html" in page.headers.get("content-type", "")
    expect.that(not (html and MARKUP in page.text), "escaped input", page.text, page)


@requirement("RFC7591-2-xss-client-name")
def test_client_name_is_not_shown_as_markup(browser, new_client, admin):
    client = new_client.public(SCOPE, client_name=f"app {MARKUP}")
    page = browser.follow_redirects(browser.log_in(browser.open(client, SCOPE), admin))

    expect.that(is_consent(page), "the consent page", page.text, page)
    expect.that(MARKUP not in page.text, "an escaped name", "the markup", page)


@requirement("RFC6749-3.1-no-step-skipping")
@pytest.mark.parametrize(
    ("path", "filled"),
    [
        pytest.param("/device/code", True, id="/device/code"),
        pytest.param("/device/code", False, id="/device/code-empty"),
        pytest.param("/smart/patient-select-confirm", True, id="/smart/patient-select-confirm"),
    ],
)
def test_no_code_without_a_login(browser, login_page, server, path, filled):
    token = dict(form_of(login_page).fields).get("csrf_token_form", "")
    form = [
        ("csrf_token_form", token),
        ("csrf_token", token),
        ("patient_id", "1"),
        ("proceed", "1"),
        *((f"scope[{scope}]", scope) for scope in SCOPE.split()),
    ]
    page = browser.follow_redirects(
        browser.http.post(server.url(path), data=form if filled else [])
    )

    expect.no_server_error(page)
    target = page.headers.get("location", "")
    expect.that("code=" not in target, "no code", target, page)
    code, response = approved(browser, server)
    expect.that(code is None, "no code", "a code", response)


@requirement("OWASP-no-internals")
@pytest.mark.parametrize("session", ["cold", "begun"])
@pytest.mark.parametrize(
    "path", ["/scope-authorize-confirm", "/device/code", "/smart/patient-select", "/login"]
)
def test_page_out_of_turn_shows_no_internals(request, browser, server, session, path):
    if session == "begun":
        request.getfixturevalue("login_page")
    method = "POST" if path == "/device/code" else "GET"
    page = browser.follow_redirects(browser.http.request(method, server.url(path)))

    disclosure.no_internals(page)
    found = TRACE.search(page.text)
    expect.that(found is None, "no stack trace, no path", found and found.group(), page)


@pytest.fixture(scope="module")
def scope_consent(server, registrar, admin):
    """Consents to scopes that were not requested, or not to all that were.

    `scope_consent(added, left_out)` returns the granted scopes and the token response; None without
    a code.
    """
    every = [*ADDED, LEFT_OUT]
    client = registrar.confidential(" ".join([WANTED, *every]))

    def ask(added, left_out):
        asked = f"{WANTED} {left_out}".strip()
        approve = [*WANTED.split(), *added]
        answer = Browser(server).authorize(client, admin, asked, approve=approve)
        if "code" not in answer.parameters:
            return None
        response = server.exchange(client, answer.code, verifier=answer.verifier)
        return str(require_tokens(response).get("scope", "")).split(), response

    return ask


@pytest.fixture(scope="module")
def tampered_consent(scope_consent):
    """The result of a consent that adds scopes and leaves one out; None if it failed."""
    with contextlib.suppress(Blocked):
        answer = scope_consent(ADDED, LEFT_OUT)
        if answer is not None and "user/facility.read" in answer[0]:
            return answer
    return None


@requirement("RFC6749-consent-scope-tamper")
@pytest.mark.parametrize("scope", ADDED)
@pytest.mark.usefixtures("authorization_control")
def test_consent_form_adds_no_scope(tampered_consent, scope_consent, scope):
    answer = tampered_consent or scope_consent([scope], "")
    if answer is None:
        return
    given, response = answer

    expect.contains(given, "user/facility.read", "scope", response)
    expect.that(scope not in given, f"a scope without {scope}", given, response)


@requirement("AUTH-patient-select-foreign")
@pytest.mark.usefixtures("public_code_exchange_control")
def test_patient_cannot_choose_another_patient(new_client, browser, server, patient, other_patient):
    client, pkce = new_client.public(LAUNCH), Pkce.new()
    wishes = {"code_challenge": pkce.challenge}
    page = browser.open(client, LAUNCH, parameters=wishes)
    page = browser.follow_redirects(browser.log_in(page, patient))
    token = dict(form_of(page).fields).get("csrf_token_form", "")
    browser.http.post(
        server.url("/smart/patient-select-confirm"),
        data={"csrf_token": token, "csrf_token_form": token, "patient_id": other_patient.uuid},
    )
    page = browser.http.get(server.url("/scope-authorize-confirm"))
    if not is_consent(page):
        return  # the server ends the authorization because of it
    form = form_of(page)
    fields = [*consent(form, LAUNCH.split()), ("patient_id", other_patient.uuid)]
    target = browser.submit(form, fields)

    code = query(target.headers.get("location", "")).get("code", "none-was-given")
    response = server.exchange(client, code, verifier=pkce.verifier)
    chosen = expect.json_object(response).get("patient")
    expect.that(
        chosen != other_patient.uuid, "the user's own record", "the other patient", response
    )


@requirement("RFC6749-4.1.2.1-access-denied")
def test_user_can_refuse(pending_consent_page):
    browser, consent_page = pending_consent_page()
    form = form_of(consent_page)
    page = BeautifulSoup(consent_page.text, "html.parser")
    buttons = [
        tag
        for form in page.find_all("form")
        for tag in form.find_all(["button", "input"], attrs={"name": True})
        if tag.name == "button" or str(tag.get("type")).lower() == "submit"
    ]
    refusing = [button for button in buttons if REFUSAL.search(str(button))]
    expect.that(refusing, "a button to refuse", [str(button) for button in buttons], consent_page)
    name, value = str(refusing[0]["name"]), str(refusing[0].get("value", ""))
    response = browser.follow_redirects(browser.submit(form, [*form.fields, (name, value)]))

    answer = expect.redirect(response)
    expect.equal(answer.get("error"), "access_denied", "error", response)
    right = "code" not in answer and answer.get("state")
    expect.that(right, "no code and the state", answer, response)


@requirement("RFC6749-authz-session-fixation")
def test_session_is_renewed_at_login(browser, login_page, server, admin):
    known = [copy(cookie) for cookie in browser.http.cookies]
    page = browser.follow_redirects(browser.log_in(login_page, admin))
    # A remembered consent leads to the client at once.
    inside = is_consent(page) or page.is_redirect
    expect.that(inside, "the consent page, or the client", page.text, page)
    thief = browser.copy_with_cookies(known)

    code, response = approved(thief, server)
    expect.that(code is None, "no code with the old session", "a code", response)


@requirement("AUTH-parallel-codes")
def test_two_codes_of_one_client_are_both_good(new_client, server, admin):
    client = new_client.public(SCOPE)
    first = Browser(server).authorize(client, admin, SCOPE)
    second = Browser(server).authorize(client, admin, SCOPE)
    codes = [(answer.code, answer.verifier) for answer in (first, second)]
    responses = [server.exchange(client, code, verifier=verifier) for code, verifier in codes]

    for response in responses:
        expect.status(response, 200)


@requirement("RFC6749-authz-consent-subset")
def test_scope_that_is_not_approved_is_not_granted(tampered_consent, scope_consent):
    answer = tampered_consent or scope_consent([], LEFT_OUT)
    if answer is None:
        raise Blocked("no authorization code to judge with, though some scopes were approved")
    given, response = answer

    expect.contains(given, "user/facility.read", "scope", response)
    expect.that(LEFT_OUT not in given, f"a scope without {LEFT_OUT}", given, response)
