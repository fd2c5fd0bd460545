"""Proof Key for Code Exchange: a code is useless without its verifier."""

import hashlib
import string
from base64 import urlsafe_b64encode

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import Pkce
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.given.authorizations import SHORTEST_VERIFIER
from fixtures.given.faulty_redemptions import Redeemable, Redemptions, gives_tokens
from fixtures.given.once import once

UNRESERVED = string.ascii_letters + string.digits + "-._~"
RIGHT = {
    "shortest": SHORTEST_VERIFIER,
    "longest": (UNRESERVED * 2)[:128],
    "all_letters": UNRESERVED[::-1],
}
#: Parameters without a challenge, or with an empty one.
NO_CHALLENGE = {"code_challenge": None, "code_challenge_method": None}
EMPTY_CHALLENGE = {"code_challenge": ""}
METHOD_ONLY = {"code_challenge": None}
WITHOUT_CHALLENGE = [
    pytest.param(NO_CHALLENGE, id="missing"),
    pytest.param(EMPTY_CHALLENGE, id="empty"),
    pytest.param(METHOD_ONLY, id="method_only"),
]


@pytest.fixture
def code_flow(new_client, browser, admin):
    """Logs the administrator in to a new public client; returns client and authorization."""

    def make(pkce=None, kind="public", **parameters):
        client = getattr(new_client, kind)(SCOPE)
        wishes = parameters or None
        return client, browser.authorize(client, admin, SCOPE, pkce=pkce, parameters=wishes)

    return make


def s256(verifier):
    """Return a verifier with its challenge."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier, urlsafe_b64encode(digest).decode().rstrip("="))


def redeemed(server, client, answer, verifier):
    """Exchange the code of an authorization, or a made-up one if it has none."""
    return server.exchange(client, answer.parameters.get("code", "none"), verifier=verifier)


@pytest.fixture(scope="module")
def responses_to_verifiers(server, pooled_clients, code_redemptions):
    """The responses to exchanges of a code with wrong verifiers, and finally the right one."""
    pkce = s256(RIGHT["all_letters"])
    client = pooled_clients.public(SCOPE)
    # RFC 7636 has no such parameters at the token endpoint: they must not change the method.
    plain = {"code_challenge_method": "plain", "code_challenge": pkce.challenge}

    def with_verifier(verifier, **added):
        return lambda code: server.exchange(client, code.value, verifier=verifier, **added)

    requests = {
        "wrong": with_verifier(Pkce.new().verifier),
        "missing": with_verifier(None),
        "empty": with_verifier(""),
        "nothing": with_verifier(pkce.challenge),
        "plain": with_verifier(pkce.challenge, **plain),
        "all_letters": with_verifier(pkce.verifier),
    }
    return code_redemptions(client, SCOPE, requests, proof=False, pkce=pkce)


@pytest.fixture(scope="module")
def swapped_verifiers(server, pooled_clients, admin):
    """The responses to two codes of one client, each sent with the other's verifier.

    The last response is to the second code with its own verifier.
    """
    client = pooled_clients.public(SCOPE)
    pair = s256(RIGHT["shortest"]), s256(RIGHT["longest"])
    firsts = []

    def second():
        codes = [Browser(server).authorize(client, admin, SCOPE, pkce=each).code for each in pair]
        firsts.append(codes[0])
        return Redeemable(client, codes[1], pair[1].verifier)

    made = Redemptions()
    requests = {
        "first": lambda _: server.exchange(client, firsts[-1], verifier=pair[1].verifier),
        "second": lambda code: server.exchange(client, code.value, verifier=pair[0].verifier),
        "longest": lambda code: server.exchange(client, code.value, verifier=code.verifier),
    }
    made.send(requests, second, None)
    return made


@requirement("RFC7636-4.3-s256-accepted")
@pytest.mark.parametrize("verifier", RIGHT)
def test_right_verifier_brings_a_token(request, code_flow, server, verifier):
    if verifier == "shortest":
        response = request.getfixturevalue("browser_app_token_response")
    else:
        shared = {"longest": "swapped_verifiers", "all_letters": "responses_to_verifiers"}[verifier]
        response = request.getfixturevalue(shared)[verifier]
    if not gives_tokens(response):  # the other parameters must not matter
        client, answer = code_flow(s256(RIGHT[verifier]))
        response = server.exchange(client, answer.code, verifier=RIGHT[verifier])

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC7636-4.6-wrong-verifier")
def test_wrong_verifier_is_refused(responses_to_verifiers):
    response = responses_to_verifiers.fault("wrong", right="all_letters")

    expect.no_token(response)
    expect.oauth_error(response, "invalid_grant")


@requirement("RFC7636-4.6-missing-verifier")
@pytest.mark.parametrize("verifier", ["missing", "empty"])
def test_code_without_its_verifier_is_refused(responses_to_verifiers, verifier):
    response = responses_to_verifiers.fault(verifier, right="all_letters")

    expect.no_token(response)
    expect.oauth_error(response, "invalid_grant", "invalid_request")


@requirement("RFC7636-4.6-challenge-as-verifier")
@pytest.mark.parametrize("beside", ["nothing", "plain"])
def test_challenge_is_no_verifier(responses_to_verifiers, beside):
    expect.no_token(responses_to_verifiers.fault(beside, right="all_letters"))


@requirement("RFC7636-4.1-verifier-charset")
@pytest.mark.parametrize(
    "verifier",
    [UNRESERVED[:42], (UNRESERVED * 2)[:129], UNRESERVED[:42] + "!"],
    ids=["short", "long", "letter"],
)
@pytest.mark.usefixtures("public_code_exchange_control")
def test_malformed_verifier_is_refused(code_flow, server, verifier):
    client, answer = code_flow(s256(verifier))
    response = server.exchange(client, answer.code, verifier=verifier)

    expect.no_token(response)


@requirement("RFC7636-4.2-challenge-syntax")
@pytest.mark.parametrize(
    "challenge",
    [UNRESERVED[:42], UNRESERVED[:42] + "=", UNRESERVED[:42] + "+"],
    ids=["short", "padded", "letter"],
)
@pytest.mark.usefixtures("public_code_exchange_control")
def test_malformed_challenge_is_refused(code_flow, challenge):
    _, answer = code_flow(code_challenge=challenge)

    expect.no_code(answer)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.4.1-unsupported-method")
@pytest.mark.parametrize("method", ["S512", "s256", "PLAIN", "none", "S256 plain"])
@pytest.mark.usefixtures("public_code_exchange_control")
def test_unknown_challenge_method_is_refused(code_flow, method):
    _, answer = code_flow(code_challenge_method=method)

    expect.no_code(answer)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.2-plain-rejected")
@pytest.mark.parametrize("method", ["plain", None], ids=["plain", "default"])
@pytest.mark.usefixtures("public_code_exchange_control")
def test_plain_challenge_is_refused(code_flow, server, method):
    verifier = Pkce.new().verifier
    client, answer = code_flow(Pkce(verifier, verifier), code_challenge_method=method)
    response = redeemed(server, client, answer, verifier)

    expect.no_token(response)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC7636-4.4.1-public-required")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
@pytest.mark.usefixtures("public_code_exchange_control")
def test_public_client_without_a_challenge_gets_no_token(code_flow, server, wishes):
    client, answer = code_flow(**wishes)
    response = redeemed(server, client, answer, None)

    expect.no_token(response)
    expect.no_server_error(answer.response)
    expect.authorization_error(answer, "invalid_request")


@pytest.fixture(scope="module")
def responses_without_challenge(server, pooled_clients, admin, target):
    """Let a confidential client request a code without a challenge, once for each way.

    Returns the authorization, and the responses to the exchange of the code with a verifier and
    without.
    """
    client = pooled_clients.confidential(SCOPE)
    requests = {
        "verifier": lambda code: server.exchange(client, code.value, verifier=Pkce.new().verifier)
    }
    if "smart.v2_scopes" in target.features:  # if not, no check judges it
        requests["nothing"] = lambda code: server.exchange(client, code.value)

    @once
    def of(parameters):
        authorizations, responses = [], Redemptions()

        def code():
            allowed = Browser(server).authorize(client, admin, SCOPE, parameters=parameters)
            authorizations.append(allowed)
            return Redeemable(client, allowed.parameters.get("code", "none"))

        responses.send(requests, code, None)
        return authorizations[0], responses

    return of


@requirement("SMART-2.0-pkce-all-clients")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
@pytest.mark.usefixtures("code_exchange_control")
def test_confidential_client_without_a_challenge_gets_no_token(responses_without_challenge, wishes):
    answer, responses = responses_without_challenge(wishes)

    expect.no_token(responses["nothing"])
    expect.no_server_error(answer.response)
    expect.authorization_error(answer, "invalid_request")


@requirement("RFC9700-2.1.1-verifier-without-challenge")
@pytest.mark.parametrize("wishes", WITHOUT_CHALLENGE)
@pytest.mark.usefixtures("code_exchange_control")
def test_verifier_without_a_challenge_is_refused(responses_without_challenge, wishes):
    _, responses = responses_without_challenge(wishes)

    expect.no_token(responses["verifier"])


@requirement("PKCE-code-bound-to-challenge")
@pytest.mark.parametrize("which", ["first", "second"])
def test_code_is_bound_to_its_own_challenge(swapped_verifiers, which):
    expect.no_token(swapped_verifiers.fault(which, right="longest"))
