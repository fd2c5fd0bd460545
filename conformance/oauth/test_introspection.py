"""Introspection of good tokens: the members of the response."""

from email.utils import parsedate_to_datetime
from functools import cache

import pytest

from conformance import GRANTS, expect, needs, requirement
from fixtures.driver import keys
from fixtures.target.model import not_applicable

USER_GRANTS = ["authorization_code", "refresh_token"]
LAUNCH = ("patient", "encounter", "intent", "fhirContext", "need_patient_banner", "smart_style_url")


@pytest.fixture(scope="module")
def introspection_response(server, session_by_grant, confidential_client):
    """Introspect a token of the code flow with a hint, once for each combination.

    The kinds are access_token, refresh_token, and `foreign` for the access token of another client.
    """

    def ask(kind, hint):
        session = session_by_grant("authorization_code")
        if kind == "foreign":
            return server.introspect(confidential_client, session.access_token, hint=hint)
        return server.introspect(session.client, getattr(session, kind), hint=hint)

    return cache(ask)


@requirement("OPENEMR-INTRO-active-fresh")
@pytest.mark.parametrize("grant", GRANTS)
def test_fresh_token_is_active(server, session_by_grant, introspection_auth, grant):
    session = session_by_grant(grant)
    auth = introspection_auth(session.client)
    response = server.introspect(
        session.client, session.access_token, hint="access_token", auth=auth
    )

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("RFC7662-2.2-json")
@pytest.mark.parametrize("state", ["active", "inactive"])
def test_introspection_answer_is_json(token_introspection, introspection_response, state):
    response = {
        "active": lambda: token_introspection("authorization_code").response,
        "inactive": lambda: introspection_response("foreign", None),
    }[state]()

    expect.status(response, 200)
    expect.media_type(response, "application/json")


@requirement("RFC7662-2.2-active-boolean")
@pytest.mark.parametrize("state", ["active", "inactive"])
def test_active_is_boolean(token_introspection, introspection_response, state):
    response = {
        "active": lambda: token_introspection("authorization_code").response,
        "inactive": lambda: introspection_response("foreign", None),
    }[state]()

    expect.status(response, 200)
    expect.member(response, "active", kind=bool)


@requirement("RFC7662-2.2-scope-string")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.usefixtures("introspection_control")
def test_introspected_scope_is_string(introspection_response, kind):
    response = introspection_response(kind, kind)

    body = expect.json_object(response)
    scope = body.get("scope", "")
    right = isinstance(scope, str) and scope == " ".join(scope.split())
    expect.that(right, "scope as a string of names", scope, response)


@requirement("RFC7662-2.2-exp-integer")
@pytest.mark.parametrize("grant", GRANTS)
def test_introspected_times_are_integers(token_introspection, grant):
    found = token_introspection(grant)
    times = {name: found.claims.get(name, 0) for name in ("exp", "iat", "nbf")}

    for name, value in times.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        expect.that(number and value == int(value), f"{name} as a number", value, found.response)


@requirement("SMART-2.0-introspect-exp-consistent")
@pytest.mark.parametrize("grant", GRANTS)
def test_introspected_exp_agrees_with_expires_in(token_introspection, grant):
    found = token_introspection(grant)
    issued_at = parsedate_to_datetime(found.session.response.headers["date"]).timestamp()
    expected = issued_at + found.session.answer["expires_in"]
    exp = found.claims.get("exp")

    near = isinstance(exp, int | float) and abs(exp - expected) <= 60
    both = [found.response, found.session.response]
    expect.that(near, f"exp near {expected:.0f}", exp, both)


@requirement("RFC7662-2.2-client-id")
@pytest.mark.parametrize("grant", GRANTS)
def test_introspected_client_is_named(token_introspection, grant):
    found = token_introspection(grant)

    expect.equal(
        found.claims.get("client_id"), found.session.client.client_id, "client_id", found.response
    )


@requirement("SMART-2.0-introspect-scope-equal")
@pytest.mark.parametrize("grant", GRANTS)
def test_introspected_scope_is_the_granted_one(token_introspection, grant):
    found = token_introspection(grant)
    scope = found.claims.get("scope")
    names = scope.split() if isinstance(scope, str) else scope
    granted = str(found.session.answer.get("scope", "")).split()

    both = [found.response, found.session.response]
    expect.equal(sorted(names or []), sorted(granted), "scope", both)


@requirement("SMART-2.0-introspect-iss-sub")
@pytest.mark.parametrize("claim", ["iss", "sub"])
@pytest.mark.parametrize("grant", USER_GRANTS)
def test_introspected_issuer_and_subject_are_those_of_the_id_token(
    token_introspection, grant, claim
):
    found = token_introspection(grant)
    expected = keys.unverified_claims(found.session.id_token)[claim]

    both = [found.response, found.session.response]
    expect.equal(found.claims.get(claim), expected, claim, both)


@requirement("SMART-2.0-introspect-fhiruser")
def test_introspected_fhiruser_is_that_of_the_id_token(token_introspection):
    found = token_introspection("authorization_code")
    expected = keys.unverified_claims(found.session.id_token).get("fhirUser")

    expect.that(expected, "fhirUser in the ID token", expected, found.session.response)
    both = [found.response, found.session.response]
    expect.equal(found.claims.get("fhirUser"), expected, "fhirUser", both)


@requirement("SMART-2.0-introspect-context")
def test_introspected_context_is_that_of_the_token_response(server, standalone_launch):
    issued = expect.json_object(standalone_launch.response)
    context = {name: issued[name] for name in LAUNCH if name in issued}
    response = server.introspect(standalone_launch.client, issued.get("access_token"))

    answer = standalone_launch.response
    expect.that("patient" in context, "patient in the token response", sorted(issued), answer)
    body = expect.json_object(response)
    found = {name: body.get(name) for name in context}
    expect.equal(found, context, "context", [response, answer])


@requirement("OPENEMR-INTRO-sub-user-uuid")
def test_introspected_subject_is_the_uuid_of_the_user(token_introspection, api, tokens, discovery):
    if "public" not in expect.json_object(discovery).get("subject_types_supported", ["public"]):
        not_applicable("the subjects are pairwise, and no uuids")
    found = token_introspection("authorization_code")
    users = api.get("/api/user", tokens.staff("openid api:oemr user/user.read"))
    known = [user.get("uuid") for user in expect.member(users, "data", kind=list)]

    both = [found.response, users]
    expect.contains(known, found.claims.get("sub"), "the uuids of the users", both)


@requirement("OPENEMR-INTRO-sub-user-uuid")
@needs("oauth.password_grant_patients", "patients")
def test_introspected_subject_is_the_uuid_of_the_patient(token_introspection, patient):
    found = token_introspection("password_patient")

    expect.equal(found.claims.get("sub"), patient.uuid, "sub", found.response)


@requirement("RFC7662-2.1-hint-optional")
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token"], ids=str)
def test_hint_does_not_change_what_an_access_token_is(
    introspection_response, token_introspection, hint
):
    token_introspection("authorization_code").active()
    response = introspection_response("access_token", hint)

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("RFC7662-2.1-unknown-hint")
def test_unknown_hint_is_ignored(server, token_introspection):
    found = token_introspection("authorization_code").active()
    session = found.session
    response = server.introspect(session.client, session.access_token, hint="saml2_token")

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)


@requirement("RFC7662-2.1-refresh-token")
def test_refresh_token_can_be_introspected(introspection_response):
    response = introspection_response("refresh_token", "refresh_token")

    expect.status(response, 200)
    expect.that(expect.member(response, "active") is True, "active true", response.text, response)
