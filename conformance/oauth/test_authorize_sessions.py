"""Sessions at the login pages: which user is logged in, and for which app."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from conformance import expect, requirement
from fixtures.driver.authorization_server import Pkce, require_tokens
from fixtures.driver.keys import unverified_claims
from fixtures.driver.login_pages import Browser, consent, form_of
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.target.model import not_applicable
from fixtures.wire.client import query


@pytest.fixture(scope="module")
def login_cookies(server, pooled_clients, admin):
    """A client, and the cookies of a browser in which the administrator is logged in."""
    client, browser = pooled_clients.public(SCOPE), Browser(server)
    page = browser.follow_redirects(browser.log_in(browser.open(client, SCOPE), admin))
    if not page.is_redirect:  # a remembered consent leads to the client at once
        form_of(page)
    return client, [*browser.http.cookies]


@pytest.fixture
def repeated_request(login_cookies, browser):
    """Sends another request of the app from the browser of the logged-in administrator."""
    client, cookies = login_cookies

    def send(**wishes):
        for cookie in cookies:
            browser.http.cookies.set_cookie(cookie)
        return browser.open(client, SCOPE, parameters=wishes)

    return send


@requirement("OIDCC-3.1.2.1-prompt-login")
def test_prompt_login_asks_for_the_password_again(repeated_request):
    page = repeated_request(prompt="login")

    expect.login_page(page)


@requirement("OIDCC-3.1.2.1-max-age")
def test_max_age_asks_for_the_password_again(repeated_request):
    page = repeated_request(max_age="0")

    expect.login_page(page)


@requirement("OIDCC-3.1.2.1-max-age-auth-time")
def test_id_token_tells_the_time_of_the_login(
    code_flow_with_optional_parameters, new_authorization, server
):
    response = code_flow_with_optional_parameters and code_flow_with_optional_parameters.response
    if response is None:
        client, answer = new_authorization(SCOPE, parameters={"max_age": "3600"})
        response = server.exchange(client, answer.code, verifier=answer.verifier)

    claims = unverified_claims(str(require_tokens(response).get("id_token")))
    told = claims.get("auth_time")
    right = isinstance(told, int) and not isinstance(told, bool)
    expect.that(right, "auth_time as a number", told, response)


@requirement("RFC6749-10.10-code-entropy")
def test_codes_are_unique_and_long(
    unused_authorization, code_flow_with_optional_parameters, new_authorization
):
    _, earlier = unused_authorization
    later = (
        code_flow_with_optional_parameters.authorization
        if code_flow_with_optional_parameters
        else new_authorization()[1]
    )
    first, second = earlier.code, later.code
    judged = [later.response, earlier.response]

    expect.that(first != second, "two codes", "the same code twice", judged)
    shortest = min(len(first), len(second))
    expect.that(shortest >= 22, "128 bits, 22 characters", shortest, judged)
    alike = sum(left == right for left, right in zip(first, second, strict=False))
    expect.that(
        shortest - alike >= 16, "codes that differ in 16 characters", shortest - alike, judged
    )


@requirement("RFC6749-authz-parallel-sessions")
def test_users_at_the_same_time_are_kept_apart(new_client, server, admin, patient):
    client = new_client.public(SCOPE)
    proof = Pkce.new()
    browsers = {user: Browser(server) for user in (admin, patient)}
    asked = {
        user: each.request(client, SCOPE) | {"code_challenge": proof.challenge}
        for user, each in browsers.items()
    }
    pages = {user: each.follow_redirects(each.send(asked[user])) for user, each in browsers.items()}
    pages = {
        user: each.follow_redirects(each.log_in(pages[user], user))
        for user, each in browsers.items()
    }
    answers = {user: each.approve(pages[user], SCOPE.split()) for user, each in browsers.items()}
    given = {user: expect.redirect(answer) for user, answer in answers.items()}
    responses = {
        user: server.exchange(client, each.get("code", ""), verifier=proof.verifier)
        for user, each in given.items()
    }
    subjects = {user: subject_in(response) for user, response in responses.items()}

    for user, each in given.items():
        expect.equal(each.get("state"), asked[user]["state"], "state", answers[user])
    both = [responses[patient], responses[admin]]
    expect.that(subjects[admin] != subjects[patient], "two users", "the same user twice", both)
    alone = Browser(server).authorize(client, patient, SCOPE)
    later = server.exchange(client, alone.code, verifier=alone.verifier)
    words = "sub of the patient, who logs in alone"
    expect.equal(subject_in(later), subjects[patient], words, [later, responses[patient]])


def subject_in(response):
    """Return the subject of the ID token in a token response."""
    return unverified_claims(str(require_tokens(response).get("id_token")))["sub"]


@requirement("AUTH-consent-bound-to-client")
def test_consent_to_one_app_is_none_to_another(new_client, browser, admin):
    client = new_client.public(SCOPE)
    other = new_client.public(SCOPE, redirect_uris=["https://other.example.org/cb"])
    page = browser.follow_redirects(browser.log_in(browser.open(client, SCOPE), admin))
    if page.is_redirect:
        not_applicable("the server shows no consent page to approve for another app")
    form = form_of(page)
    # A hidden frame on any page can send this request while the user sees the consent page.
    browser.send(browser.request(other, SCOPE))
    answer = browser.follow_redirects(browser.submit(form, consent(form, SCOPE.split())))

    goes_to = answer.headers.get("location", "")
    astray = goes_to.startswith(other.redirect_uri) and "code" in query(goes_to)
    expect.that(not astray, f"no code for {other.redirect_uri}", goes_to, answer)


@requirement("AUTH-consent-needs-approval")
@pytest.mark.parametrize("sent", ["all_but_the_button", "scopes_only"])
def test_consent_without_the_button_brings_no_code(pending_consent_page, sent):
    browser, page = pending_consent_page()
    form = form_of(page)
    fields = [(name, value) for name, value in consent(form, SCOPE.split()) if name != "proceed"]
    if sent == "scopes_only":
        fields = [(name, value) for name, value in fields if name.startswith("scope[")]
    answer = browser.submit(form, fields)

    given = query(answer.headers.get("location", ""))
    expect.that("code" not in given, "no code", sorted(given), answer)


@requirement("AUTH-login-no-user-enumeration")
def test_login_page_tells_no_names(browser, server, login_cookies, patient):
    client, _ = login_cookies
    known = replace(patient, password="not-the-password")
    unknown = replace(known, name="nobody-of-that-name")
    answers = []
    for user in (known, unknown):
        visitor = Browser(server)
        answers.append(visitor.follow_redirects(visitor.log_in(visitor.open(client, SCOPE), user)))

    texts = [BeautifulSoup(page.text, "html.parser").get_text(" ", strip=True) for page in answers]
    both = answers[::-1]
    expect.equal(answers[1].status_code, answers[0].status_code, "status", both)
    expect.equal(texts[1], texts[0], "the text of the page for an unknown name", both)


@requirement("OIDCC-3.1.2.1-id-token-hint")
def test_login_of_another_user_than_hinted_gives_no_code(server, new_client, admin, patient):
    client = new_client.public(SCOPE)
    first = Browser(server).authorize(client, admin, SCOPE)
    body = require_tokens(server.exchange(client, first.code, verifier=first.verifier))
    hint = {"id_token_hint": str(body.get("id_token"))}
    same = Browser(server).authorize(client, admin, SCOPE, parameters=hint)
    _ = same.code  # a server that refuses every hint is not judged
    other = Browser(server).authorize(client, patient, SCOPE, parameters=hint)

    expect.no_server_error(other.response)
    expect.no_code(other)
