"""Scopes of routes: every route of the three APIs with the right token and with wrong ones."""

import pytest

from conformance import APIS, expect, requirement
from conformance.routes.table import cell, closed, everywhere, firsts, rotating
from fixtures.target.model import not_applicable

ALL = everywhere()
#: One route of each API.
PLACES = {"/api/facility", "/portal/patient", "/fhir/Patient?_count=1"}
TURNS = ["patient", "system"]
ROUTES = [cell(route) for route in ALL]
#: Each route with the first of its roles; reads and operations of the FHIR API with each role.
ROLES = [
    cell(route, role, role=role)
    for route in ALL
    for role in route.roles
    if role == route.roles[0]
    or route.letter == ("s" if route.resource == "Patient" else "r")
    or route.letter.startswith("$")
]
#: Each route with its first role; reads of the FHIR API as a patient and as a system in turn.
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
#: Every second resource of the APIs that have their own scope.
FAMILIES = [cell(route) for route in firsts()[::2] if route.api != "fhir"]
BARE = [cell(route) for route in firsts()[1::8]]
REFUSING = [cell(route) for route in firsts() if route.url in PLACES]
OTHER_ROLES = [
    pytest.param(*each.values, place, marks=each.marks, id=each.id)
    for place, each in enumerate(
        cell(route) for route in ALL if route.api != "fhir" or route.letter != "r"
    )
]


@pytest.fixture
def open_api(route, api_path_and_token):
    """The API of the route, which a good token opens; SCOPE-route-open judges the route itself."""
    api_path_and_token(route.api)


def closed_to(route_caller, route, response, because):
    """Expect a route to refuse a token, or not to exist."""
    __tracebackhide__ = True
    if response.status_code == 404 and route_caller.absent(route, route.roles[0], response):
        not_applicable(f"the server has no route {route.method} {route.path}")
    expect.no_data(response, 401, 403, because=because)


@requirement("RFC6750-no-auth-matrix")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_without_a_token(route_caller, route):
    response = route_caller.call(route, None)

    expect.no_data(response, 401, because="anybody could call it")


@requirement("SCOPE-route-open")
@pytest.mark.parametrize(("route", "role"), ROLES)
def test_route_is_open_to_its_scope(route_caller, route_tokens, route, role):
    response = route_caller.call(route, route_tokens.right(route, role))

    missing = response.status_code == 404 and route_caller.missing(route, role, response)
    if missing and route.since:
        not_applicable(f"the server has no route {route.method} {route.path}")
    words = f"{route.method} {route.path} to be there, as the API is declared"
    expect.that(not missing, words, response, response)
    words = f"a {role} token with {route_tokens.spelled(route, role)} to get past the authorization"
    expect.that(response.status_code not in {401, 403}, words, response, response)


@requirement("SCOPE-route-own-scope")
@pytest.mark.parametrize(("route", "role"), OWNERS)
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_to_other_scopes(route_caller, route_tokens, scope_facts, route, role):
    response = route_caller.with_less(route, role, lambda: route_tokens.foreign(route, role))

    if response.status_code == 404 and route_caller.absent(route, role, response):
        not_applicable(f"the server has no route {route.method} {route.path}")
    scope = route_tokens.spelled(route, role)
    if scope is not None:
        scope_facts.note(scope, enforced=response.status_code in {401, 403})
    because = f"the token does not have the scope {scope or route.scope(role)}"
    expect.no_data(response, 401, 403, because=because)


@requirement("SCOPE-route-role")
@pytest.mark.parametrize(("route", "place"), OTHER_ROLES)
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_to_other_roles(route_caller, route_tokens, route, place):
    response = route_caller.call(route, route_tokens.of_another_role(route, place))

    closed_to(route_caller, route, response, "the token is of a role that the route is not for")


@requirement("SCOPE-route-read-only")
@pytest.mark.parametrize("route", WRITES)
@pytest.mark.usefixtures("open_api")
def test_writing_route_is_closed_to_the_scope_to_read(route_caller, route_tokens, route):
    route_tokens.offers(route, "read")
    response = route_caller.with_less(
        route, route.roles[0], lambda: route_tokens.permitted(route, "read")
    )

    closed_to(route_caller, route, response, "an app that may only read would change the record")


@requirement("SCOPE-route-write-only")
@pytest.mark.parametrize("route", READS)
@pytest.mark.usefixtures("open_api")
def test_reading_route_is_closed_to_the_scope_to_write(route_caller, route_tokens, route):
    route_tokens.offers(route, "write")
    response = route_caller.with_less(
        route, route.roles[0], lambda: route_tokens.permitted(route, "write")
    )

    closed_to(route_caller, route, response, "an app that may only write would read the records")


@requirement("SCOPE-route-family")
@pytest.mark.parametrize("route", FAMILIES)
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_without_the_scope_of_its_api(route_caller, route_tokens, route):
    response = route_caller.call(route, route_tokens.without_family(route))

    closed_to(route_caller, route, response, f"the token does not have the scope {route.family}")


@requirement("RFC6750-bad-token-matrix")
@pytest.mark.parametrize(("route", "kind"), [cell(*each) for each in rotating(BAD)])
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_to_what_is_no_access_token(
    route_caller, route_tokens, forger, route, kind
):
    token = {
        "garbage": lambda: "no-token-at-all",
        "tampered": lambda: forger.forge(route_tokens.whole(route), "signature_changed"),
        "id_token": lambda: route_tokens.whole(route, "id_token"),
        "refresh_token": lambda: route_tokens.whole(route, "refresh_token"),
    }[kind]()
    response = route_caller.call(route, token)

    expect.no_data(response, because=f"the {kind} is not an access token")


@requirement("RFC6750-2.1-scheme-required")
@pytest.mark.parametrize("route", BARE)
@pytest.mark.usefixtures("open_api")
def test_route_is_closed_to_a_token_without_its_scheme(route_caller, route_tokens, route):
    response = route_caller.call(route, None, Authorization=route_tokens.whole(route))

    expect.no_data(response, 400, 401, because="a token needs its scheme Bearer")


@requirement("SCOPE-route-offered")
@pytest.mark.parametrize("api_name", APIS)
def test_scope_of_each_route_is_offered(route_caller, route_tokens, target, api_name):
    off = set() if "oauth.client_credentials" in target.features else {"system"}
    wanting, there = [], []
    for route in closed(api_name):
        role = route.roles[0]
        if role not in off and route_tokens.spelled(route, role) is None:
            answer = route_caller.call(route, route_tokens.foreign(route, role))
            if answer.status_code != 404:
                wanting.append(f"{route.method} {route.path}: {route.scope(role)}")
                there.append(answer)

    expect.equal(wanting, [], "existing routes without an offered scope", there)


@requirement("SCOPE-refusal-json")
@pytest.mark.parametrize("why", ["scope", "role"])
@pytest.mark.parametrize("route", REFUSING)
@pytest.mark.usefixtures("open_api")
def test_refusal_of_a_scope_or_role_is_json(route_caller, route_tokens, route, why):
    role = route.roles[0]
    response = {
        "scope": lambda: route_caller.with_less(
            route, role, lambda: route_tokens.foreign(route, role)
        ),
        "role": lambda: route_caller.call(route, route_tokens.of_another_role(route, 0)),
    }[why]()

    expect.no_data(response, 401, 403)
    expect.media_type(response, "application/json", "application/fhir+json")
    expect.json_object(response)


@requirement("SCOPE-v2-order-invalid")
@pytest.mark.parametrize("letters", ["sr", "rr", "readx"])
def test_badly_ordered_letters_are_not_granted(server, tokens, clients, admin, letters):
    tokens.staff("openid api:fhir user/Patient.rs")  # with letters in order
    scope = f"user/Patient.{letters}"
    response = tokens.fetch(clients.confidential, admin, f"openid api:fhir {scope}")

    if response.is_success:
        got = str(expect.member(response, "scope")).split()
        expect.that(scope not in got, f"no {scope} among the granted scopes", got, response)
    elif not response.is_redirect:  # a redirect is the refusal of a login
        expect.refused(response)
