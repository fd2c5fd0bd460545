"""Transport security of an https deployment."""

from typing import Any

import pytest

from conformance import expect, requirement
from fixtures.wire import tls
from fixtures.wire.client import Blocked
from fixtures.wire.tls import Version

#: Cipher suites without protection, by what they lack (RFC 9325 section 4.1).
EMPTY_SUITES = {"encryption": "eNULL", "authentication": "aNULL"}
METADATA = "/.well-known/openid-configuration"
#: Requests over plain http by endpoint: method, path and body. No value is valid, or a secret.
IN_CLEAR: dict[str, tuple[str, str, dict[str, Any]]] = {
    "metadata": ("GET", METADATA, {}),
    "authorize": (
        "GET",
        "/authorize?response_type=code&client_id=in-clear&redirect_uri=https://in-clear.example.org",
        {},
    ),
    "token": (
        "POST",
        "/token",
        {"data": {"grant_type": "authorization_code", "client_id": "in-clear", "code": "in-clear"}},
    ),
    "registration": ("POST", "/registration", {"json": {"redirect_uris": []}}),
}


@requirement("TLS-1.2-min")
def test_current_versions_are_accepted(target):
    shaken = tls.handshake(target, Version.TLSv1_2, Version.TLSv1_3)

    expect.that(shaken.version, "a handshake with TLS 1.2 or 1.3", "a refusal", shaken.exchange)


@requirement("TLS-1.3-supported")
def test_newest_version_is_preferred(target):
    shaken = tls.handshake(target, Version.TLSv1_2, Version.TLSv1_3)

    expect.equal(shaken.version, "TLSv1.3", "the version", shaken.exchange)


@requirement("TLS-old-refused")
@pytest.mark.parametrize("version", [Version.TLSv1, Version.TLSv1_1], ids=["1.0", "1.1"])
def test_old_versions_are_refused(target, version):
    if not tls.can_offer(version):
        raise Blocked("the TLS library of this machine does not offer that version any more")
    shaken = tls.handshake(target, version, version)

    expect.that(shaken.version is None, "a refused handshake", str(shaken.version), shaken.exchange)


@requirement("TLS-weak-ciphers")
@pytest.mark.parametrize("lacking", list(EMPTY_SUITES))
def test_suites_that_protect_nothing_are_refused(target, lacking):
    shaken = tls.handshake(target, Version.TLSv1_2, Version.TLSv1_2, EMPTY_SUITES[lacking])

    received = f"one, of {shaken.version}"
    expect.that(
        shaken.version is None, f"no handshake without {lacking}", received, shaken.exchange
    )


@requirement("TLS-forward-secrecy")
def test_suites_without_forward_secrecy_are_refused(target):
    shaken = tls.handshake(target, Version.TLSv1_2, Version.TLSv1_2, "kRSA")

    received = f"one, of {shaken.version}"
    expect.that(
        shaken.version is None, "no handshake without forward secrecy", received, shaken.exchange
    )


@requirement("TLS-certificate")
def test_certificate_is_valid(target):
    shaken = tls.verified_handshake(target)

    expect.that(shaken.version, "a trusted certificate", shaken.refusal, shaken.exchange)


@requirement("TLS-http-refused")
@pytest.mark.parametrize("endpoint", list(IN_CLEAR))
def test_clear_text_is_refused(target, http, endpoint):
    method, path, body = IN_CLEAR[endpoint]
    answers = tls.over_plain_http(target, http, f"/oauth2/{target.site}{path}", method, **body)

    for answer in answers:
        expect.that(not answer.is_success, "no document over http", answer.status_code, answer)
        leads_to = answer.headers.get("location", "https:")
        expect.that(leads_to.startswith("https:"), "https, or no redirect", leads_to, answer)
        # An error of OAuth comes from the endpoint, which has read the request in clear.
        oauth = answer.status_code in {400, 401} and '"error"' in answer.text
        expect.that(not oauth, "no error of the endpoint over http", answer.text, answer)


@requirement("TLS-hsts-not-over-http")
def test_plain_answers_do_not_speak_of_https(target, http):
    answers = tls.over_plain_http(target, http, f"/oauth2/{target.site}{METADATA}")

    for answer in answers:
        expect.header(answer, "Strict-Transport-Security", absent=True)


@requirement("TLS-hsts")
def test_browsers_are_told_to_stay_with_https(discovery):
    expect.header(discovery, "Strict-Transport-Security", contains="max-age=")
