"""A pytest plugin that finds out which defects a check can notice at all.

The embedded server behaves otherwise only where it asks for a defect by name. A check during which
a healthy server never asked for it cannot be changed by it. Every check runs here with session
fixtures of its own (all of them are torn down after it), so that nothing is shared between checks.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from fixtures.embedded import api_faults
from fixtures.embedded.exchange import Incoming
from fixtures.embedded.server import EmbeddedServer
from fixtures.embedded.store import Store
from tests.runs import EMBEDDED, target_file

ASKED: set[str] = set()
SERVER = pytest.StashKey[EmbeddedServer]()
PREPARED: set[str] = set()
FOUND: dict[str, dict[str, Any]] = {}


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
    bend = api_faults.bend

    def trying(request: Incoming, answer: Response, path: str) -> Response:
        """Note each fault of the answer alone that would make another one of it."""
        for name, fault in api_faults.BENDS.items():
            bent = Response(answer.body, answer.status_code, dict(answer.headers))
            unbent = (bent.status_code, bytes(bent.body), bent.headers.items())
            fault(request, bent, path)
            if (bent.status_code, bytes(bent.body), bent.headers.items()) != unbent:
                ASKED.add(name)
        return bend(request, answer, path)

    api_faults.bend = trying


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run every check of this shard for itself, of other requirements only every so many."""
    PREPARED.update(ASKED)  # until now only the preparation of the target has asked
    shard, shards = map(int, os.environ["ASKED_SHARD"].split("/"))
    wanted, every = os.environ["ASKED_FOR"].split(), int(os.environ["ASKED_EVERY"])
    for number, item in enumerate(session.items[shard::shards]):
        mark = item.get_closest_marker("requirement")
        assert mark is not None
        if mark.args[0] not in wanted and number % every:
            continue
        ASKED.clear()
        for store in session.config.stash[SERVER].application.stores.values():
            store.documents.clear()  # what the server keeps it would not ask for again
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        FOUND[item.nodeid] = {"requirement": mark.args[0], "asked": sorted(ASKED)}
    return True


def pytest_sessionfinish() -> None:
    """Write down what was found."""
    said = {"checks": FOUND, "prepared": sorted(PREPARED)}
    Path(os.environ["ASKED_FILE"]).write_text(json.dumps(said), "utf-8")
