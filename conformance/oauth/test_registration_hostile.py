"""Client registration with hostile values."""

import contextlib
import json
import re
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from conformance import expect, requirement, writes
from fixtures.driver.authorization_server import Client
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

pytestmark = [writes, pytest.mark.usefixtures("registration_control")]

HOST = "https://client.example.org"
SCRIPT = "javascript:alert(document.domain)//"
#: Redirect URIs that are not URIs by RFC 3986.
NO_URIS = {
    "line_break": f"{HOST}/callback\r\nX-Injected: yes",
    "null_byte": f"{HOST}/callback\x00.example.com",
    "blank": f"{HOST}/call back",
    "backslash": f"{HOST}\\@attacker.example.org/callback",
    "not_ascii": "https://cliеnt.example.org/callback",  # noqa: RUF001 - the point of it
    "empty": "",
}
#: Parameters of authorization requests: a good one, and two that are answered with an error.
TO_THE_REDIRECT_URI = [{}, {"prompt": "none"}, {"response_type": "conformance"}]
#: Patterns that a server might match instead of comparing, and URIs that they would match.
WILDCARDS = {
    "host": ("https://*.example.org/callback", "https://attacker.example.org/callback"),
    "path": (f"{HOST}/*", f"{HOST}/open?to=https://attacker.example.org"),
    "everything": ("https://*", "https://attacker.example.org/callback"),
    "regular_expression": (
        "https://client.example.org.*",
        "https://client.example.org.attacker.example.org",
    ),
}
#: Members with a URL that a page of the server might show or follow.
LINKS = [
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
    "jwks_uri",
    "initiate_login_uri",
    "post_logout_redirect_uris",
]
#: Values of a JSON type that the member does not have.
VALUES = {
    "null": None,
    "number": 7,
    "boolean": True,
    "object": {"a": "b"},
    "list_of_objects": [{"a": "b"}],
    "empty_list": [],
}
TYPES = [
    ("redirect_uris", "number"),
    ("redirect_uris", "list_of_objects"),
    ("post_logout_redirect_uris", "boolean"),
    ("contacts", "number"),
    ("grant_types", "boolean"),
    ("response_types", "number"),
    ("scope", "null"),
    ("scope", "number"),
    ("scope", "object"),
    ("scope", "empty_list"),
    ("client_name", "null"),
    ("client_name", "number"),
    ("client_name", "object"),
    ("application_type", "object"),
    ("token_endpoint_auth_method", "object"),
    ("jwks", "number"),
    ("jwks", "list_of_objects"),
    ("jwks_uri", "object"),
    ("initiate_login_uri", "object"),
    ("subject_type", "boolean"),
]
LONG: dict[str, dict[str, Any]] = {
    "name_255": {"client_name": "n" * 255},
    "name_10000": {"client_name": "n" * 10_000},
    "secret_contact": {"contacts": [f"{'c' * 70_000}@example.org"]},
    "policy": {"policy_uri": f"{HOST}/{'p' * 70_000}"},
    "scope": {"scope": " ".join([SCOPE] * 1500)},
}
#: Bodies that only some parsers accept as JSON.
BODIES = {
    "deep": b'{"client_name":' + b'{"a":' * 600 + b"1" + b"}" * 601,
    "trailing": b'{"client_name":"a"} {"client_name":"b"}',
    "comment": b'{"client_name":"a" /* b */}',
    "not_utf8": b'{"client_name":"\xff\xfe"}',
    "xml": b'<?xml version="1.0"?><client><client_name>a</client_name></client>',
}


@requirement("RFC7591-hostile-types")
@pytest.mark.parametrize(("member", "value"), TYPES)
def test_value_of_any_type_breaks_nothing(new_client, member, value):
    response = new_client.register(
        new_client.confidential_metadata(SCOPE) | {member: VALUES[value]}
    )

    client_or_error(response)


@requirement("RFC7591-hostile-bodies")
@pytest.mark.parametrize("body", list(BODIES))
def test_odd_body_is_refused(new_client, body):
    headers = {"Content-Type": "application/json"}
    response = new_client.register(None, content=BODIES[body], headers=headers)

    expect.refused(response)
    client_or_error(response)


@requirement("RFC7591-hostile-bodies")
def test_member_that_is_given_twice_counts_once(new_client):
    good = json.dumps(new_client.public_metadata() | {"client_name": "the first"})
    body = good[:-1] + ', "client_name": "the second"}'
    headers = {"Content-Type": "application/json"}
    response = new_client.register(None, content=body, headers=headers)

    client_or_error(response)
    name = expect.json_object(response).get("client_name", "the second")
    expect.that(name in {"the first", "the second"}, "one of the two names", name, response)


@requirement("RFC7591-3.1-content-type-missing")
@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml"], ids=["none", "text", "xml"])
def test_registration_of_another_media_type_breaks_nothing(new_client, kind):
    headers = {"Content-Type": kind} if kind else {}
    body = json.dumps(new_client.public_metadata()).encode()
    response = new_client.register(None, content=body, headers=headers)

    client_or_error(response)


@requirement("RFC7591-robust-sizes")
@pytest.mark.parametrize("what", list(LONG))
def test_long_value_is_kept_or_refused(new_client, what):
    sent = LONG[what]
    response = new_client.register(new_client.confidential_metadata(SCOPE) | sent)

    client_or_error(response, 400, 413)
    if response.is_success:
        for name, value in sent.items():
            kept = expect.member(response, name)
            whole = kept == value or (name == "scope" and {*kept.split()} == {*value.split()})
            received = f"{len(str(kept))} of {len(str(value))} letters"
            expect.that(whole, f"{name} whole", received, response)


@requirement("RFC7591-robust-sizes")
def test_long_name_reaches_the_user_whole(new_client, browser, admin):
    name = "n" * 255
    response = new_client.register(new_client.public_metadata() | {"client_name": name})

    client_or_error(response, 400, 413)
    if response.is_success:
        client = new_client.enable_if_needed(Client(expect.member(response, "client_id", kind=str)))
        page = browser.follow_redirects(browser.log_in(browser.open(client, SCOPE), admin))
        shown = max((len(each) for each in re.findall("n{20,}", page.text)), default=0)
        expect.that(shown >= len(name), "the name whole", f"{shown} letters of {len(name)}", page)


@requirement("RFC7591-robust-sizes")
def test_last_of_many_redirect_uris_is_usable(new_client, browser):
    uris = [f"{HOST}/callback/{number}/{'x' * 400}" for number in range(200)]
    response = new_client.register(new_client.public_metadata(redirect_uris=uris))

    client_or_error(response, 400, 413)
    if response.is_success:
        client = Client(expect.member(response, "client_id", kind=str), redirect_uri=uris[-1])
        expect.login_page(browser.open(new_client.enable_if_needed(client), SCOPE))


@requirement("RFC3986-redirect-uri-syntax")
@pytest.mark.parametrize("bad", list(NO_URIS))
@pytest.mark.usefixtures("authorization_control")
def test_redirect_uri_that_is_no_uri_is_unusable(new_client, browser, bad):
    unusable(new_client, browser, NO_URIS[bad], NO_URIS[bad])


@requirement("RFC6749-10.14-redirect-uri-raw")
@pytest.mark.parametrize("bad", list(NO_URIS))
def test_redirect_uri_that_is_no_uri_leads_nowhere_else(new_client, browser, bad):
    """A server may refuse it, repair it, or send the browser there as it is written."""
    uri = NO_URIS[bad]
    response = new_client.register(new_client.public_metadata(redirect_uris=[uri]))
    if not response.is_success:
        return  # it leads nowhere; other requirements judge the form of the refusal
    client = Client(expect.member(response, "client_id", kind=str), redirect_uri=uri)
    for parameters in TO_THE_REDIRECT_URI:
        page = browser.open(client, SCOPE, parameters=parameters)

        expect.header(page, "X-Injected", absent=True)
        location = page.headers.get("location", "")
        raw = re.search(r"[\x00-\x1f\x7f]", location)
        expect.that(raw is None, "no control character in Location", location, page)
        leads_to = urljoin(str(page.request.url), location.replace("\\", "/"))
        own = {page.request.url.host, host_of(uri)}
        expect.that(host_of(leads_to) in own, f"no host but {sorted(own)}", location, page)


@requirement("RFC9110-4.2.4-userinfo")
@pytest.mark.parametrize(
    "uri",
    ["https://client.example.org@attacker.example.org/", "https://user:word@client.example.org/"],
    ids=["disguise", "password"],
)
@pytest.mark.usefixtures("authorization_control")
def test_redirect_uri_with_a_user_name_is_unusable(new_client, browser, uri):
    unusable(new_client, browser, uri, uri)


@requirement("RFC9700-2.1-wildcards")
@pytest.mark.parametrize("pattern", list(WILDCARDS))
@pytest.mark.usefixtures("authorization_control")
def test_redirect_uri_is_no_pattern(new_client, browser, pattern):
    registered, used = WILDCARDS[pattern]
    unusable(new_client, browser, registered, used)


@requirement("RFC8252-8.4-scheme-without-period")
@pytest.mark.parametrize("scheme", ["myapp", "vbscript"])
@pytest.mark.usefixtures("authorization_control")
def test_scheme_without_a_domain_is_unusable(new_client, browser, scheme):
    uri = f"{scheme}:/callback"
    unusable(new_client, browser, uri, uri)


@pytest.fixture(scope="module")
def registration_with_links(registrar):
    """Registers a client with script links, with all members at once if that works.

    `registration_with_links(member)`
    """

    def ask(*members):
        bad = {each: [SCRIPT] if each.endswith("s") else SCRIPT for each in members}
        return registrar.register(registrar.confidential_metadata(SCOPE) | bad)

    with contextlib.suppress(Blocked):
        with_all = ask(*LINKS)
        if with_all.is_success:
            return lambda _: with_all
    return ask


@requirement("RFC7591-2-link-schemes")
@pytest.mark.parametrize("member", LINKS)
def test_link_that_a_browser_runs_is_not_registered(registration_with_links, member):
    response = registration_with_links(member)

    client_or_error(response)
    kept = expect.json_object(response).get(member) if response.is_success else None
    refused = kept not in (SCRIPT, [SCRIPT])
    expect.that(refused, f"{member} refused or left out", kept, response)


@requirement("RFC7591-2-no-header-injection")
@pytest.mark.parametrize("member", ["client_name", "scope", "token_endpoint_auth_method"])
def test_line_breaks_reach_no_header(new_client, browser, member):
    broken = "a\r\nX-Injected: yes\r\n\r\n<script>"
    response = new_client.register(new_client.public_metadata() | {member: broken})
    answers = [response]
    if response.is_success:
        client = Client(expect.member(response, "client_id", kind=str))
        answers.append(browser.open(client, SCOPE))

    client_or_error(response)
    for answer in answers:
        expect.header(answer, "X-Injected", absent=True)


def client_or_error(response, *refusals):
    """Expect a client, or a refusal as a JSON object with an error."""
    expect.no_server_error(response)
    body = expect.json_object(response)
    if response.is_success:
        expect.member(response, "client_id", kind=str)
        return
    expect.status(response, *(refusals or (400, 413, 415)))
    expect.member(response, "error", kind=str)
    expect.that("client_id" not in body, "no client in a refusal", sorted(body), response)


def host_of(uri):
    """Return the host of a URI as browsers read it; empty if it has none."""
    host = unquote(urlsplit(uri.replace("\\", "/")).hostname or "")
    with contextlib.suppress(UnicodeError):
        return host.encode("idna").decode()
    return host


def unusable(new_client, browser, registered, used):
    """Expect the URI to be refused, at registration or when it is used."""
    response = new_client.register(new_client.public_metadata(redirect_uris=[registered]))
    if not response.is_success:
        expect.oauth_error(response, "invalid_redirect_uri", "invalid_client_metadata")
        return
    client = Client(expect.member(response, "client_id", kind=str), redirect_uri=used)
    page = browser.open(client, SCOPE)

    said = f"{registered!r} was registered, and {exchange_line(page.request, page)} for {used!r}"
    login = page.status_code == 200 and "password" in page.text
    expect.that(not login, "a refusal, not the login page", said, page)
    expect.that(not page.is_redirect, "no redirect to it", said, page)
