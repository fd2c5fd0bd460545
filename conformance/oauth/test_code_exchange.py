"""The exchange of an authorization code: once, by its client, with its redirect URI."""

import pytest

from conformance import expect, requirement
from fixtures.driver.authorization_server import REDIRECT_URI, exchange_form, require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.given.faulty_redemptions import gives_tokens
from fixtures.wire.client import Blocked

SCOPE = "openid api:oemr user/patient.read"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
#: A second redirect URI of the same client.
OTHER_URI = "https://client.example.org/other"
#: Values in place of the redirect URI; None leaves it out.
OTHER_ADDRESSES = {
    "other_registered": OTHER_URI,
    "slash_at_the_end": f"{REDIRECT_URI}/",
    "other_host": "https://attacker.example.org/callback",
    "left_out": None,
    "empty": "",
}


@pytest.fixture(scope="module")
def code_exchange_responses(server, registrar, pooled_clients, code_redemptions):
    """The responses to exchanges of a code by other clients, and with other redirect URIs."""
    client = registrar.confidential(OFFLINE_SCOPE, redirect_uris=[REDIRECT_URI, OTHER_URI])
    others = {"confidential": pooled_clients.confidential(SCOPE), "public": pooled_clients.public()}

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
def responses_to_replayed_code(server, code_exchange_responses, pooled_clients, admin):
    """The responses to the second exchange of a code, and then to a refresh with its token."""
    if code_exchange_responses.redeemed is not None and code_exchange_responses.redeemed[0].fresh:
        good, answer = code_exchange_responses.redeemed
        client, code, verifier = good.client, good.value, good.verifier
    else:
        client = pooled_clients.confidential(OFFLINE_SCOPE)
        allowed = Browser(server).authorize(client, admin, OFFLINE_SCOPE)
        code, verifier = allowed.code, allowed.verifier
        answer = server.exchange(client, code, verifier=verifier)
    token = require_tokens(answer).get("refresh_token")
    second = server.exchange(client, code, verifier=verifier)
    return second, server.refresh(client, token) if token else None


@requirement("RFC6749-4.1.3-code-single-use")
def test_code_is_exchanged_once_only(responses_to_replayed_code):
    second, _ = responses_to_replayed_code

    expect.no_token(second, "the code was used before, so anybody who sees it could use it again")


@requirement("RFC6749-4.1.3-replay-revokes")
def test_replay_of_a_code_revokes_its_tokens(responses_to_replayed_code):
    _, refresh = responses_to_replayed_code
    if refresh is None:
        raise Blocked("no refresh_token to judge with, though offline_access was asked for")

    expect.no_token(refresh, "its code was sent twice, so one of the senders has stolen it")


@requirement("RFC6749-4.1.3-code-bound-to-client")
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_code_of_another_client_is_refused(code_exchange_responses, kind):
    expect.no_token(code_exchange_responses[kind])


@requirement("RFC6749-4.1.3-redirect-uri-match")
@pytest.mark.parametrize("uri", ["other_registered", "slash_at_the_end", "other_host"])
def test_code_exchange_with_another_redirect_uri_is_refused(code_exchange_responses, uri):
    expect.no_token(code_exchange_responses[uri])


@requirement("RFC6749-4.1.3-redirect-uri-missing")
@pytest.mark.parametrize("uri", ["left_out", "empty"])
def test_code_exchange_without_the_redirect_uri_is_refused(code_exchange_responses, uri):
    expect.no_token(code_exchange_responses[uri])


@requirement("RFC6749-4.1.3-code-garbage")
@pytest.mark.parametrize("bent", ["cut", "flipped", "longer", "unicode", "long"])
@pytest.mark.usefixtures("code_exchange_control")
def test_bent_code_is_refused(server, unused_authorization, bent):
    client, unused = unused_authorization
    code, verifier = unused.code, unused.verifier
    response = server.exchange(client, bend(code)[bent], verifier=verifier)

    expect.no_token(response)
    expect.status(response, 400)
    expect.json_object(response)


@requirement("RFC6749-4.1.3-code-missing")
@pytest.mark.usefixtures("code_exchange_control")
def test_code_exchange_without_a_code_is_an_invalid_request(server, confidential_client):
    form = {"grant_type": "authorization_code", "redirect_uri": confidential_client.redirect_uri}
    response = server.token(form, confidential_client.authentication())

    expect.oauth_error(response, "invalid_request")


@requirement("RFC6749-5.2-invalid-grant-code")
@pytest.mark.parametrize("fault", ["garbage", "other_client", "other_redirect_uri"])
@pytest.mark.usefixtures("code_exchange_control")
def test_bad_code_is_an_invalid_grant(server, code_exchange_responses, unused_authorization, fault):
    if fault == "garbage":
        client, unused = unused_authorization
        code, verifier = unused.code, unused.verifier
        response = server.exchange(client, bend(code)["flipped"], verifier=verifier)
    else:
        answer = {"other_client": "confidential", "other_redirect_uri": "other_registered"}
        response = code_exchange_responses[answer[fault]]

    expect.oauth_error(response, "invalid_grant")


@requirement("RFC6749-4.1.3-no-scope-widening")
@pytest.mark.usefixtures("code_exchange_control")
def test_scope_of_the_code_exchange_widens_nothing(server, new_authorization, new_client, api):
    client = new_client.confidential("openid api:oemr user/patient.read user/facility.read")
    _, allowed = new_authorization("openid api:oemr user/patient.read", client=client)
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
def test_code_of_a_request_without_state_is_exchanged(
    server, code_flow_without_state, new_authorization
):
    response = code_flow_without_state and code_flow_without_state.response
    if response is None:
        client, allowed = new_authorization(SCOPE, parameters={"state": None})
        response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)


@requirement("OPENEMR-CODE-public-client-id-body")
def test_public_client_exchanges_a_code_with_its_id(
    server, new_client, browser, admin, browser_app_token_response
):
    response = browser_app_token_response
    if not gives_tokens(response):  # the other parameters must not matter
        client = new_client.public()
        allowed = browser.authorize(client, admin, client.scope)
        response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC6749-4.1.3-public-client-id")
def test_code_exchange_without_a_client_id_is_refused(browser_app_token_responses):
    response = browser_app_token_responses.fault("without_id", right="rightly")

    expect.no_token(response)
    expect.oauth_error(
        response, "invalid_request", "invalid_client", "invalid_grant", statuses=(400, 401)
    )


def bend(code):
    """Return codes that differ from a good one, by the difference."""
    last = "A" if code[-1] != "A" else "B"
    middle = len(code) // 2
    # OpenEMR's codes are hexadecimal, where A and a are the same.
    flipped = "a" if code[middle] not in "aA" else "b"
    return {
        "cut": code[:middle],
        "flipped": code[:middle] + flipped + code[middle + 1 :],
        "longer": code + last,
        "unicode": code[:-1] + "ü€",
        "long": code * 8,
    }
