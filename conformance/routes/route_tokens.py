"""Tokens to call routes with: the right one, and several wrong ones, one for each set of scopes.

Each token takes a login. So that few are needed, the wrong ones have many scopes: the scopes of one
half of the resources open no route of the other half, and a token of another role has all scopes.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterable
from functools import cache, cached_property

import pytest

from conformance.routes.scope_table import ScopeFacts
from conformance.routes.table import CONTEXT, UNKNOWN, Route, closed, everywhere, firsts
from fixtures.driver.api import Api
from fixtures.driver.authorization_server import AuthorizationServer, Client, require_tokens
from fixtures.driver.registrar import Registrar, RegistrationRefused
from fixtures.driver.tokens import Tokens, user_of
from fixtures.target.model import Target, not_applicable
from fixtures.wire.client import Blocked, Response, json_body

SYSTEMS, PASSWORDS = "oauth.client_credentials", "oauth.password_grant"
#: The shortest lifetime of a system client's token, minus some time to use it.
SYSTEM_SECONDS = 240
USERS = {"staff": "admin", "patient": "patient"}
FAMILIES = "api:oemr api:port api:fhir"
#: The roles whose tokens are sent to the routes of other roles, in turn.
OTHER_ROLES = {"rest": ("patient", "system"), "portal": ("staff", "system")}
#: The scope that replaces an API's own one, with which the same resource scopes can be requested.
OTHER_FAMILY = {"rest": "api:port", "portal": "api:oemr"}
LETTERS = {"read": "rs", "write": "cud"}


class RouteTokens:
    """Tokens for routes, each fetched once per worker."""

    def __init__(
        self,
        target: Target,
        server: AuthorizationServer,
        registrar: Registrar,
        tokens: Tokens,
        scopes: ScopeFacts,
    ) -> None:
        self.target = target
        self.server = server
        self.registrar = registrar
        self.tokens = tokens
        self.scopes = scopes
        self._clients: dict[str, Client] = {}
        self._refused: set[str] = set()
        self._answers: dict[tuple[str, str], tuple[float, dict[str, str]]] = {}

    @cached_property
    def offered(self) -> dict[str, None]:
        """The scopes in the discovery document, in its order."""
        listed = json_body(self.server.discover()).get("scopes_supported", [])
        flat = (each for part in listed for each in (part if isinstance(part, list) else [part]))
        found = {str(scope): None for scope in flat}
        for scope in found:
            self.scopes.note(scope, advertised=True)
        return found

    @cached_property
    def _permitting(self) -> dict[str, list[tuple[str, set[str]]]]:
        """The offered scopes of SMART 2 with their letters, by context and resource."""
        found: dict[str, list[tuple[str, set[str]]]] = {}
        for scope in self.offered:
            subject, letters = permitted(scope)
            if letters:
                found.setdefault(subject, []).append((scope, letters))
        return found

    def spelled(self, route: Route, role: str, permission: str = "") -> str | None:
        """Return the offered scope that opens a route to a role, or has the named permission."""
        wanted = route.scope(role, permission)
        if wanted in self.offered:
            return wanted
        letters = {*(LETTERS[permission] if permission else route.letter)}
        permitting = self._permitting.get(wanted.partition(".")[0], ())
        fitting = [scope for scope, its in permitting if letters <= its]
        return min(fitting, key=len, default=None)

    def right(self, route: Route, role: str) -> str:
        """Return a token that opens a route, with the scopes of half of the resources.

        For one route of each resource the token has the scope of the route only, see `_exact`.
        Not applicable where the server has no such scope.
        """
        scope = self.spelled(route, role)
        unlisted = scope is None
        scope = scope or self._unlisted(route, role)
        scopes = [scope]
        if not (unlisted or self._exact(route, role)):
            scopes = self._of_half(route, role, halves(route.api)[route.resource])
        answer = self._asked(role, [route.family, *scopes])
        if scope not in answer["scope"].split():
            raise Blocked(f"asked for {scope}, granted {answer['scope']}")
        return answer["access_token"]

    def permitted(self, route: Route, permission: str) -> str:
        """Return a token with all scopes of an API to read, or to write."""
        role = route.roles[0]
        return self._token(
            role, [route.family, *self._spelled(closed(route.api), role, permission)]
        )

    def offers(self, route: Route, permission: str) -> None:
        """Check that the server offers a scope to read or write at a route; else not applicable."""
        role = route.roles[0]
        if self.spelled(route, role, permission) is None:
            not_applicable(f"the server offers no scope {route.scope(role, permission)}")

    def whole(self, route: Route, member: str = "access_token") -> str:
        """Return a token of the right role for a route, with all scopes of its API."""
        role = route.roles[0]
        if role == "system" and member != "access_token":
            not_applicable(f"a system gets no {member}")
        base = [] if role == "system" else ["offline_access"]
        answer = self._asked(role, [*base, route.family, *self._spelled(closed(route.api), role)])
        if member not in answer:
            raise Blocked(f"no {member} to judge with")
        return answer[member]

    def foreign(self, route: Route, role: str) -> str:
        """Return a token of the right role and API, with the scopes of other resources only."""
        return self._token(role, [route.family, *self._others(route, role)])

    def wrong(self, route: Route, role: str) -> str:
        """Return a token of the right role and API with all scopes that do not open the route.

        It has the scopes of other resources, and those to read if the route writes, or to write if
        it reads.
        """
        permission = {"read": "write", "write": "read"}.get(route.v1.partition(".")[2])
        scopes = self._others(route, role)
        if permission:
            scopes += self._spelled(closed(route.api), role, permission)
        return self._token(role, [route.family, *dict.fromkeys(scopes)])

    def of_another_role(self, route: Route, place: int) -> str:
        """Return a token of a role that a route is not for, with all scopes of that role.

        FHIR is for all roles: staff without a patient calls routes that read with the scopes of
        patients, a patient calls routes that write with the scopes of staff, and staff calls routes
        for systems.
        """
        if route.api == "fhir":
            role = "patient" if route.writes and route.roles == ("staff",) else "staff"
            context = "patient" if "patient" in route.roles else "staff"
            return self._token(role, [route.family, *self._spelled(closed("fhir"), context)])
        others = OTHER_ROLES[route.api]
        role = others[place % len(others)]
        own = self._spelled(closed("rest"), "staff") + self._spelled(closed("portal"), "patient")
        return self._token(role, [*FAMILIES.split()[:2], *own])

    def without_family(self, route: Route) -> str:
        """Return a token with all scopes of an API's resources, but not the scope of the API."""
        role = route.roles[0]
        return self._token(role, [OTHER_FAMILY[route.api], *self._spelled(closed(route.api), role)])

    def _unlisted(self, route: Route, role: str) -> str:
        """Try to register a scope that is not advertised: the server may know it all the same."""
        scope = route.scope(role)
        if scope in self._clients:
            return scope
        if scope in self._refused:
            not_applicable(f"the server offers no scope {scope}")
        try:
            client = self.registrar.confidential(f"openid {route.family} {scope}")
        except RegistrationRefused:
            self._refused.add(scope)
            self.scopes.note(scope, advertised=False, registrable=False)
            not_applicable(f"the server offers no scope {scope}")
        self.scopes.note(scope, advertised=False, registrable=True)
        self._clients[scope] = client
        return scope

    def _exact(self, route: Route, role: str) -> bool:
        """Return whether a token for a route and role is cheap enough to have its scope only.

        A token of a system takes the shortest time, a login with a password a few times as long.
        """
        features = self.target.features
        if (route.api, route.resource) in read_by_systems() and SYSTEMS in features:
            return role == "system" and route.letter == "r"
        return PASSWORDS in features and role == route.roles[0] and route in firsts()

    def _others(self, route: Route, role: str) -> list[str]:
        """Return the offered scopes of a role for the half of the resources without a route's."""
        others = self._of_half(route, role, 1 - halves(route.api)[route.resource])
        if route.letter.startswith("$"):  # a wildcard may open an operation
            others = [scope for scope in others if "/*." not in scope]
        return others

    def _of_half(self, route: Route, role: str, half: int) -> list[str]:
        """Return the offered scopes of a role for half of the resources, in every spelling."""
        resources = [name for name, its in halves(route.api).items() if its == half]
        start = tuple(f"{CONTEXT[role]}/{resource}." for resource in resources)
        return [scope for scope in self.offered if scope.startswith(start) and "?" not in scope]

    def _spelled(self, routes: Iterable[Route], role: str, permission: str = "") -> list[str]:
        """Return the offered scopes of the routes; with one permission only if it is named."""
        named = [each for each in routes if not permission or each.v1.endswith(f".{permission}")]
        found = dict.fromkeys(self.spelled(each, role, permission) for each in named)
        return [scope for scope in found if scope is not None]

    def _token(self, role: str, scopes: list[str]) -> str:
        return self._asked(role, scopes)["access_token"]

    def _asked(self, role: str, scopes: list[str]) -> dict[str, str]:
        asked = " ".join(scopes if role == "system" else ["openid", *scopes])
        answer = self._answer(role, asked)
        got = answer["scope"].split()
        for scope in scopes:
            if "/" in scope and scope.startswith(f"{CONTEXT[role]}/"):
                self.scopes.note(scope, granted=scope in got)
        return answer

    def _answer(self, role: str, scope: str) -> dict[str, str]:
        at, answer = self._answers.get((role, scope), (0.0, {}))
        if not answer or (role == "system" and time.monotonic() - at > SYSTEM_SECONDS):
            response = self._fetch(role, scope)
            body = require_tokens(response, f"token for {scope[:120]}")
            answer = {name: value for name, value in body.items() if isinstance(value, str)}
            answer.setdefault("scope", scope)  # RFC 6749 section 5.1: left out if it is the same
            self._answers[role, scope] = time.monotonic(), answer
        return answer

    def _fetch(self, role: str, scope: str) -> Response:
        if role == "system":
            if not any(each.startswith("system/") for each in self.offered):
                not_applicable("the server offers no system scope")
            return self.server.client_credentials(self._client("system"), scope)
        client = self._clients.get(scope.rpartition(" ")[2])
        if client is None and role == "staff":
            shared = self.tokens.clients.confidential.scope.split()
            if {*scope.split()} <= {*shared}:
                return self.tokens.response("admin", scope)  # which other checks ask for too
        client = client or self._client("people")
        return self.tokens.fetch(client, user_of(self.target, USERS[role]), scope)

    def _client(self, name: str) -> Client:
        if name not in self._clients:
            base = FAMILIES if name == "system" else f"openid offline_access {FAMILIES}"
            foreign = "launch" if name == "system" else "system/"
            wanted = [scope for scope in self.offered if not scope.startswith(foreign)]
            wanted = [scope for scope in wanted if scope not in base.split()]
            self._clients[name] = self._registered(name, base, wanted)
        return self._clients[name]

    def _registered(self, name: str, base: str, wanted: list[str]) -> Client:
        """Register a client for all that can be registered of what is wanted."""
        make = self.registrar.system if name == "system" else self.registrar.confidential
        try:
            client = make(" ".join([base, *wanted]))
        except RegistrationRefused:
            if not wanted:
                raise
            return self._registered(name, base, self._registrable(base, wanted))
        registered = str(client.metadata.get("scope") or client.scope).split()
        for scope in wanted:
            self.scopes.note(scope, registrable=scope in registered)
        return client

    def _registrable(self, base: str, wanted: list[str]) -> list[str]:
        """Find out by bisection which scopes can be registered."""
        try:
            self.registrar.confidential(" ".join([base, *wanted]))
        except RegistrationRefused:
            if len(wanted) == 1:
                self.scopes.note(wanted[0], registrable=False)
                return []
            middle = len(wanted) // 2
            halves = wanted[:middle], wanted[middle:]
            return [scope for half in halves for scope in self._registrable(base, half)]
        return wanted


def permitted(scope: str) -> tuple[str, set[str]]:
    """Return context and resource of a SMART 2 scope, and its letters; both empty for others."""
    found = re.fullmatch(r"([\w/*]+)\.([cruds]+)", scope)
    return (found[1], {*found[2]}) if found else ("", set())


@cache
def read_by_systems() -> frozenset[tuple[str, str]]:
    """Return the API and the name of each resource that a system reads by its id."""
    return frozenset(
        (route.api, route.resource)
        for route in everywhere()
        if route.letter == "r" and "system" in route.roles
    )


@cache
def halves(api: str) -> dict[str, int]:
    """Return for each resource of an API the half that it belongs to, 0 or 1."""
    resources = sorted({route.resource for route in closed(api)})
    return {resource: place % 2 for place, resource in enumerate(resources)}


class RouteCaller:
    """Calls routes, and distinguishes a refusal from a route that does not exist."""

    def __init__(self, api: Api, keyring: RouteTokens) -> None:
        self.api = api
        self.keyring = keyring
        self._nowhere: dict[str, tuple[int, bytes]] = {}
        self._there: dict[str, bool] = {}
        self._refusals: dict[tuple[str, str], Response | None] = {}

    def call(self, route: Route, token: str | None, **headers: str) -> Response:
        """Call a route in a way that changes nothing."""
        body = route.refused if route.method in {"POST", "PUT"} else None
        return self.api.request(route.method, route.url, token, json=body, headers=headers)

    def with_less(self, route: Route, role: str, token: Callable[[], str]) -> Response:
        """Call a route with a token that lacks its scope, or return a refusal that implies one.

        A route that refuses a token with all scopes that do not open it refuses one with some of
        them. That call is made once, and `token` is fetched only if it was not refused.
        """
        key = route.id, role
        if key not in self._refusals:
            self._refusals[key] = None
            with contextlib.suppress(Blocked):
                answer = self.call(route, self.keyring.wrong(route, role))
                self._refusals[key] = answer if answer.status_code in {401, 403} else None
        return self._refusals[key] or self.call(route, token())

    def at(self, method: str, path: str, token: str | None = None) -> Response:
        """Call a route by its path, with stars for the parameters."""
        body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        return self.api.request(method, path.replace("*", UNKNOWN), token, json=body)

    def has(self, api: str, method: str, path: str) -> tuple[bool, Response]:
        """Return whether the server has a route, and the response that shows it.

        A route that is there refuses a token with a wrong scope.
        """
        example = closed(api)[0]
        role = example.roles[-1] if api == "fhir" else example.roles[0]
        answer = self.at(method, path, self.keyring.foreign(example, role))
        return not self._like_nowhere(example, role, answer), answer

    def missing(self, route: Route, role: str, answer: Response) -> bool:
        """Return whether an answer means that the server has no such route.

        The response may be the same for a record that does not exist. So the route is called
        without its scope, which an existing route refuses.
        """
        if not self._like_nowhere(route, role, answer):
            return False
        if route.id not in self._there:
            other = self.call(route, self.keyring.foreign(route, role))
            self._there[route.id] = not self._like_nowhere(route, role, other)
        return not self._there[route.id]

    def absent(self, route: Route, role: str, answer: Response) -> bool:
        """Return whether a refusal means that the server has no such route."""
        return self._like_nowhere(route, role, answer) and self._like_nowhere(
            route, role, self.call(route, self.keyring.right(route, role))
        )

    def _like_nowhere(self, route: Route, role: str, answer: Response) -> bool:
        if answer.status_code != 404:
            return False
        if route.api not in self._nowhere:
            path = f"/{route.path.split('/')[1]}/no-such-route"
            nowhere = self.api.get(path, self.keyring.wrong(route, role))
            self._nowhere[route.api] = nowhere.status_code, nowhere.content
        return self._nowhere[route.api] == (answer.status_code, answer.content)


@pytest.fixture(scope="session")
def route_tokens(
    target: Target,
    server: AuthorizationServer,
    registrar: Registrar,
    tokens: Tokens,
    scope_facts: ScopeFacts,
) -> RouteTokens:
    """Tokens to call routes with."""
    return RouteTokens(target, server, registrar, tokens, scope_facts)


@pytest.fixture(scope="session")
def route_caller(api: Api, route_tokens: RouteTokens) -> RouteCaller:
    """Calls routes, and distinguishes a refusal from a route that does not exist."""
    return RouteCaller(api, route_tokens)
