"""Proof Key for Code Exchange: a code is worth nothing without its verifier."""

import hashlib
import string
from base64 import urlsafe_b64encode

import pytest

from conformance import expect, requirement
from fixtures.login import Browser
from fixtures.oauth import Pkce
from fixtures.registrar import LOGIN_SCOPE as SCOPE

UNRESERVED = string.ascii_letters + string.digits + "-._~"
#: What has no challenge, or one that is none.
NO_CHALLENGE = {"code_challenge": None, "code_challenge_method": None}
EMPTY_CHALLENGE = {"code_challenge": ""}
METHOD_ONLY = {"code_challenge": None}
WITHOUT_CHALLENGE = [
    pytest.param(NO_CHALLENGE, id="missing"),
    pytest.param(EMPTY_CHALLENGE, id="empty"),
    pytest.param(METHOD_ONLY, id="method_only"),
]
CONFIDENTIAL_SCOPE = "openid api:fhir launch/patient patient/Patient.read"


@pytest.fixture
def flow(new_client, browser, admin):
    """Logs the administrator in to a public client of its own; gives client and authorization."""

    def make(pkce=None, kind="public", **parameters):
        client = getattr(new_client, kind)(SCOPE)
        wishes = parameters or None
        return client, browser.authorize(client, admin, SCOPE, pkce=pkce, parameters=wishes)

    return make


def s256(verifier):
    """Return the verifier with its challenge."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier, urlsafe_b64encode(digest).decode().rstrip("="))


def redeemed(server, client, answer, verifier):
    """Exchange the code, if the authorization brought one; without one there is nothing to get."""
    return server.exchange(client, answer.parameters.get("code", "none"), verifier=verifier)


@requirement("RFC7636-4.3-s256-accepted")
@pytest.mark.parametrize(
    "verifier",
    [UNRESERVED[:43], (UNRESERVED * 2)[:128], UNRESERVED[::-1]],
    ids=["shortest", "longest", "all_letters"],
)
def test_right_verifier_brings_a_token(flow, server, verifier):
    """A verifier of 43 to 128 unreserved characters that fits the challenge brings a token."""
    client, answer = flow(s256(verifier))
    response = server.exchange(client, answer.code, verifier=verifier)

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC7636-4.6-wrong-verifier")
def test_wrong_verifier_is_refused(flow, server):
    """A verifier that does not fit the challenge is refused with invalid_grant."""
    client, answer = flow()
    response = server.exchange(client, answer.code, verifier=Pkce.new().verifier)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_grant")


@requirement("RFC7636-4.6-missing-verifier")
@pytest.mark.parametrize("verifier", [None, ""], ids=["missing", "empty"])
def test_code_without_its_verifier_is_refused(flow, server, verifier):
    """A code with a challenge cannot be exchanged without its verifier."""
    client, answer = flow()
    response = server.exchange(client, answer.code, verifier=verifier)

    expect.no_token(response)
    expect.oauth_error(response, "invalid_grant", "invalid_request")


@requirement("RFC7636-4.6-challenge-as-verifier")
@pytest.mark.parametrize("beside", ["nothing", "plain"])
def test_challenge_is_no_verifier(flow, server, beside):
    """The challenge itself is refused as a verifier."""
    pkce = Pkce.new()
    # RFC 7636 has no such parameters at the token endpoint: they must not switch the method.
    added = {
        "nothing": {},
        "plain": {"code_challenge_method": "plain", "code_challenge": pkce.challenge},
    }[beside]
    client, answer = flow(pkce)
    response = server.exchange(client, answer.code, verifier=pkce.challenge, **added)

    expect.no_token(response)


@requirement("RFC7636-4.1-verifier-charset")
@pytest.mark.parametrize(
    "verifier",
    [UNRESERVED[:42], (UNRESERVED * 2)[:129], UNRESERVED[:42] + "!"],
    ids=["short", "long", "letter"],
)
def test_malformed_verifier_is_refused(flow, server, verifier):
    """A verifier of other than 43 to 128 unreserved characters is refused, even if it fits."""
    client, answer = flow(s256(verifier))
    response = server.exchange(client, answer.code, verifier=verifier)

    expect.no_token(response)


@requirement("RFC7636-4.2-challenge-syntax")
@pytest.mark.parametrize(
    "challenge",
    [UNRESERVED[:42], UNRESERVED[:42] + "=", UNRESERVED[:42] + "+"],
    ids=["short", "padded", "letter"],
)
def test_malformed_challenge_is_refused(flow, challenge):
    """A challenge that is no SHA-256 digest in base64url is refused at the authorization."""
    _, answer = flow(code_challenge=challenge)

    expect.no_code(answer)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.4.1-unsupported-method")
@pytest.mark.parametrize("method", ["S512", "s256", "PLAIN", "none", "S256 plain"])
def test_unknown_challenge_method_is_refused(flow, method):
    """An unknown code_challenge_method is refused with invalid_request."""
    _, answer = flow(code_challenge_method=method)

    expect.no_code(answer)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.2-plain-rejected")
@pytest.mark.parametrize("method", ["plain", None], ids=["plain", "default"])
def test_plain_challenge_is_refused(flow, server, method):
    """The plain challenge method, which is also the default, brings no token."""
    verifier = Pkce.new().verifier
    client, answer = flow(Pkce(verifier, verifier), code_challenge_method=method)
    response = redeemed(server, client, answer, verifier)

    expect.no_token(response)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.4.1-public-required")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
def test_public_client_without_a_challenge_gets_no_token(flow, server, wishes):
    """A public client without a code_challenge gets no token."""
    client, answer = flow(**wishes)
    response = redeemed(server, client, answer, None)

    expect.no_token(response)
    expect.no_server_error(answer.response)
    expect.authorization_error(answer, "invalid_request")


@requirement("SMART-2.0-pkce-all-clients")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
def test_confidential_client_without_a_challenge_gets_no_token(flow, server, wishes):
    """A confidential client without a code_challenge gets no token either."""
    client, answer = flow(kind="confidential", **wishes)
    response = redeemed(server, client, answer, None)

    expect.no_token(response)
    expect.no_server_error(answer.response)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC9700-2.1.1-verifier-without-challenge")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
def test_verifier_without_a_challenge_is_refused(flow, server, wishes):
    """A verifier is refused where the authorization request had no challenge."""
    client, answer = flow(kind="confidential", **wishes)
    response = redeemed(server, client, answer, Pkce.new().verifier)

    expect.no_token(response)


@requirement("PKCE-code-bound-to-challenge")
@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_code_is_bound_to_its_own_challenge(new_client, server, admin, which):
    """With two flows open a code is not exchanged with the verifier of the other one."""
    client = new_client.public(SCOPE)
    answers = [Browser(server).authorize(client, admin, SCOPE) for _ in range(2)]
    code, verifier = answers[which].code, answers[1 - which].verifier
    response = server.exchange(client, code, verifier=verifier)

    expect.no_token(response)
