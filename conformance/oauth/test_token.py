"""The token endpoint: the members of a good response."""

import contextlib
import re

import pytest

from conformance import GRANTS, expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import STAFF_SCOPE
from fixtures.target.model import not_applicable
from fixtures.wire.client import Blocked, location, query

USER_GRANTS = [grant for grant in GRANTS if grant.id != "client_credentials"]
#: RFC 6749 appendix A.4: one space between tokens of these characters.
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*")
#: RFC 6750 section 2.1.
B64TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@requirement("RFC6749-5.1-success-json")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_response_is_json(token_response, grant):
    response = token_response(grant)

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.schema(response, "token")


@requirement("RFC6749-5.1-token-type-bearer")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_type_is_bearer(token_response, grant):
    response = token_response(grant)
    require_tokens(response)

    kind = expect.member(response, "token_type", kind=str)
    expect.equal(kind.lower(), "bearer", "token_type", response)


@requirement("RFC6749-5.1-cache-control")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_response_is_not_stored(token_response, grant):
    response = token_response(grant)

    expect.status(response, 200)
    expect.header(response, "Cache-Control", contains="no-store")


@requirement("RFC6749-5.1-pragma")
@pytest.mark.parametrize("grant", GRANTS)
def test_token_response_has_pragma(token_response, grant):
    response = token_response(grant)
    require_tokens(response)

    expect.header(response, "Pragma", contains="no-cache")


@requirement("RFC6749-5.1-expires-in")
@pytest.mark.parametrize("grant", GRANTS)
def test_expires_in_is_true(token_response, grant):
    response = token_response(grant)
    body = require_tokens(response)

    seconds = expect.member(response, "expires_in", kind=int)
    expect.that(seconds > 0, "expires_in to be positive", seconds, response)
    expect.that(
        abs(_lifetime(body["access_token"], seconds) - seconds) <= 60,
        "exp of the token to agree with expires_in",
        f"expires_in {seconds}, exp {_lifetime(body['access_token'], seconds)} s after iat",
        response,
    )


@requirement("SMART-2.2-token-lifetime")
@pytest.mark.parametrize("grant", GRANTS)
def test_access_token_lives_for_an_hour_at_most(token_response, grant):
    response = token_response(grant)
    seconds = require_tokens(response).get("expires_in")

    expect.that(
        isinstance(seconds, int | float) and seconds <= 3600,
        "expires_in of 3600 or less",
        seconds,
        response,
    )


@requirement("SMART-2.2-token-scope-required")
def test_code_exchange_names_the_scope(token_response):
    response = token_response("authorization_code")
    require_tokens(response)

    scope = expect.member(response, "scope", kind=str)
    expect.that(scope, "a scope that is not empty", scope, response)


@requirement("RFC6749-3.3-scope-syntax")
@pytest.mark.parametrize("grant", GRANTS)
def test_scope_is_well_formed(token_response, grant):
    response = token_response(grant)
    scope = require_tokens(response).get("scope")

    if scope is not None:  # it may be left out if it is the requested one
        right = isinstance(scope, str) and SCOPE.fullmatch(scope)
        expect.that(right, "scope words with single spaces", scope, response)


@requirement("RFC6749-3.3-scope-truthful")
@pytest.mark.parametrize("grant", GRANTS)
def test_scope_is_what_was_asked_for_and_granted(session_by_grant, grant):
    session = session_by_grant(grant)
    body = session.answer
    # Left out, the scope is the requested one (RFC 6749 section 5.1).
    named = set(str(body.get("scope", session.client.scope)).split())
    holds = _scopes_of(body["access_token"]) or named

    expect.equal(named, holds, "scope", session.response)


@requirement("RFC6749-5.1-scope-if-different")
def test_scope_tells_what_was_not_granted(server, admin, tokens, new_client):
    client = new_client.confidential("openid api:oemr user/patient.read")
    response = tokens.fetch(client, admin, "openid api:oemr user/patient.read user/facility.read")

    if response.status_code == 200:
        scope = expect.member(response, "scope", kind=str).split()
        expect.contains(scope, "user/patient.read", "scope", response)
        expect.that(
            "user/facility.read" not in scope,
            "scope without user/facility.read, for which the client is not registered",
            scope,
            response,
        )
    elif response.is_redirect:  # the authorization endpoint refused it already
        expect.equal(query(location(response)).get("error"), "invalid_scope", "error", response)
    else:
        expect.oauth_error(response, "invalid_scope")


@requirement("RFC6749-3.3-scope-omitted")
@pytest.mark.parametrize(
    "grant", [one for one in GRANTS if one.id in {"password", "client_credentials"}]
)
def test_token_without_a_scope_asked_for_has_a_default(server, admin, clients, api, grant):
    if grant == "password":
        response = server.password(clients.confidential, admin, None)
    else:
        response = server.client_credentials(clients.system, None)

    if response.status_code == 200:
        body = require_tokens(response)
        if not str(body.get("scope") or "").strip():
            # Without a default scope nothing is granted.
            for path in ("/api/facility", "/fhir/Patient"):
                opened = api.get(path, body["access_token"])
                words = "a default scope that the response names, or a token that opens nothing"
                expect.that(not opened.is_success, words, opened, [opened, response])
    else:
        expect.oauth_error(response, "invalid_scope")


@requirement("RFC6750-2.1-token-syntax")
@pytest.mark.parametrize("grant", GRANTS)
def test_tokens_fit_into_a_header(token_response, grant):
    response = token_response(grant)
    body = require_tokens(response)

    access = str(body["access_token"])
    well_formed = B64TOKEN.fullmatch(access)
    expect.that(well_formed, "an access_token of b64token characters", access, response)
    refresh = str(body.get("refresh_token", "-"))
    visible = re.fullmatch(r"[\x20-\x7E]+", refresh)
    expect.that(visible, "a refresh_token of visible characters", refresh, response)


@pytest.fixture(scope="module")
def token_responses(target, server, tokens, pooled_clients, admin, token_response):
    """The token responses to a login, to its refresh, and to other logins."""
    scope = "openid offline_access api:oemr user/patient.read"
    client = pooled_clients.confidential(scope)
    login = tokens.fetch(client, admin, scope)
    refreshed = server.refresh(client, require_tokens(login).get("refresh_token", ""))
    require_tokens(refreshed)
    others = ["authorization_code", "refresh_token"]
    others += ["password"] if "oauth.password_grant" in target.features else []
    found = [login, refreshed]
    for grant in others:
        with contextlib.suppress(Blocked):
            response = token_response(grant)
            require_tokens(response)
            found.append(response)
    return found


@requirement("RFC6749-10.10-token-entropy")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_tokens_are_unique_and_long(token_responses, kind):
    # A refresh need not bring another refresh token (RFC 6749 section 6).
    found = [each for each in token_responses if require_tokens(each).get(kind)]
    login, refreshed = token_responses[:2]
    if kind == "refresh_token" and _same(login, refreshed, kind):
        found.remove(refreshed)
    if not found:
        not_applicable(f"no token response has a {kind}")
    values = [str(require_tokens(each)[kind]) for each in found]

    expect.equal(len({*values}), len(values), f"the number of different {kind}s", found)
    shortest = min(found, key=lambda each: len(str(require_tokens(each)[kind])))
    length = min(map(len, values))
    expect.that(length >= 22, "128 bits, 22 characters", length, shortest)


def _same(one, other, kind):
    """Return whether two token responses have the same token."""
    return require_tokens(one).get(kind) == require_tokens(other).get(kind)


def _scopes_of(token):
    """Return the scopes in an access token; an empty set if it cannot be read."""
    if not keys.is_jwt(token):
        return set()
    claims = keys.unverified_claims(token)
    found = claims.get("scopes") or claims.get("scope") or []
    return set(found.split() if isinstance(found, str) else found)


def _lifetime(token, default):
    """Return the lifetime of an access token in seconds, or the default if it cannot be read."""
    if not keys.is_jwt(token):
        return default
    claims = keys.unverified_claims(token)
    return float(claims.get("exp", 0)) - float(claims.get("iat", claims.get("nbf", 0)))


@requirement("SMART-2.2-token-size")
@needs("oauth.password_grant")
def test_token_with_many_scopes_opens_the_api(server, api, admin, confidential_client):
    answer = server.password(confidential_client, admin, STAFF_SCOPE)
    token = require_tokens(answer)["access_token"]
    response = api.get("/api/facility", token)

    # Apache, nginx and IIS limit a header to 8 KB: the API cannot be called with a longer one.
    size = len(f"Authorization: Bearer {token}")
    expect.that(size <= 8190, "a header of at most 8190 bytes", f"{size} bytes", answer)
    expect.status(response, 200)
