"""ID tokens: signed by the server, for the client, about the user."""

import base64
import hashlib
import time

import pytest

from conformance import expect, needs, requirement
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.keys import header, is_signed_by, unverified_claims
from fixtures.given.authorizations import NONCE

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
TEXT = "name family_name given_name middle_name nickname preferred_username profile picture"
TEXT += " website gender birthdate zoneinfo locale email phone_number"


@pytest.fixture(scope="session")
def id_token(token_response):
    """The ID token of the token answer of a grant."""

    def of(grant):
        return expect.member(_granted(token_response(grant)), "id_token", kind=str)

    return of


@pytest.fixture(scope="session")
def claims(tokens):
    """The claims of an ID token for scopes, of the administrator."""

    def of(scope):
        response = tokens.response("admin", scope)
        return unverified_claims(expect.member(_granted(response), "id_token", kind=str))

    return of


@requirement("OIDCC-2-iss")
@pytest.mark.parametrize("grant", LOGINS)
def test_issuer_is_that_of_the_discovery(id_token, discovery, grant):
    """The issuer of an ID token is the issuer that the discovery document names."""
    found = unverified_claims(id_token(grant)).get("iss")

    expect.equal(found, discovery.json()["issuer"], "iss")


@requirement("OIDCC-2-sub")
def test_subject_stands_for_the_user(id_token, admin):
    """The subject of an ID token is up to 255 ASCII characters, and the same for the same user."""
    subjects = {unverified_claims(id_token(grant)).get("sub") for grant in LOGINS[:2]}
    subject = subjects.pop()

    expect.that(not subjects, "one subject for one user", [subject, *subjects])
    expect.that(
        isinstance(subject, str) and subject.isascii() and 0 < len(subject) <= 255,
        "a subject of 1 to 255 ASCII characters",
        subject,
    )


@requirement("OIDCC-2-sub-differs")
def test_subjects_of_two_users_differ(id_token, tokens):
    """Two users have different subjects."""
    staff = unverified_claims(id_token("authorization_code")).get("sub")
    answer = tokens.body("patient", "openid api:port patient/patient.read")
    patient = unverified_claims(answer["id_token"]).get("sub")

    expect.that(staff != patient, "another subject for another user", patient)


@requirement("OIDCC-2-aud")
@pytest.mark.parametrize("grant", LOGINS)
def test_audience_is_the_client(id_token, token_response, grant):
    """The audience of an ID token contains the client_id."""
    audience = unverified_claims(id_token(grant)).get("aud")
    client = unverified_claims(token_response(grant).json()["access_token"]).get("aud")
    expected = client[0] if isinstance(client, list) else client

    expect.contains(audience if isinstance(audience, list) else [audience], expected, "aud")


@requirement("OIDCC-2-exp-iat")
@pytest.mark.parametrize("grant", LOGINS)
def test_id_token_is_of_now(id_token, grant):
    """An ID token has an exp in the future and an iat in the past, as numbers."""
    found = unverified_claims(id_token(grant))
    now = time.time()

    for name in ("exp", "iat"):
        value = found.get(name)
        expect.that(
            isinstance(value, int | float) and not isinstance(value, bool),
            f"a number {name}",
            value,
        )
    expect.that(found["iat"] <= now + 60, "iat in the past", found["iat"])
    expect.that(found["exp"] > now - 60, "exp in the future", found["exp"])


@requirement("OIDCC-2-signature")
@pytest.mark.parametrize("grant", LOGINS)
def test_id_token_is_signed_with_a_published_key(id_token, server_keys, grant):
    """The signature of an ID token verifies with a published key of the server."""
    token = id_token(grant)

    expect.that(
        is_signed_by(token, server_keys.json(), ["RS256"]),
        "a signature by a key of jwks_uri",
        header(token),
        server_keys,
    )


@requirement("OIDCC-15.1-rs256")
def test_id_token_is_signed_with_rs256(id_token):
    """An ID token is signed with RS256 unless the client asked for another algorithm."""
    expect.equal(header(id_token("authorization_code")).get("alg"), "RS256", "alg")


@requirement("OIDCC-10.1-kid")
def test_id_token_names_its_key(id_token, server_keys):
    """An ID token names the key that signed it, by kid, if the server publishes several."""
    kid = header(id_token("authorization_code")).get("kid")
    published = [key.get("kid") for key in server_keys.json()["keys"]]
    named = published.count(kid) == 1 if kid is not None else len(published) == 1

    expect.that(named, "a kid that names one published key", f"kid {kid}, keys {published}")


@requirement("SMART-2.2-jwks-bare")
def test_keys_are_published_bare(server_keys):
    """The keys of the server are published as bare JWKs: with n and e for RSA."""
    keys = expect.member(server_keys, "keys", kind=list)

    expect.that(keys, "a key", keys, server_keys)
    for key in keys:
        needed = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}}.get(key.get("kty"), {"kty"})
        expect.that(needed <= {*key}, f"members {sorted(needed)}", sorted(key), server_keys)
        expect.that("d" not in key, "no private member", sorted(key), server_keys)


@requirement("OIDCC-id-token-entropy-key")
def test_server_key_is_long(server_keys):
    """The RSA key that signs ID tokens has 2048 bits or more."""
    for key in server_keys.json()["keys"]:
        bits = len(str(key.get("n", "A" * 342))) * 6
        expect.that(bits >= 2048, "2048 bits", bits, server_keys)


@requirement("OIDCC-2-nonce")
def test_nonce_comes_back_unchanged(with_nonce):
    """The nonce of the authorization request is in the ID token unchanged."""
    token = expect.member(_granted(with_nonce), "id_token", kind=str)

    expect.equal(unverified_claims(token).get("nonce"), NONCE, "nonce", with_nonce)


@requirement("OIDCC-3.1.3.6-at-hash")
def test_at_hash_is_right(token_response):
    """An at_hash in an ID token is the hash of the access token."""
    body = require_tokens(token_response("authorization_code"))
    found = unverified_claims(body["id_token"]).get("at_hash")
    right = half_hash(body["access_token"])

    expect.that(found in (None, right), f"at_hash {right} or none", found)


@requirement("OIDCC-2-azp")
@pytest.mark.parametrize("grant", LOGINS)
def test_azp_is_the_client(id_token, grant):
    """An azp in an ID token is the client_id."""
    found = unverified_claims(id_token(grant))
    audience = found["aud"] if isinstance(found.get("aud"), list) else [found.get("aud")]

    expect.contains(audience, found.get("azp", audience[0]), "aud")


@requirement("OIDCC-5.1-claim-types")
def test_standard_claims_have_their_types(claims):
    """Standard claims about the user have the JSON types that OpenID Connect gives them."""
    found = claims("openid profile email phone address api:oemr")
    types = dict.fromkeys(TEXT.split(), str)
    types |= {"email_verified": bool, "phone_number_verified": bool, "address": dict}
    types |= {"updated_at": int | float}
    wrong = [
        f"{name} {found[name]!r}"
        for name, kind in types.items()
        if found.get(name) is not None and not isinstance(found[name], kind)
    ]

    expect.that(not wrong, "claims of the right types", ", ".join(wrong))


@requirement("OIDCC-5.1-empty-claims-omitted")
def test_claims_without_a_value_are_left_out(claims):
    """Claims about the user that have no value are left out, not empty or null."""
    found = claims("openid profile email phone address api:oemr")
    empty = [name for name, value in found.items() if value in ("", None)]

    expect.that(not empty, "no claim without a value", ", ".join(empty))


@requirement("OIDCC-5.4-scope-controls-claims")
def test_claims_come_with_their_scopes(claims):
    """Name, e-mail, address and telephone of the user are told only with their scopes."""
    found = claims("openid api:oemr")
    told = [name for name in (*TEXT.split(), "address", "fhirUser") if name in found]

    expect.that(not told, "no claim about the user beside sub", told)


@requirement("OIDCC-5.1-verified-claims")
@pytest.mark.parametrize(
    ("flag", "value"),
    [("email_verified", "email"), ("phone_number_verified", "phone_number")],
    ids=["email", "phone"],
)
def test_nothing_is_verified_that_is_not_there(claims, flag, value):
    """An e-mail address or a telephone number that is not there is not called verified."""
    found = claims("openid profile email phone address api:oemr")

    expect.that(
        not found.get(flag) or found.get(value),
        f"{flag} to be false or left out, as there is no {value}",
        found.get(flag),
    )


@requirement("RFC8725-3.12-id-token-not-bearer")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/api/facility", marks=needs("rest"), id="rest"),
        pytest.param("/portal/patient", marks=needs("portal"), id="portal"),
        pytest.param("/fhir/Patient", marks=needs("fhir"), id="fhir"),
    ],
)
def test_id_token_opens_no_api(api, id_token, path):
    """An ID token is not accepted as an access token."""
    response = api.get(path, id_token("authorization_code"))

    expect.refused(response)


def half_hash(access_token):
    """Return the at_hash of an access token (OpenID Connect Core section 3.1.3.6)."""
    digest = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _granted(response):
    require_tokens(response)
    return response
