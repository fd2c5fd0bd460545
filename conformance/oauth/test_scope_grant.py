"""Which scopes are granted: those that are registered, requested and offered, and no others."""

from functools import cache

import pytest

from conformance import GRANTS, expect, needs, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

READ = "openid api:oemr user/patient.read"
PUBLIC = "openid api:fhir fhirUser"
LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
FIVE = ["openid", "api:oemr", "user/patient.read", "user/facility.read", "user/allergy.read"]
ORDERS = {
    "reversed": FIVE[::-1],
    "rotated": FIVE[2:] + FIVE[:2],
    "swapped": [FIVE[1], FIVE[0], *FIVE[2:]],
}
#: Scopes that the server does not offer, sent with a good one.
UNLISTED = {
    "resource": "user/Nonsense.read",
    "context": "somebody/Patient.read",
    "permission": "user/patient.frobnicate",
    "word": "no-such-scope",
}
UNLISTED_V2 = {
    "write_letters": "patient/Observation.cruds",
    "category": "user/Observation.rs?category=http://example.org/nope|x",
    "letter": "user/Patient.rsx",
}
ODD = {
    "two_blanks": "openid  api:oemr  user/patient.read",
    "blank_before": " openid api:oemr user/patient.read",
    "tab": "openid api:oemr\tuser/patient.read",
    "new_line": "openid api:oemr\nuser/patient.read",
    "quote": 'openid api:oemr "user/patient.read"',
    "backslash": "openid api:oemr user\\patient.read",
    "nul": "openid api:oemr user/patient.read\x00",
    "long": "openid api:oemr user/patient.read " + "x" * 20000,
}


def scopes_of(response):
    """Return the scopes of a token response, and those in the access token if it is a JWT."""
    body = response.json() if response.is_success else {}
    token = str(body.get("access_token", ""))
    inside = keys.unverified_claims(token).get("scopes", []) if keys.is_jwt(token) else []
    return {*str(body.get("scope", "")).split(), *inside} - {"nonce", "site:default"}


@pytest.fixture(scope="module")
def reading_client_response(server, registrar, admin):
    """Request more scopes with a client that is registered for READ, once for each."""
    client = cache(lambda: registrar.confidential(READ))
    return cache(lambda more="": server.password(client(), admin, f"{READ} {more}".strip()))


def register(new_client, scope):
    """Try to register a client with these scopes, and return the response."""
    key_set = {"jwks": keys.jwks(keys.key("conformance-1"))}  # required for system scopes
    return new_client.register(new_client.confidential_metadata(scope) | key_set)


@requirement("SCOPE-granted-subset")
@pytest.mark.parametrize("grant", GRANTS)
def test_no_more_is_granted_than_was_asked_for(session_by_grant, grant):
    session = session_by_grant(grant)
    require_tokens(session.response)
    more = scopes_of(session.response) - {*session.client.scope.split()}

    expect.equal(sorted(more), [], "scopes beyond the request", session.response)


@requirement("SCOPE-unregistered-refused")
@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        pytest.param("confidential", "user/facility.read", id="authorization_code"),
        pytest.param(
            "password",
            "user/facility.read",
            marks=needs("oauth.password_grant"),
            id="password",
        ),
        pytest.param("public", "patient/Observation.read", id="public"),
        pytest.param(
            "confidential", "user/facility.rs", marks=needs("smart.v2_scopes"), id="version_two"
        ),
        pytest.param(
            "confidential",
            f"user/Observation.rs?category={LABORATORY}",
            marks=needs("smart.granular_scopes"),
            id="granular",
        ),
    ],
)
@pytest.mark.usefixtures("code_exchange_control")
def test_unregistered_scope_is_not_granted(
    server, admin, browser, new_client, reading_client_response, kind, scope
):
    if kind == "password":
        response = reading_client_response(scope)
    else:
        registered = PUBLIC if kind == "public" else READ
        make = new_client.public if kind == "public" else new_client.confidential
        client, asked = make(registered), f"{registered} {scope}"
        given = browser.authorize(client, admin, asked)
        refused = "code" not in given.parameters
        response = (
            given.response
            if refused
            else server.exchange(client, given.code, verifier=given.verifier)
        )

    expect.no_server_error(response)
    got = scopes_of(response)
    expect.that(scope not in got, f"{scope} not granted", sorted(got), response)


@requirement("SCOPE-no-letter-escalation")
@needs("oauth.password_grant")
@pytest.mark.parametrize(
    "more",
    [
        "user/patient.write",
        pytest.param("user/patient.crus", marks=needs("smart.v2_scopes")),
        pytest.param("user/patient.cruds", marks=needs("smart.v2_scopes")),
    ],
)
def test_reading_client_obtains_no_writing(reading_client_response, more):
    control = reading_client_response()
    response = reading_client_response(more)

    expect.status(control, 200)
    expect.no_server_error(response)
    got = scopes_of(response)
    expect.that(more not in got, f"{more} not granted", sorted(got), response)


@requirement("SCOPE-no-write-by-escalation")
@needs("oauth.password_grant")
def test_reading_client_writes_nothing(reading_client_response, api):
    asked, plain = reading_client_response("user/patient.write"), reading_client_response()
    token = (
        asked.json()["access_token"] if asked.is_success else require_tokens(plain)["access_token"]
    )
    read = api.get("/api/patient", token)
    if read.status_code != 200:
        line = exchange_line(read.request, read)
        raise Blocked(f"a token to read does not even open the API for that: {line}")
    # A patient cannot be created without a name, but the server has to read the body to see that.
    response = api.post("/api/patient", token, json={"fname": ""})

    expect.status(plain, 200)
    expect.no_data(
        response,
        401,
        403,
        because="the client may only read, and the server checks the data to write",
    )


@requirement("SCOPE-unlisted-not-granted")
@needs("oauth.password_grant")
@pytest.mark.parametrize(
    "scope",
    [
        *UNLISTED.values(),
        *[pytest.param(each, marks=needs("smart.v2_scopes")) for each in UNLISTED_V2.values()],
    ],
    ids=[*UNLISTED, *UNLISTED_V2],
)
@pytest.mark.usefixtures("password_grant_control")
def test_scope_that_is_not_offered_is_not_granted(server, admin, confidential_client, scope):
    response = server.password(confidential_client, admin, f"{READ} {scope}")

    expect.no_server_error(response)
    got = scopes_of(response)
    expect.that(scope not in got, f"{scope} not granted", sorted(got), response)


@requirement("SCOPE-unlisted-not-registered")
@writes
@pytest.mark.parametrize("scope", list(UNLISTED_V2.values()), ids=list(UNLISTED_V2))
@pytest.mark.usefixtures("registration_control")
def test_scope_that_is_not_offered_is_not_registered(new_client, scope):
    response = register(new_client, f"openid api:fhir {scope}")

    expect.no_server_error(response)
    registered = response.json().get("scope", "") if response.is_success else ""
    kept = scope in str(registered).split()
    expect.that(not kept, f"{scope} not registered", registered, response)


@requirement("OPENEMR-SCOPE-listed-all-registrable")
@writes
def test_each_offered_scope_can_be_registered(discovery, new_client):
    offered = expect.member(discovery, "scopes_supported", kind=list)
    offered = [scope for scope in offered if isinstance(scope, str)]
    families = ["api:oemr", "api:fhir", "api:port"]
    response = register(new_client, " ".join(dict.fromkeys([*families, *offered])))

    expect.success(response)
    registered = str(expect.member(response, "scope")).split()
    missing = sorted({*offered} - {*registered})
    both = [response, discovery]
    expect.equal(missing, [], "offered scopes that were not registered", both)


@pytest.fixture(scope="module")
def response_to_ordered_scopes(server, admin, confidential_client):
    """Request five scopes, once, and return the response."""
    return cache(lambda: server.password(confidential_client, admin, " ".join(FIVE)))


@requirement("SCOPE-duplicate-and-order")
@needs("oauth.password_grant")
@pytest.mark.parametrize("order", list(ORDERS))
def test_order_of_scopes_does_not_matter(
    server, admin, confidential_client, response_to_ordered_scopes, order
):
    first = response_to_ordered_scopes()
    require_tokens(first)
    response = server.password(confidential_client, admin, " ".join(ORDERS[order]))

    found, wanted = sorted(scopes_of(response)), sorted(scopes_of(first))
    expect.equal(found, wanted, "the granted scopes", [response, first])


@requirement("SCOPE-whitespace")
@needs("oauth.password_grant")
@pytest.mark.parametrize("scope", list(ODD))
@pytest.mark.usefixtures("password_grant_control")
def test_odd_scope_is_handled(server, admin, confidential_client, scope):
    response = server.password(confidential_client, admin, ODD[scope])

    expect.no_server_error(response)
    got = scopes_of(response)
    more = got - {"openid", "api:oemr", "user/patient.read"}
    expect.equal(sorted(more), [], "scopes beyond the requested ones", response)


@requirement("SCOPE-v1-returned-as-v1")
def test_v1_scopes_come_back_as_v1(tokens):
    asked = ["user/patient.read", "user/facility.read"]
    response = tokens.response("admin", " ".join(["openid", "api:oemr", *asked]))
    got = str(require_tokens(response).get("scope", "")).split()

    changed = [scope for scope in asked if scope not in got]
    expect.equal(changed, [], "scopes that changed", response)


@requirement("SCOPE-wildcard")
@needs("oauth.password_grant")
@pytest.mark.parametrize("scope", ["user/*.read", "patient/*.read", "system/*.read"])
@pytest.mark.usefixtures("password_grant_control")
def test_wildcard_is_refused_or_told(server, api, admin, new_client, scope):
    client = new_client.confidential("openid api:fhir user/Patient.read")
    response = server.password(client, admin, f"openid api:fhir user/Patient.read {scope}")
    got = scopes_of(response)
    body = response.json() if response.is_success else {}
    token = body.get("access_token", "none")
    told = any("Organization" in each or "*" in each for each in got)

    expect.no_server_error(response)
    answer = api.get("/fhir/Organization", token)
    right = told or not answer.is_success
    expect.that(right, "no more than the scope says", sorted(got), [answer, response])
