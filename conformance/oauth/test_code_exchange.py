"""The exchange of an authorization code: once, by its client, to its redirect URI."""

import pytest

from conformance import expect, requirement
from fixtures.oauth import REDIRECT_URI, granted

SCOPE = "openid api:oemr user/patient.read"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
#: A second address of the same client.
OTHER_URI = "https://client.example.org/other"


@pytest.fixture
def other_client(new_client):
    """A client who gets hold of another client's code, with the same redirect URI."""

    def make(kind):
        if kind == "public":
            return new_client.public()
        return new_client.confidential(SCOPE)

    return make


@requirement("RFC6749-4.1.3-code-single-use")
def test_code_is_exchanged_once_only(server, authorization):
    """An authorization code can be exchanged once only."""
    client, allowed = authorization(SCOPE)
    granted(server.exchange(client, allowed.code, verifier=allowed.verifier))
    second = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.no_token(second, "the code was used before, so whoever sees it could use it again")


@requirement("RFC6749-4.1.3-replay-revokes")
def test_replay_of_a_code_revokes_its_tokens(server, authorization):
    """A second use of a code revokes the tokens that were issued for it."""
    client, allowed = authorization(OFFLINE_SCOPE)
    first = granted(server.exchange(client, allowed.code, verifier=allowed.verifier))
    server.exchange(client, allowed.code, verifier=allowed.verifier)
    response = server.refresh(client, first["refresh_token"])

    expect.no_token(response, "its code was sent twice, so one of the senders has stolen it")


@requirement("RFC6749-4.1.3-code-bound-to-client")
@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_code_of_another_client_is_refused(server, authorization, other_client, kind):
    """A code is exchanged by the client that it was issued to, and by no other."""
    _, allowed = authorization(SCOPE)
    response = server.exchange(other_client(kind), allowed.code, verifier=allowed.verifier)

    expect.no_token(response)


@requirement("RFC6749-4.1.3-redirect-uri-match")
@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(OTHER_URI, id="other_registered"),
        pytest.param(f"{REDIRECT_URI}/", id="slash_at_the_end"),
        pytest.param("https://attacker.example.org/callback", id="other_host"),
    ],
)
def test_code_exchange_with_another_redirect_uri_is_refused(server, authorization, new_client, uri):
    """The redirect URI of the code exchange is that of the authorization request."""
    client = new_client.confidential(SCOPE, redirect_uris=[REDIRECT_URI, OTHER_URI])
    _, allowed = authorization(SCOPE, client=client)
    response = server.exchange(client, allowed.code, verifier=allowed.verifier, redirect_uri=uri)

    expect.no_token(response)


@requirement("RFC6749-4.1.3-redirect-uri-missing")
@pytest.mark.parametrize("uri", [pytest.param(None, id="left_out"), pytest.param("", id="empty")])
def test_code_exchange_without_the_redirect_uri_is_refused(server, authorization, uri):
    """The code exchange has a redirect URI if the authorization request had one."""
    client, allowed = authorization(SCOPE)
    form = {
        "grant_type": "authorization_code",
        "code": allowed.code,
        "redirect_uri": uri,
        "code_verifier": allowed.verifier,
    }
    response = server.token(form, client.authentication())

    expect.no_token(response)


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
def test_bad_code_is_an_invalid_grant(server, authorization, new_client, unused_code, fault):
    """A code that is unknown, foreign or meant for another redirect URI is an invalid_grant."""
    if fault == "garbage":
        client, code, verifier = unused_code
        response = server.exchange(client, bend(code)["flipped"], verifier=verifier)
    elif fault == "other_client":
        _, allowed = authorization(SCOPE)
        response = server.exchange(
            new_client.confidential(SCOPE), allowed.code, verifier=allowed.verifier
        )
    else:
        client = new_client.confidential(SCOPE, redirect_uris=[REDIRECT_URI, OTHER_URI])
        _, allowed = authorization(SCOPE, client=client)
        response = server.exchange(
            client, allowed.code, verifier=allowed.verifier, redirect_uri=OTHER_URI
        )

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
def test_code_of_a_request_without_state_is_exchanged(server, authorization):
    """A code that was issued to a request without state can be exchanged."""
    client, allowed = authorization(SCOPE, parameters={"state": None})
    response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)


@requirement("OPENEMR-CODE-public-client-id-body")
def test_public_client_exchanges_a_code_with_its_id(server, browser, admin, new_client):
    """A public client exchanges its code with its client_id and without a secret."""
    client = new_client.public()
    allowed = browser.authorize(client, admin, client.scope)
    response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC6749-4.1.3-public-client-id")
def test_code_exchange_without_a_client_id_is_refused(server, browser, admin, new_client):
    """A public client has to send its client_id."""
    client = new_client.public()
    allowed = browser.authorize(client, admin, client.scope)
    form = {
        "grant_type": "authorization_code",
        "code": allowed.code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": allowed.verifier,
    }
    response = server.token(form)

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
