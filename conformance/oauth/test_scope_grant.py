"""Which scopes are granted: what was registered, asked for, offered, and no more."""

from functools import cache

import pytest

from conformance import GRANTS, expect, needs, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import confidential_metadata
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
#: Scopes that the server does not offer, beside a good one.
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
    """Return the scopes of a token answer, and those of the token itself where it is a JWT."""
    body = response.json() if response.is_success else {}
    token = str(body.get("access_token", ""))
    inside = keys.unverified_claims(token).get("scopes", []) if keys.is_jwt(token) else []
    return {*str(body.get("scope", "")).split(), *inside} - {"nonce", "site:default"}


@pytest.fixture(scope="module")
def reader(server, registrar, admin):
    """Ask for more with a client that is registered for READ: `reader(more)`, each once."""
    client = cache(lambda: registrar.confidential(READ))
    return cache(lambda more="": server.password(client(), admin, f"{READ} {more}".strip()))


def register(new_client, scope):
    """Ask for a client with these scopes, to be removed at the end, and return the answer."""
    key_set = {"jwks": keys.jwks(keys.key("conformance-1"))}  # a must with system scopes
    return new_client.register(confidential_metadata(scope) | key_set)


@requirement("SCOPE-granted-subset")
@pytest.mark.parametrize("grant", GRANTS)
def test_no_more_is_granted_than_was_asked_for(issued, grant):
    """A token has no scope that was not asked for and not registered."""
    session = issued(grant)
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
def test_unregistered_scope_is_not_granted(server, admin, browser, new_client, reader, kind, scope):
    """A scope outside the registration of the client is not granted."""
    if kind == "password":
        response = reader(scope)
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
def test_reading_client_obtains_no_writing(reader, more):
    """A client that is registered for reading obtains no scope for writing."""
    control = reader()
    response = reader(more)

    expect.status(control, 200)
    expect.no_server_error(response)
    got = scopes_of(response)
    expect.that(more not in got, f"{more} not granted", sorted(got), response)


@requirement("SCOPE-no-write-by-escalation")
@needs("oauth.password_grant")
def test_reading_client_writes_nothing(reader, api):
    """A client that is registered for reading writes nothing, whatever it asks for."""
    asked, plain = reader("user/patient.write"), reader()
    token = (
        asked.json()["access_token"] if asked.is_success else require_tokens(plain)["access_token"]
    )
    read = api.get("/api/patient", token)
    if read.status_code != 200:
        line = exchange_line(read.request, read)
        raise Blocked(f"a token to read does not even open the API for that: {line}")
    # Without a name the server could not create a patient, but it would have to look at it.
    response = api.post("/api/patient", token, json={"fname": ""})

    expect.status(plain, 200)
    expect.no_data(
        response, 401, 403, because="the client may only read, and looks at data to write"
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
def test_scope_that_is_not_offered_is_not_granted(server, admin, confidential_client, scope):
    """A scope that the server does not offer is not granted."""
    response = server.password(confidential_client, admin, f"{READ} {scope}")

    expect.no_server_error(response)
    got = scopes_of(response)
    expect.that(scope not in got, f"{scope} not granted", sorted(got), response)


@requirement("SCOPE-unlisted-not-registered")
@writes
@pytest.mark.parametrize("scope", list(UNLISTED_V2.values()), ids=list(UNLISTED_V2))
def test_scope_that_is_not_offered_is_not_registered(new_client, scope):
    """A narrowed or widened form of an offered scope is not registered where it is not offered."""
    response = register(new_client, f"openid api:fhir {scope}")

    expect.no_server_error(response)
    registered = response.json().get("scope", "") if response.is_success else ""
    expect.that(scope not in str(registered).split(), f"{scope} not registered", registered)


@requirement("OPENEMR-SCOPE-listed-all-registrable")
@writes
def test_each_offered_scope_can_be_registered(discovery, new_client):
    """Each scope that the discovery document offers can be registered."""
    offered = expect.member(discovery, "scopes_supported", kind=list)
    offered = [scope for scope in offered if isinstance(scope, str)]
    families = ["api:oemr", "api:fhir", "api:port"]
    response = register(new_client, " ".join(dict.fromkeys([*families, *offered])))

    expect.success(response)
    registered = str(expect.member(response, "scope")).split()
    missing = sorted({*offered} - {*registered})
    expect.equal(missing, [], "offered scopes that were not registered", response)


@pytest.fixture(scope="module")
def in_order(server, admin, confidential_client):
    """Ask for five scopes, once: `in_order()` gives the answer."""
    return cache(lambda: server.password(confidential_client, admin, " ".join(FIVE)))


@requirement("SCOPE-duplicate-and-order")
@needs("oauth.password_grant")
@pytest.mark.parametrize("order", list(ORDERS))
def test_order_of_scopes_does_not_matter(server, admin, confidential_client, in_order, order):
    """The order of the scopes in a request does not matter."""
    first = in_order()
    require_tokens(first)
    response = server.password(confidential_client, admin, " ".join(ORDERS[order]))

    expect.equal(
        sorted(scopes_of(response)), sorted(scopes_of(first)), "the granted scopes", response
    )


@requirement("SCOPE-whitespace")
@needs("oauth.password_grant")
@pytest.mark.parametrize("scope", list(ODD))
def test_odd_scope_is_handled(server, admin, confidential_client, scope):
    """A scope that is written against the rules is refused, or granted as the clean one is."""
    response = server.password(confidential_client, admin, ODD[scope])

    expect.no_server_error(response)
    got = scopes_of(response)
    more = got - {"openid", "api:oemr", "user/patient.read"}
    expect.equal(sorted(more), [], "scopes beyond the clean ones", response)


@requirement("SCOPE-v1-returned-as-v1")
def test_v1_scopes_come_back_as_v1(tokens):
    """Scopes that were asked for in the spelling of SMART 1 come back in it."""
    asked = ["user/patient.read", "user/facility.read"]
    answer = tokens.body("admin", " ".join(["openid", "api:oemr", *asked]))
    got = str(answer.get("scope", "")).split()

    expect.equal([scope for scope in asked if scope not in got], [], "scopes that changed")


@requirement("SCOPE-wildcard")
@needs("oauth.password_grant")
@pytest.mark.parametrize("scope", ["user/*.read", "patient/*.read", "system/*.read"])
def test_wildcard_is_refused_or_told(server, api, admin, new_client, scope):
    """A wildcard scope is refused, or the granted scope says what came of it."""
    client = new_client.confidential("openid api:fhir user/Patient.read")
    response = server.password(client, admin, f"openid api:fhir user/Patient.read {scope}")
    got = scopes_of(response)
    body = response.json() if response.is_success else {}
    token = body.get("access_token", "none")
    told = any("Organization" in each or "*" in each for each in got)

    expect.no_server_error(response)
    answer = api.get("/fhir/Organization", token)
    expect.that(told or not answer.is_success, "no more than the scope says", sorted(got), answer)
