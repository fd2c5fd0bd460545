"""Who may call a route: every route of the three APIs, with the right token and the wrong ones."""

import pytest

from conformance import APIS, expect, requirement
from conformance.routes.table import cell, closed, everywhere, firsts, rotating
from fixtures.target.model import not_applicable

ALL = everywhere()
#: One route of each API.
PLACES = {"/api/facility", "/portal/patient", "/fhir/Patient?_count=1"}
TURNS = ["patient", "system"]
ROUTES = [cell(route) for route in ALL]
#: Each route for the first of its roles; reads and operations of the FHIR API for each.
ROLES = [
    cell(route, role, role=role)
    for route in ALL
    for role in route.roles
    if role == route.roles[0]
    or route.letter == ("s" if route.resource == "Patient" else "r")
    or route.letter.startswith("$")
]
#: As each route's first role; reads of the FHIR API by turns as a patient and as a system.
OWNERS = [
    cell(route, role, role=role)
    for place, route in enumerate(ALL)
    for role in [
        route.roles[0] if len(route.roles) < 3 or route.letter != "r" else TURNS[place % 2]
    ]
]
BAD = ["garbage", "tampered", "id_token", "refresh_token"]
READING = {(route.api, route.resource) for route in ALL if route.v1.endswith(".read")}
WRITING = {(route.api, route.resource) for route in ALL if route.v1.endswith(".write")}
WRITES = [
    cell(route)
    for route in ALL
    if route.v1.endswith(".write") and (route.api, route.resource) in READING
]
READS = [
    cell(route)
    for route in firsts()
    if route.v1.endswith(".read") and (route.api, route.resource) in WRITING
]
#: Every second resource of the APIs that have a scope of their own.
FAMILIES = [cell(route) for route in firsts()[::2] if route.api != "fhir"]
BARE = [cell(route) for route in firsts()[1::8]]
REFUSING = [cell(route) for route in firsts() if route.url in PLACES]
STRANGERS = [
    pytest.param(*each.values, place, marks=each.marks, id=each.id)
    for place, each in enumerate(
        cell(route) for route in ALL if route.api != "fhir" or route.letter != "r"
    )
]


def closed_to(gate, route, response, because):
    """Expect that a route refused a token, or that the server has no such route."""
    __tracebackhide__ = True
    if response.status_code == 404 and gate.absent(route, route.roles[0], response):
        not_applicable(f"the server has no route {route.method} {route.path}")
    expect.no_data(response, 401, 403, because=because)


@requirement("RFC6750-no-auth-matrix")
@pytest.mark.parametrize("route", ROUTES)
def test_route_is_closed_without_a_token(gate, route):
    """A call of a protected route without a token is answered with 401 and no data."""
    response = gate.call(route, None)

    expect.no_data(response, 401, because="anybody could call it")


@requirement("SCOPE-route-open")
@pytest.mark.parametrize(("route", "role"), ROLES)
def test_route_is_open_to_its_scope(gate, keyring, route, role):
    """A route is open to a token with its scope."""
    response = gate.call(route, keyring.right(route, role))

    missing = response.status_code == 404 and gate.missing(route, role, response)
    if missing and route.since:
        not_applicable(f"the server has no route {route.method} {route.path}")
    words = f"{route.method} {route.path} to be there, as the API is declared"
    expect.that(not missing, words, response, response)
    words = f"a {role} token with {keyring.spelled(route, role)} to get past the authorization"
    expect.that(response.status_code not in {401, 403}, words, response, response)


@requirement("SCOPE-route-own-scope")
@pytest.mark.parametrize(("route", "role"), OWNERS)
def test_route_is_closed_to_other_scopes(gate, keyring, scopes, route, role):
    """A route is closed to a token with the scopes of other resources."""
    response = gate.with_less(route, role, lambda: keyring.foreign(route, role))

    if response.status_code == 404 and gate.absent(route, role, response):
        not_applicable(f"the server has no route {route.method} {route.path}")
    scope = keyring.spelled(route, role)
    if scope is not None:
        scopes.note(scope, enforced=response.status_code in {401, 403})
    because = f"the token has not the scope {scope or route.scope(role)}"
    expect.no_data(response, 401, 403, because=because)


@requirement("SCOPE-route-role")
@pytest.mark.parametrize(("route", "place"), STRANGERS)
def test_route_is_closed_to_other_roles(gate, keyring, route, place):
    """A route is closed to tokens of a role that it is not for."""
    response = gate.call(route, keyring.stranger(route, place))

    closed_to(gate, route, response, "the token is of a role that the route is not for")


@requirement("SCOPE-route-read-only")
@pytest.mark.parametrize("route", WRITES)
def test_writing_route_is_closed_to_the_scope_to_read(gate, keyring, route):
    """A route that writes is closed to a token with the scope to read."""
    keyring.offers(route, "read")
    response = gate.with_less(route, route.roles[0], lambda: keyring.permitted(route, "read"))

    closed_to(gate, route, response, "an app that may only read would change the record")


@requirement("SCOPE-route-write-only")
@pytest.mark.parametrize("route", READS)
def test_reading_route_is_closed_to_the_scope_to_write(gate, keyring, route):
    """A route that reads is closed to a token with the scope to write."""
    keyring.offers(route, "write")
    response = gate.with_less(route, route.roles[0], lambda: keyring.permitted(route, "write"))

    closed_to(gate, route, response, "an app that may only write would read the records")


@requirement("SCOPE-route-family")
@pytest.mark.parametrize("route", FAMILIES)
def test_route_is_closed_without_the_scope_of_its_api(gate, keyring, route):
    """A route is closed to a token without the scope of its API."""
    response = gate.call(route, keyring.familiar(route))

    closed_to(gate, route, response, f"the token has not the scope {route.family}")


@requirement("RFC6750-bad-token-matrix")
@pytest.mark.parametrize(("route", "kind"), [cell(*each) for each in rotating(BAD)])
def test_route_is_closed_to_what_is_no_access_token(gate, keyring, forger, route, kind):
    """A route is closed to what is no good access token."""
    token = {
        "garbage": lambda: "no-token-at-all",
        "tampered": lambda: forger.forge(keyring.whole(route), "signature_changed"),
        "id_token": lambda: keyring.whole(route, "id_token"),
        "refresh_token": lambda: keyring.whole(route, "refresh_token"),
    }[kind]()
    response = gate.call(route, token)

    expect.no_data(response, 400, 401, because=f"the {kind} is no access token")


@requirement("RFC6750-2.1-scheme-required")
@pytest.mark.parametrize("route", BARE)
def test_route_is_closed_to_a_token_without_its_scheme(gate, keyring, route):
    """An access token without the scheme Bearer before it is not accepted."""
    response = gate.call(route, None, Authorization=keyring.whole(route))

    expect.no_data(response, 400, 401, because="a token is only good with its scheme Bearer")


@requirement("SCOPE-route-offered")
@pytest.mark.parametrize("api_name", APIS)
def test_scope_of_each_route_is_offered(gate, keyring, target, api_name):
    """The scope of each route is offered."""
    off = set() if "oauth.client_credentials" in target.features else {"system"}
    wanting, there = [], []
    for route in closed(api_name):
        role = route.roles[0]
        if role not in off and keyring.spelled(route, role) is None:
            answer = gate.call(route, keyring.foreign(route, role))
            if answer.status_code != 404:
                wanting.append(f"{route.method} {route.path}: {route.scope(role)}")
                there.append(answer)

    expect.equal(wanting, [], "routes that the server has and offers no scope for", there)


@requirement("SCOPE-refusal-json")
@pytest.mark.parametrize("why", ["scope", "role"])
@pytest.mark.parametrize("route", REFUSING)
def test_refusal_of_a_scope_or_role_is_json(gate, keyring, route, why):
    """A refusal for want of a scope or a role says why in JSON."""
    role = route.roles[0]
    response = {
        "scope": lambda: gate.with_less(route, role, lambda: keyring.foreign(route, role)),
        "role": lambda: gate.call(route, keyring.stranger(route, 0)),
    }[why]()

    expect.no_data(response, 401, 403)
    expect.media_type(response, "application/json", "application/fhir+json")
    expect.json_object(response)


@requirement("SCOPE-v2-order-invalid")
@pytest.mark.parametrize("letters", ["sr", "rr", "readx"])
def test_badly_ordered_letters_are_not_granted(server, tokens, clients, admin, letters):
    """A scope whose letters are out of order is refused, ignored or put right."""
    scope = f"user/Patient.{letters}"
    response = tokens.fetch(clients.confidential, admin, f"openid api:fhir {scope}")

    if response.is_success:
        got = str(expect.member(response, "scope")).split()
        expect.that(scope not in got, f"no {scope} among what is granted", got, response)
    elif not response.is_redirect:  # by which a login is refused
        expect.refused(response)
