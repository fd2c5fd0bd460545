"""The exchange of an authorization code: once, by its client, to its redirect URI."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import REDIRECT_URI, exchange_form, require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.given.faulty_redemptions import gives_tokens
from fixtures.wire.client import Blocked

SCOPE = "openid api:oemr user/patient.read"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
#: A second address of the same client.
OTHER_URI = "https://client.example.org/other"
#: What is sent in place of the redirect URI; None leaves it out.
OTHER_ADDRESSES = {
    "other_registered": OTHER_URI,
    "slash_at_the_end": f"{REDIRECT_URI}/",
    "other_host": "https://attacker.example.org/callback",
    "left_out": None,
    "empty": "",
}


@pytest.fixture(scope="module")
def exchanges(server, registrar, lent_clients, code_redemptions):
    """The answers to exchanges of a client's code by others, and with other redirect URIs."""
    client = registrar.confidential(OFFLINE_SCOPE, redirect_uris=[REDIRECT_URI, OTHER_URI])
    others = {"confidential": lent_clients.confidential(SCOPE), "public": lent_clients.public()}

    def by(sender):
        return lambda code: server.exchange(sender, code.value, verifier=code.verifier)

    def with_address(uri):
        return lambda code: server.token(
            exchange_form(client, code.value, code.verifier) | {"redirect_uri": uri},
            client.authentication(),
        )

    return code_redemptions(
        client,
        OFFLINE_SCOPE,
        {kind: by(other) for kind, other in others.items()}
        | {name: with_address(uri) for name, uri in OTHER_ADDRESSES.items()},
    )


@pytest.fixture(scope="module")
def replayed(server, exchanges, lent_clients, admin):
    """The answers to the second exchange of a code, and to a refresh with what the first gave."""
    good, answer = exchanges.redeemed or (None, None)
    if good is not None and good.fresh:
        client, code, verifier = good.client, good.value, good.verifier
    else:
        client = lent_clients.confidential(OFFLINE_SCOPE)
        allowed = Browser(server).authorize(client, admin, OFFLINE_SCOPE)
        code, verifier = allowed.code, allowed.verifier
        answer = server.exchange(client, code, verifier=verifier)
    token = require_tokens(answer).get("refresh_token")
    second = server.exchange(client, code, verifier=verifier)
    return second, server.refresh(client, token) if token else None


@requirement("RFC6749-4.1.3-code-single-use")
def test_code_is_exchanged_once_only(replayed):
    """An authorization code can be exchanged once only."""
    second, _ = replayed

    expect.no_token(second, "the code was used before, so whoever sees it could use it again")


@requirement("RFC6749-4.1.3-replay-revokes")
def test_replay_of_a_code_revokes_its_tokens(replayed):
    """A second use of a code revokes the tokens that were issued for it."""
    _, refresh = replayed
    if refresh is None:
        raise Blocked("no refresh_token to judge with, though offline_access was asked for")

    expect.no_token(refresh, "its code was sent twice, so one of the senders has stolen it")


@requirement("RFC6749-4.1.3-code-bound-to-client")
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_code_of_another_client_is_refused(exchanges, kind):
    """A code is exchanged by the client that it was issued to, and by no other."""
    expect.no_token(exchanges[kind])


@requirement("RFC6749-4.1.3-redirect-uri-match")
@pytest.mark.parametrize("uri", ["other_registered", "slash_at_the_end", "other_host"])
def test_code_exchange_with_another_redirect_uri_is_refused(exchanges, uri):
    """The redirect URI of the code exchange is that of the authorization request."""
    expect.no_token(exchanges[uri])


@requirement("RFC6749-4.1.3-redirect-uri-missing")
@pytest.mark.parametrize("uri", ["left_out", "empty"])
def test_code_exchange_without_the_redirect_uri_is_refused(exchanges, uri):
    """The code exchange has a redirect URI if the authorization request had one."""
    expect.no_token(exchanges[uri])


@requirement("RFC6749-4.1.3-code-garbage")
@pytest.mark.parametrize("bent", ["cut", "flipped", "longer", "unicode", "long"])
def test_bent_code_is_refused(server, unused_code, bent):
    """A code that is cut, changed or garbage is refused with a status of 400."""
    client, code, verifier = unused_code
    response = server.exchange(client, bend(code)[bent], verifier=verifier)

    expect.no_token(response)
    expect.status(response, 400)
    expect.json_object(response)


@requirement("RFC6749-4.1.3-code-missing")
def test_code_exchange_without_a_code_is_an_invalid_request(server, confidential_client):
    """A code exchange without a code is an invalid_request."""
    form = {"grant_type": "authorization_code", "redirect_uri": confidential_client.redirect_uri}
    response = server.token(form, confidential_client.authentication())

    expect.oauth_error(response, "invalid_request")


@requirement("RFC6749-5.2-invalid-grant-code")
@pytest.mark.parametrize("fault", ["garbage", "other_client", "other_redirect_uri"])
def test_bad_code_is_an_invalid_grant(server, exchanges, unused_code, fault):
    """A code that is unknown, foreign or meant for another redirect URI is an invalid_grant."""
    if fault == "garbage":
        client, code, verifier = unused_code
        response = server.exchange(client, bend(code)["flipped"], verifier=verifier)
    else:
        answer = {"other_client": "confidential", "other_redirect_uri": "other_registered"}
        response = exchanges[answer[fault]]

    expect.oauth_error(response, "invalid_grant")


@requirement("RFC6749-4.1.3-no-scope-widening")
def test_scope_of_the_code_exchange_widens_nothing(server, authorization, new_client, api):
    """A scope in the code exchange does not widen what the user consented to."""
    client = new_client.confidential("openid api:oemr user/patient.read user/facility.read")
    _, allowed = authorization("openid api:oemr user/patient.read", client=client)
    response = server.exchange(
        client,
        allowed.code,
        verifier=allowed.verifier,
        scope="openid api:oemr user/patient.read user/facility.read",
    )
    body = response.json() if response.status_code == 200 else {}

    expect.no_server_error(response)
    expect.that(
        "user/facility.read" not in str(body.get("scope", "")).split(),
        "a scope without user/facility.read",
        body.get("scope"),
        response,
    )
    if body:
        expect.refused(api.get("/api/facility", body["access_token"]))


@requirement("RFC6749-4.1.1-no-state-redeemable")
def test_code_of_a_request_without_state_is_exchanged(server, stateless, authorization):
    """A code that was issued to a request without state can be exchanged."""
    response = stateless and stateless.response
    if response is None:
        client, allowed = authorization(SCOPE, parameters={"state": None})
        response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)


@requirement("OPENEMR-CODE-public-client-id-body")
def test_public_client_exchanges_a_code_with_its_id(
    server, new_client, browser, admin, app_exchange
):
    """A public client exchanges its code with its client_id and without a secret."""
    response = app_exchange
    if not gives_tokens(response):  # what else was sent is not to matter
        client = new_client.public()
        allowed = browser.authorize(client, admin, client.scope)
        response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC6749-4.1.3-public-client-id")
def test_code_exchange_without_a_client_id_is_refused(app_exchanges):
    """A public client has to send its client_id."""
    response = app_exchanges["without_id"]

    expect.no_token(response)
    expect.oauth_error(
        response, "invalid_request", "invalid_client", "invalid_grant", statuses=(400, 401)
    )


def bend(code):
    """Return codes that differ from a good one, by the name of the difference."""
    last = "A" if code[-1] != "A" else "B"
    middle = len(code) // 2
    # Of codes in hexadecimal digits, as OpenEMR's are, A is the same as a.
    flipped = "a" if code[middle] not in "aA" else "b"
    return {
        "cut": code[:middle],
        "flipped": code[:middle] + flipped + code[middle + 1 :],
        "longer": code + last,
        "unicode": code[:-1] + "ü€",
        "long": code * 8,
    }
