"""ID tokens: signed by the server, for the client, about the user."""

import base64
import hashlib
import time
from typing import Any

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.keys import header, is_signed_by, unverified_claims
from fixtures.given.authorizations import NONCE
from fixtures.target.model import not_applicable

LOGINS = [
    "authorization_code",
    "refresh_token",
    pytest.param("password", marks=needs("oauth.password_grant"), id="password"),
    pytest.param(
        "password_patient",
        marks=needs("oauth.password_grant_patients", "patients"),
        id="password_patient",
    ),
]
IDENTITY = "openid profile email phone address api:oemr"
TEXT = "name family_name given_name middle_name nickname preferred_username profile picture"
TEXT += " website gender birthdate zoneinfo locale email phone_number"


def id_token(response):
    """Return the ID token in a token response; Blocked if the response has no tokens."""
    require_tokens(response)
    return str(expect.member(response, "id_token", kind=str))


def claims(response):
    """Return the claims of the ID token in a token response."""
    return unverified_claims(id_token(response))


@requirement("OIDCC-2-iss")
@pytest.mark.parametrize("grant", LOGINS)
def test_issuer_is_that_of_the_discovery(token_response, discovery, grant):
    response = token_response(grant)
    found = claims(response).get("iss")

    expect.equal(found, discovery.json()["issuer"], "iss", [response, discovery])


@requirement("OIDCC-2-sub")
def test_subject_stands_for_the_user(token_response, discovery):
    # A pairwise subject differs from client to client (OpenID Connect Core section 8.1).
    if "public" not in expect.json_object(discovery).get("subject_types_supported", ["public"]):
        not_applicable("the server lists pairwise subjects only, and the tokens are of two clients")
    responses = [token_response("refresh_token"), token_response("authorization_code")]
    subjects = {claims(response).get("sub") for response in responses}
    subject = subjects.pop()

    expect.that(not subjects, "one subject for one user", [subject, *subjects], responses)
    expect.that(
        isinstance(subject, str) and subject.isascii() and 0 < len(subject) <= 255,
        "a subject of 1 to 255 ASCII characters",
        subject,
        responses,
    )


@requirement("OIDCC-2-sub-differs")
def test_subjects_of_two_users_differ(token_response, tokens):
    of_staff = token_response("authorization_code")
    staff = claims(of_staff).get("sub")
    of_patient = tokens.response("patient", "openid api:port patient/patient.read")
    patient = unverified_claims(require_tokens(of_patient)["id_token"]).get("sub")

    both = [of_patient, of_staff]
    expect.that(staff != patient, "another subject for another user", patient, both)


@requirement("OIDCC-2-aud")
@pytest.mark.parametrize("grant", LOGINS)
def test_audience_is_the_client(session_by_grant, grant):
    session = session_by_grant(grant)
    audience = claims(session.response).get("aud")

    audiences = audience if isinstance(audience, list) else [audience]
    expect.contains(audiences, session.client.client_id, "aud", session.response)


@requirement("OIDCC-2-exp-iat")
@pytest.mark.parametrize("grant", LOGINS)
def test_id_token_is_of_now(token_response, grant):
    response = token_response(grant)
    found = claims(response)
    now = time.time()

    for name in ("exp", "iat"):
        value = found.get(name)
        expect.that(
            isinstance(value, int | float) and not isinstance(value, bool),
            f"a number {name}",
            value,
            response,
        )
    expect.that(found["iat"] <= now + 60, "iat in the past", found["iat"], response)
    expect.that(found["exp"] > now - 60, "exp in the future", found["exp"], response)


@requirement("OIDCC-2-signature")
@pytest.mark.parametrize("grant", LOGINS)
def test_id_token_is_signed_with_a_published_key(token_response, server_keys, grant):
    response = token_response(grant)
    token = id_token(response)

    expect.that(
        is_signed_by(token, server_keys.json(), ["RS256"]),
        "a signature with a key of jwks_uri",
        header(token),
        [response, server_keys],
    )


@requirement("OIDCC-15.1-rs256")
def test_id_token_is_signed_with_rs256(token_response):
    response = token_response("authorization_code")

    expect.equal(header(id_token(response)).get("alg"), "RS256", "alg", response)


@requirement("OIDCC-10.1-kid")
def test_id_token_names_its_key(token_response, server_keys):
    response = token_response("authorization_code")
    kid = header(id_token(response)).get("kid")
    published = [key.get("kid") for key in server_keys.json()["keys"]]
    named = published.count(kid) == 1 if kid is not None else len(published) == 1

    received = f"kid {kid}, keys {published}"
    expect.that(named, "a kid that names one published key", received, [response, server_keys])


@requirement("SMART-2.2-jwks-bare")
def test_keys_are_published_bare(server_keys):
    keys = expect.member(server_keys, "keys", kind=list)

    expect.that(keys, "a key", keys, server_keys)
    for key in keys:
        needed = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}}.get(key.get("kty"), {"kty"})
        expect.that(needed <= {*key}, f"members {sorted(needed)}", sorted(key), server_keys)
        expect.that("d" not in key, "no private member", sorted(key), server_keys)


@requirement("OIDCC-id-token-entropy-key")
def test_server_key_is_long(server_keys):
    for key in server_keys.json()["keys"]:
        bits = len(str(key.get("n", "A" * 342))) * 6
        expect.that(bits >= 2048, "2048 bits", bits, server_keys)


@requirement("OIDCC-2-nonce")
def test_nonce_comes_back_unchanged(token_response_with_nonce):
    expect.equal(
        claims(token_response_with_nonce).get("nonce"), NONCE, "nonce", token_response_with_nonce
    )


@requirement("OIDCC-3.1.3.6-at-hash")
def test_at_hash_is_right(token_response):
    response = token_response("authorization_code")
    body = require_tokens(response)
    found = unverified_claims(body["id_token"]).get("at_hash")
    right = half_hash(body["access_token"])

    expect.that(found in (None, right), f"at_hash {right} or none", found, response)


@requirement("OIDCC-2-azp")
@pytest.mark.parametrize("grant", LOGINS)
def test_azp_is_the_client(session_by_grant, grant):
    session = session_by_grant(grant)
    client_id = session.client.client_id
    found = claims(session.response).get("azp", client_id)

    expect.equal(found, client_id, "azp", session.response)


@requirement("OIDCC-5.1-claim-types")
def test_standard_claims_have_their_types(tokens):
    response = tokens.response("admin", IDENTITY)
    found = claims(response)
    types: dict[str, Any] = dict.fromkeys(TEXT.split(), str)
    types |= {"email_verified": bool, "phone_number_verified": bool, "address": dict}
    types |= {"updated_at": int | float}
    wrong = [
        f"{name} {found[name]!r}"
        for name, kind in types.items()
        if found.get(name) is not None and not isinstance(found[name], kind)
    ]

    expect.that(not wrong, "claims of the right types", ", ".join(wrong), response)


@requirement("OIDCC-5.1-empty-claims-omitted")
def test_claims_without_a_value_are_left_out(tokens):
    response = tokens.response("admin", IDENTITY)
    empty = [name for name, value in claims(response).items() if value in ("", None)]

    expect.that(not empty, "no claim without a value", ", ".join(empty), response)


@requirement("OIDCC-5.4-scope-controls-claims")
def test_claims_come_with_their_scopes(tokens):
    response = tokens.response("admin", "openid api:oemr")
    found = claims(response)
    shown = [name for name in (*TEXT.split(), "address", "fhirUser") if name in found]

    expect.that(not shown, "no claim about the user except sub", shown, response)


@requirement("OIDCC-5.1-verified-claims")
@pytest.mark.parametrize(
    ("flag", "value"),
    [("email_verified", "email"), ("phone_number_verified", "phone_number")],
    ids=["email", "phone"],
)
def test_nothing_is_verified_that_is_not_there(tokens, flag, value):
    response = tokens.response("admin", IDENTITY)
    found = claims(response)

    expect.that(
        not found.get(flag) or found.get(value),
        f"{flag} to be false or left out, as there is no {value}",
        found.get(flag),
        response,
    )


@requirement("RFC8725-3.12-id-token-not-bearer")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=needs("rest")),
        pytest.param("portal", marks=needs("portal")),
        pytest.param("fhir", marks=needs("fhir")),
    ],
)
def test_id_token_opens_no_api(api, api_path_and_token, token_response, name):
    path, _ = api_path_and_token(name)
    response = api.get(path, id_token(token_response("authorization_code")))

    expect.refused(response)


def half_hash(access_token):
    """Return the at_hash of an access token (OpenID Connect Core section 3.1.3.6)."""
    digest = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
