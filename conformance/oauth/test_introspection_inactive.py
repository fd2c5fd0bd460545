"""Introspection of tokens that are not active."""

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
@pytest.mark.usefixtures("introspection_control")
def test_unknown_token_is_inactive(server, confidential_client, token):
    response = server.introspect(confidential_client, GARBAGE[token])

    disclosure.inactive(response)


@requirement("RFC7662-2.1-empty-token")
@pytest.mark.parametrize("hint", [None, "access_token"], ids=str)
@pytest.mark.parametrize("token", [None, ""], ids=["missing", "empty"])
@pytest.mark.usefixtures("introspection_control")
def test_missing_token_is_refused_cleanly(server, confidential_client, token, hint):
    response = server.introspect(confidential_client, token, hint=hint)

    expect.status(response, 200, 400)
    expect.json_object(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-2.2-inactive-revoked")
@pytest.mark.parametrize(
    ("by", "kind"),
    [
        # A refresh ends no access token.
        pytest.param("rotation", "refresh_token", id="rotation-refresh_token"),
        *(
            pytest.param(by, kind, marks=needs(feature), id=f"{by}-{kind}")
            for by, feature in {"logout": "oauth.logout", "administrator": "administration"}.items()
            for kind in ("access_token", "refresh_token")
        ),
    ],
)
def test_revoked_token_is_inactive(ended_session, expect_rotation, by, kind):
    if by == "rotation":
        expect_rotation()
    session = ended_session(by)
    before = session.before.introspections[kind]

    if by == "rotation":
        expect.status(session.ending, 200)
    expect.that(expect.member(before, "active") is True, "active before", before.text, before)
    disclosure.inactive(session.after.introspections[kind])


@requirement("RFC7662-4-id-token-inactive")
@pytest.mark.parametrize("hint", [None, "access_token"], ids=str)
@pytest.mark.usefixtures("introspection_control")
def test_id_token_is_not_active(server, session_by_grant, hint):
    session = session_by_grant("authorization_code")
    response = server.introspect(session.client, session.id_token, hint=hint)

    expect.no_server_error(response)
    expect.json_object(response)
    disclosure.nothing_told(response)


@requirement("RFC7662-4-forged-signature")
@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.usefixtures("introspection_control")
def test_forged_token_is_inactive(server, session_by_grant, forger, how):
    session = session_by_grant("authorization_code")
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
@pytest.mark.usefixtures("introspection_control")
def test_inactive_token_is_not_described(
    server, session_by_grant, ended_session, expect_rotation, forger, why
):
    if why == "rotated":
        expect_rotation()
        response = ended_session("rotation").after.introspections["refresh_token"]
    elif why == "logged_out":
        response = ended_session("logout").after.introspections["access_token"]
    else:
        session = session_by_grant("authorization_code")
        token = {
            "unknown": lambda: "no-token.at.all",
            "forged": lambda: forger.forge(session.access_token, "other_claims"),
        }[why]()
        response = server.introspect(session.client, token, hint="access_token")

    body = expect.json_object(response)
    expect.equal(body, {"active": False}, "the answer", response)


@requirement("RFC7662-2.2-other-client")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.usefixtures("introspection_control")
def test_token_of_another_client_is_not_half_told(
    server, session_by_grant, confidential_client, kind
):
    session = session_by_grant("authorization_code")
    response = server.introspect(confidential_client, getattr(session, kind), hint=kind)

    body = expect.json_object(response)
    expect.that(
        body == {"active": False} or (body.get("active") is True and "client_id" in body),
        "an active token with all claims, or nothing but inactive",
        body,
        response,
    )
