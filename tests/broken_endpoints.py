"""A pytest plugin: while a check runs, the endpoints that it judges always send the same response.

The response is the same for every request of the check itself, and of the fixtures whose responses
several checks judge (those of a module, and of fixtures/given/authorizations.py). Other fixtures
get a working server. A refusal is sent to every fixture as well: no control succeeds then, and a
check that takes one is blocked. As the fixtures of one place break those of another, such a run has
one place. Documents that a run needs (discovery, metadata, keys) stay as they are. Only the first
parameters of each check are tried.
"""

import contextlib
import json
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from fixtures.embedded.app import Application
from fixtures.embedded.server import EmbeddedServer
from fixtures.given import authorizations
from tests.runs import EMBEDDED, target_file

DOCUMENTS = re.compile(r"/\.well-known/|/metadata$|/api/version$|/jwk$")
PLACES = {
    "apis": r"/apis/.*",
    "token": r"/oauth2/.*/token",
    "authorize": r"/oauth2/[^/]+/(authorize|login|provider|smart|scope-authorize|device)\b.*",
    "registration": r"/oauth2/[^/]+/(registration|client/).*",
    "introspect": r"/oauth2/.*/introspect",
    "revoke": r"/oauth2/.*/revoke",
    "logout": r"/oauth2/.*/logout",
    "userinfo": r"/oauth2/.*/userinfo",
}
#: The endpoints that the checks of a file judge, by the start of its name.
LOOKS_AT = {
    "oauth/test_scope_grant": "token",
    **dict.fromkeys(("rest/", "fhir/", "portal/", "oauth/test_bearer", "oauth/test_scope"), "apis"),
    **dict.fromkeys(("oauth/test_token", "oauth/test_code", "oauth/test_refresh"), "token"),
    **dict.fromkeys(("oauth/test_password", "oauth/test_client_", "oauth/test_pkce"), "token"),
    **dict.fromkeys(("oauth/test_authorize", "oauth/test_security"), "authorize"),
    "oauth/test_registration": "registration",
    "oauth/test_introspection": "introspect",
    "oauth/test_revocation": "revoke",
    "oauth/test_logout": "logout",
    "oauth/test_userinfo": "userinfo",
}
ANSWERS = {"500": (500, b"application/json", b"{}"), "page": (200, b"text/html", b"OK")}
#: Refusals in proper form, as the token endpoint and as FHIR send them.
REFUSALS = {
    "400": (400, "invalid_grant", "invalid"),
    "401": (401, "invalid_client", "login"),
    "403": (403, "access_denied", "forbidden"),
    "404": (404, "invalid_request", "not-found"),
}
SERVER = pytest.StashKey["BreakingServer"]()
RUNNING = pytest.StashKey[pytest.Item]()


class BreakingApplication(Application):
    """The embedded OpenEMR, whose endpoints at `broken` always send the same response."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.status, self.media_type, self.body = ANSWERS.get(answer) or refusal(answer)
        self.broken: re.Pattern[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request; the broken endpoints always send the same response."""
        path = scope["path"]
        broken = self.broken is not None and self.broken.fullmatch(path)
        if not broken or DOCUMENTS.search(path):
            await super().__call__(scope, receive, send)
            return
        headers = [
            (b"content-type", self.media_type),
            (b"content-length", str(len(self.body)).encode()),
        ]
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class BreakingServer(EmbeddedServer):
    """The embedded server with the application that breaks."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.breaking = BreakingApplication(answer)
        self.application = self._server.config.app = self.breaking


def pytest_configure(config: pytest.Config) -> None:
    """Start a server in this process, and make it the target."""
    server = config.stash[SERVER] = BreakingServer(os.environ["BROKEN_ANSWER"])
    config.add_cleanup(server.stop)
    folder = Path(os.environ["BROKEN_FOLDER"])
    config.option.target = target_file(folder, server.start(), EMBEDDED)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Keep the first parameters of each MUST that judges one of the endpoints."""
    functions: dict[str, pytest.Item] = {}
    for item in session.items:
        applies = item.get_closest_marker("must") and not item.get_closest_marker("skip")
        place = os.environ.get("BROKEN_PLACE") or place_of(item)
        if applies and place and place_of(item) == place:
            functions.setdefault(item.nodeid.partition("[")[0], item)
    session.items[:] = functions.values()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Break the endpoints while the check itself runs."""
    with _broken(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Break the endpoints while a fixture requests responses that several checks judge."""
    asks = fixturedef.scope == "module" or fixturedef.func.__module__ == authorizations.__name__
    asks = asks or "BROKEN_PLACE" in os.environ
    with _broken(request.session.config.stash[RUNNING]) if asks else contextlib.nullcontext():
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember the check whose fixtures are set up."""
    item.config.stash[RUNNING] = item


def refusal(name: str) -> tuple[int, bytes, bytes]:
    """Return the status, media type and body of a refusal."""
    status, error, code = REFUSALS[name]
    body = {
        "error": error,
        "error_description": "no",
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": code}],
    }
    return status, b"application/json", json.dumps(body).encode()


@contextlib.contextmanager
def _broken(item: pytest.Item) -> Iterator[None]:
    breaking = item.config.stash[SERVER].breaking
    before, breaking.broken = breaking.broken, re.compile(PLACES[str(place_of(item))])
    try:
        yield
    finally:
        breaking.broken = before


def place_of(item: pytest.Item) -> str | None:
    """Return the name of the endpoints that a check judges."""
    for start, place in LOOKS_AT.items():
        if item.nodeid.startswith(f"conformance/{start}"):
            return place
    return None
