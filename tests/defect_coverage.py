"""A pytest plugin that finds out which defects a check can notice at all.

The embedded server behaves otherwise only where it looks a defect up by its name, or where a
mutation would change a request or a response. A check during which neither happened on a healthy
server cannot be changed by the defect. Every check runs here with session
fixtures of its own (all of them are torn down after it), so that nothing is shared between checks.
"""

import dataclasses
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from starlette.responses import Response

from fixtures.embedded import mutations
from fixtures.embedded.exchange import Incoming
from fixtures.embedded.server import EmbeddedServer
from fixtures.embedded.store import Store
from tests.runs import EMBEDDED, target_file

ASKED: set[str] = set()
SERVER = pytest.StashKey[EmbeddedServer]()
PREPARED: set[str] = set()
FOUND: dict[str, dict[str, Any]] = {}
#: The requirements of the checks that were left out because enough others of theirs run.
SKIPPED: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Judge an embedded server in this process, and listen to what it asks."""
    server = config.stash[SERVER] = EmbeddedServer()
    config.add_cleanup(server.stop)
    folder = Path(os.environ["ASKED_FILE"]).parent
    config.option.target = target_file(folder, server.start(), EMBEDDED)
    has = Store.has

    def listening(self: Store, defect: str) -> bool:
        ASKED.add(defect)
        return has(self, defect)

    Store.has = listening  # type: ignore[method-assign]
    mutations.change_request = try_on_request
    mutations.change_response = try_on_response


def try_on_request(request: Incoming) -> None:
    """Note each mutation that would change the request."""
    for name, mutation in mutations.MUTATIONS.items():
        if name not in ASKED and mutation.request is not None and mutation.fits(request):
            changed = dataclasses.replace(
                request, query=list(request.query), headers=dict(request.headers)
            )
            mutation.change_request(changed)
            if state_of_request(changed) != state_of_request(request):
                ASKED.add(name)


def state_of_request(request: Incoming) -> tuple[Any, ...]:
    """Return what a mutation can change in a request."""
    return request.method, request.query, dict(request.headers), request.body


def try_on_response(request: Incoming, response: Response) -> None:
    """Note each mutation that would change the response."""
    for name, mutation in mutations.MUTATIONS.items():
        if name not in ASKED and mutation.response is not None and mutation.fits(request):
            changed = Response(response.body, response.status_code, dict(response.headers))
            changed.media_type = response.media_type
            before = state_of_response(changed)
            mutation.change_response(request, changed)
            if state_of_response(changed) != before:
                ASKED.add(name)


def state_of_response(response: Response) -> tuple[Any, ...]:
    """Return what a mutation can change in a response."""
    return response.status_code, bytes(response.body), list(response.headers.items())


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run every check of this shard for itself, of other requirements only every so many."""
    PREPARED.update(ASKED)  # until now only the preparation of the target has asked
    shard, shards = map(int, os.environ["ASKED_SHARD"].split("/"))
    wanted, every = os.environ["ASKED_FOR"].split(), int(os.environ["ASKED_EVERY"])
    some = some_of_each(session.items, int(os.environ["ASKED_MOST"]))
    for number, item in enumerate(session.items[shard::shards]):
        requirement = requirement_of(item)
        if requirement not in wanted and number % every:
            continue
        if item.nodeid not in some:
            SKIPPED[item.nodeid] = requirement
            continue
        ASKED.clear()
        for store in session.config.stash[SERVER].application.stores.values():
            store.documents.clear()  # what the server keeps it would not ask for again
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        FOUND[item.nodeid] = {"requirement": requirement, "asked": sorted(ASKED)}
    return True


def requirement_of(item: pytest.Item) -> str:
    """Return the id of the requirement that a check judges."""
    mark = item.get_closest_marker("requirement")
    assert mark is not None
    return str(mark.args[0])


def some_of_each(items: list[pytest.Item], most: int) -> set[str]:
    """Choose some checks of each requirement, the same ones in every process."""
    by_requirement = defaultdict(list)
    for item in items:
        by_requirement[requirement_of(item)].append(item.nodeid)
    return {
        check
        for checks in by_requirement.values()
        for check in sorted(checks, key=lambda each: crc32(each.encode()))[:most]
    }


def pytest_sessionfinish() -> None:
    """Write down what was found."""
    said = {"checks": FOUND, "prepared": sorted(PREPARED), "skipped": SKIPPED}
    Path(os.environ["ASKED_FILE"]).write_text(json.dumps(said), "utf-8")
