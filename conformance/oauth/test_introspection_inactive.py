"""Introspection of tokens that are worth nothing."""

import pytest

from conformance import FORGERIES, expect, needs, requirement
from conformance.watch import disclosure

GARBAGE = {
    "word": "no-token-at-all",
    "dots": "no-token.at.all",
    "jwt_like": "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJub25lIn0.c2lnbmF0dXJl",
    "other_letters": "t\u00f6k\u00e9n",
}


@requirement("RFC7662-2.2-inactive-unknown")
@pytest.mark.parametrize("token", list(GARBAGE))
def test_unknown_token_is_inactive(server, confidential_client, token):
    """A token that the server does not know answers 200 with active false."""
    response = server.introspect(confidential_client, GARBAGE[token])

    disclosure.inactive(response)


@requirement("RFC7662-2.1-empty-token")
@pytest.mark.parametrize("hint", [None, "access_token"], ids=str)
@pytest.mark.parametrize("token", [None, ""], ids=["missing", "empty"])
def test_missing_token_is_refused_cleanly(server, confidential_client, token, hint):
    """Introspection without a token answers invalid_request, or that nothing is active."""
    response = server.introspect(confidential_client, token, hint=hint)

    expect.status(response, 200, 400)
    expect.json_object(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-2.2-inactive-revoked")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize(
    "by",
    [
        pytest.param("rotation", id="rotation"),
        pytest.param("logout", marks=needs("oauth.logout"), id="logout"),
        pytest.param("administrator", marks=needs("administration"), id="administrator"),
    ],
)
def test_revoked_token_is_inactive(ended, by, kind):
    """A token that was revoked is not active any more."""
    session = ended(by)
    before = session.before.told[kind]

    if by == "rotation":
        expect.status(session.done, 200)
    expect.that(expect.member(before, "active") is True, "active before", before.text, before)
    disclosure.inactive(session.after.told[kind])


@requirement("RFC7662-4-id-token-inactive")
@pytest.mark.parametrize("hint", [None, "access_token"], ids=str)
def test_id_token_is_not_active(server, issued, hint):
    """An ID token is not reported as an active token."""
    session = issued("authorization_code")
    response = server.introspect(session.client, session.id_token, hint=hint)

    expect.no_server_error(response)
    expect.json_object(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-4-forged-signature")
@pytest.mark.parametrize("how", FORGERIES)
def test_forged_token_is_inactive(server, issued, forger, how):
    """A token that the server did not sign is inactive."""
    session = issued("authorization_code")
    forged = forger.forge(session.access_token, how)
    response = server.introspect(session.client, forged, hint="access_token")

    expect.no_server_error(response)
    body = expect.json_object(response)
    expect.that(body.get("active") is not True, "the token not active", body, response)


@requirement("RFC7662-2.2-inactive-no-detail")
@pytest.mark.parametrize(
    "why",
    [
        "unknown",
        "forged",
        "rotated",
        pytest.param("logged_out", marks=needs("oauth.logout")),
    ],
)
def test_inactive_token_is_not_described(server, issued, ended, forger, why):
    """Of an inactive token the answer says nothing but that it is inactive."""
    if why in {"rotated", "logged_out"}:
        by = {"rotated": "rotation", "logged_out": "logout"}[why]
        response = ended(by).after.told["access_token"]
    else:
        session = issued("authorization_code")
        token = {
            "unknown": lambda: "no-token.at.all",
            "forged": lambda: forger.forge(session.access_token, "other_claims"),
        }[why]()
        response = server.introspect(session.client, token, hint="access_token")

    body = expect.json_object(response)
    expect.equal(body, {"active": False}, "the answer", response)


@requirement("RFC7662-2.2-other-client")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_token_of_another_client_is_not_half_told(server, issued, confidential_client, kind):
    """A token of another client is either active and told in full, or inactive and not told."""
    session = issued("authorization_code")
    response = server.introspect(confidential_client, getattr(session, kind), hint=kind)

    body = expect.json_object(response)
    expect.that(
        body == {"active": False} or (body.get("active") is True and "client_id" in body),
        "an active token told in full, or nothing but inactive",
        body,
        response,
    )
