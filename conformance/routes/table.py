"""The routes of the three APIs, from `conformance/<api>/routes.toml`, and parameters made of them.

No check asks for a release: a route that only later releases have (`since`) is not applicable if
the target does not have it.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from conformance import needs, writes
from conformance.routes.entries import RoutesFile
from fixtures.target.toml_files import sentences

HERE = Path(__file__).parent.parent
APIS = ("rest", "portal", "fhir")
PREFIX = {"rest": "/api", "portal": "/portal", "fhir": "/fhir"}
#: The context of each role's scopes.
CONTEXT = {"staff": "user", "patient": "patient", "system": "system"}
FEATURES = {"staff": (), "patient": ("patients",), "system": ("oauth.client_credentials",)}
#: The value of a parameter in a path: an id that no server has.
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NUMBER = "999999999"
NUMBERS = frozenset({"pid", "eid", "did", "mid", "sid", "vid", "iid", "tid"})
WORDS = {"list_name": "sex", "name": "nothing"}


class RoutesError(ValueError):
    """The routes contradict their schema or each other; the message has all errors."""


@dataclass(frozen=True)
class Route:
    """A method and a path of an API, and the scopes that open it."""

    api: str
    family: str
    method: str
    path: str
    roles: tuple[str, ...]
    needs: tuple[str, ...]
    v1: str = ""
    v2: str = ""
    open: bool = False
    since: str | None = None
    query: str = ""
    refused: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def id(self) -> str:
        """A readable parameter id of the route: `rest-GET-patient-puuid`."""
        words = re.findall(r"[\w.-]+", self.path.removeprefix(PREFIX[self.api]))
        return "-".join([self.api, self.method, *words])

    @property
    def resource(self) -> str:
        """The resource of the scope."""
        return self.v1.partition(".")[0]

    @property
    def letter(self) -> str:
        """The permission of the scope: one of the letters c, r, u, d and s, or an operation."""
        return self.v2.partition(".")[2]

    @property
    def writes(self) -> bool:
        """Whether the route changes data."""
        return self.method != "GET"

    @property
    def url(self) -> str:
        """A path and query that match no record, so that a call does no harm."""
        path = re.sub(r":(\w+)", lambda name: _unknown(name[1]), self.path)
        return f"{path}?{self.query}" if self.query else path

    def scope(self, role: str, permission: str = "") -> str:
        """Return the scope of SMART 1 that opens the route to a role, or with a permission."""
        name = f"{self.resource}.{permission}" if permission else self.v1
        return f"{CONTEXT[role]}/{name}"


def _unknown(name: str) -> str:
    return NUMBER if name in NUMBERS else WORDS.get(name, UNKNOWN)


@cache
def load(api: str, folder: Path = HERE) -> tuple[Route, ...]:
    """Read the routes of an API, or raise RoutesError with every error found."""
    path = folder / api / "routes.toml"
    data = tomllib.loads(path.read_text("utf-8"))
    try:
        file = RoutesFile.model_validate(data)
    except ValidationError as error:
        raise RoutesError(f"{path.name} of {api}: {sentences(error)}") from None
    errors = list(_contradictions(api, file))
    if errors:
        raise RoutesError("\n".join(f"{path.name} of {api}: {error}" for error in errors))
    return tuple(_routes(api, file))


def _routes(api: str, file: RoutesFile) -> Iterator[Route]:
    for row in file.route:
        searches = row.v2.endswith(".s")
        yield Route(
            api,
            file.scope,
            row.method,
            row.path,
            roles=tuple(row.roles or file.roles),
            needs=tuple(dict.fromkeys([*file.needs, *row.needs])),
            v1=row.v1,
            v2=row.v2,
            open=row.open,
            since=row.since,
            query=row.query or (file.search if searches else ""),
            refused=row.refused,
        )


def _contradictions(api: str, file: RoutesFile) -> Iterator[str]:
    if file.api != api:
        yield f"api is {file.api!r}"
    for row in file.route:
        if not row.path.startswith(f"{PREFIX[api]}/"):
            yield f"{row.path} is not a path of this API"
    found = Counter(route.id for route in _routes(api, file))
    yield from (f"{name} is there {times} times" for name, times in found.items() if times > 1)


def closed(api: str) -> list[Route]:
    """Return the routes of an API that need a token."""
    return [route for route in load(api) if not route.open]


def everywhere() -> list[Route]:
    """Return the routes of all APIs that need a token."""
    return [route for api in APIS for route in closed(api)]


@cache
def firsts() -> tuple[Route, ...]:
    """Return one route of each resource of each API."""
    found: dict[tuple[str, str], Route] = {}
    for route in everywhere():
        found.setdefault((route.api, route.resource), route)
    return tuple(found.values())


def rotating(kinds: list[str]) -> list[tuple[Route, str]]:
    """Pair one route of each resource with one of the kinds, in turn."""
    return [(route, kinds[place % len(kinds)]) for place, route in enumerate(firsts())]


def cell(route: Route, *more: str, role: str = "") -> Any:
    """Make a parameter of a route and words, with a readable id and marks for its features."""
    features = dict.fromkeys([*route.needs, *FEATURES.get(role, ())])
    marks = [needs(*features), *([writes] if route.writes else [])]
    return pytest.param(route, *more, marks=marks, id="-".join([route.id, *more]))
