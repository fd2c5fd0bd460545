"""The proof of the checks: each defect turns exactly the checks of its requirements red.

One embedded server serves all of them, each under its own URL with its own state. Checks that
cannot notice a defect (see defect_coverage.py) need not be run to know what they say.
"""

import contextlib
import copy
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from zlib import crc32

import pytest

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer
from fixtures.provisioning.prepare import NotReady, prepare
from fixtures.target.files import load as load_target
from fixtures.wire.client import Transport
from tests.fork_server import ForkServer
from tests.runs import EMBEDDED, LONGEST_SECONDS, ROOT, target_file

DEFECTS = load()
#: How many parts the workers share: so many that none waits long for another.
PARTS = 6
#: With fewer defects than this, other checks are sampled less: the answer is wanted soon.
FEW = 40
EVERY_IF_FEW = 12
#: How many checks of each of its requirements, and how many other requirements, a defect is tried
#: on at first, unless it is to be thorough.
MOST_OWN = 3
MOST_OTHERS = 5
#: Of how many checks of a requirement it is found out what they ask the server for, unless all
#: defects are to be thorough.
MOST_ASKED = 5
THOROUGH = os.environ.get("DEFECTS") == "thorough"


@pytest.fixture(scope="session")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture(scope="session")
def asked(tmp_path_factory, request, fork_server):
    """The requests during checks, those before all checks, and the checks that were left out.

    The last are by requirement. The workers share the finding out: each takes the next part that
    nobody has taken.
    """
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    folder = folder / "asked"
    folder.mkdir(exist_ok=True)
    parts = [folder / f"part-{shard}.json" for shard in range(PARTS)]
    for shard, part in enumerate(parts):
        with contextlib.suppress(FileExistsError):
            part.with_suffix(".taken").touch(exist_ok=False)
            find_asked(fork_server, part, shard, defects_of(request.session))
    deadline = time.monotonic() + LONGEST_SECONDS
    while not all(part.exists() for part in parts) and time.monotonic() < deadline:
        time.sleep(0.2)
    said = [json.loads(part.read_text()) for part in parts]
    checks = {check: found for part in said for check, found in part["checks"].items()}
    unknown = defaultdict(list)
    for check, requirement in ((each, r) for part in said for each, r in part["skipped"].items()):
        unknown[requirement].append(check)
    return checks, {name for part in said for name in part["prepared"]}, unknown


def defects_of(session):
    """Give the defects that the session tries."""
    mine = [item for item in session.items if item.path == Path(__file__)]
    return [DEFECTS[item.callspec.params["name"]] for item in mine if hasattr(item, "callspec")]


def find_asked(fork_server, part, shard, defects):
    """Find out for every PARTS-th check what the server is asked for, into the file."""
    folder = part.with_suffix("")
    unfinished = folder / "asked.json"
    environment = {"ASKED_FILE": str(unfinished), "ASKED_SHARD": f"{shard}/{PARTS}"}
    environment["ASKED_FOR"] = " ".join(" ".join(each.proves + each.also) for each in defects)
    # An alarm of the watch may be raised at any check.
    thinly = len(defects) < FEW and not any("WATCH-" in str(each.proves) for each in defects)
    environment["ASKED_EVERY"] = str(EVERY_IF_FEW if thinly else 1)
    environment["ASKED_MOST"] = str(sys.maxsize if THOROUGH else MOST_ASKED)
    finished = fork_server.run(folder, plugin="tests.defect_coverage", **environment)
    # Checks of the other parts did not run: the run is a partial one, which is no failure.
    assert finished.exit_code == 0, finished.output
    unfinished.rename(part)


@pytest.fixture(scope="session")
def fork_server():
    """A process that has collected the checks, for runs to fork off."""
    with ForkServer(ROOT) as process:
        yield process


def prepared(folder, url, *, clean=True):
    """Prepare a server as a run does; return the target, or why it cannot be judged."""
    transport = Transport(read_seconds=5)
    try:
        target, clean_up = prepare(
            load_target(target_file(folder, url, EMBEDDED), os.environ), transport
        )
        if clean:
            clean_up()
    except NotReady as problem:
        return str(problem)
    finally:
        transport.close()
    return target


def facts(target):
    """Return what checks learn of a prepared target."""
    if isinstance(target, str):
        return target
    return target.version, target.features, target.missing_features, sorted(target.users)


@pytest.fixture(scope="session")
def prepared_healthy(embedded, tmp_path_factory):
    """A healthy target, and a copy of its server as it was when it was prepared."""
    target = prepared(tmp_path_factory.mktemp("healthy"), embedded.url, clean=False)
    return target, copy.deepcopy(embedded.store())


def with_defect(embedded, prepared_healthy, name):
    """Return a prepared target whose server has a defect from then on.

    It is for defects that the preparation does not meet, and saves the time of preparing.
    """
    target, server = prepared_healthy
    store = copy.deepcopy(server)
    store.defects = frozenset({name})
    store.called = f"{embedded.url}/~{name}"
    store.move(store.called)
    embedded.application.stores[f"/~{name}", store.site] = store
    return json.loads(json.dumps(target.to_dict()).replace(embedded.url, store.called))


def drawn(defect, checks):
    """Put checks into an order that changes from defect to defect."""
    return sorted(checks, key=lambda check: crc32(f"{defect.name} {check}".encode()))


def selected(noticing, unknown, defect):
    """Choose what to run first, and what only if that has not shown all of the defect.

    First some checks of each of the defect's requirements, and one check of some others; then the
    rest of those of its own requirements, by requirement, with the checks that might notice it.
    With DEFECTS=thorough in the environment every check that could notice the defect comes first
    (`tox -e defects`).
    """
    if THOROUGH:
        return list(noticing), {}
    by_requirement = defaultdict(list)
    for check in drawn(defect, noticing):
        by_requirement[noticing[check]].append(check)
    own = {each: by_requirement.pop(each, []) for each in (*defect.proves, *defect.also)}
    others = drawn(defect, by_requirement)[:MOST_OTHERS]
    first = [check for checks in own.values() for check in checks[:MOST_OWN]]
    first += [by_requirement[other][0] for other in others]
    return first, {each: checks[MOST_OWN:] + unknown[each] for each, checks in own.items()}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_defect_is_caught_and_nothing_else(
    embedded, asked, fork_server, prepared_healthy, tmp_path, name
):
    """With a defect on, the requirements that it breaks fail, and no others do."""
    defect = DEFECTS[name]
    own = {*defect.proves, *defect.also}
    checks, preparation, unknown = asked
    url = f"{embedded.url}/~{name}"
    healthy = facts(prepared_healthy[0])
    unseen = name not in preparation or facts(prepared(tmp_path, url)) == healthy
    # Client libraries run into most of what there is, and each of them takes its time to load.
    noticing = {
        check: found["requirement"]
        for check, found in checks.items()
        if (name in found["asked"] or not unseen)
        and (found["requirement"] in own or not found["requirement"].startswith("INTEROP-"))
    }
    assert noticing or any(unknown[each] for each in own), "no check can notice this defect"

    def run(folder, chosen):
        if name in preparation:
            target = target_file(tmp_path, url, EMBEDDED)
            return fork_server.run(folder, chosen, target=target)
        target = with_defect(embedded, prepared_healthy, name)
        return fork_server.run(folder, chosen, prepared=target)

    first, rest = selected(noticing, unknown, defect)
    failed = {}
    if first:
        finished = run(tmp_path, first)
        failed = finished.verdicts("fail", "blocked", "warn")
    shown = {each for each, v in failed.items() if v == "fail" or each not in defect.proves}
    more = [check for each, checks in rest.items() if each not in shown for check in checks]
    if more:
        finished = run(tmp_path / "more", more)
        failed |= finished.verdicts("fail", "blocked", "warn")

    # The watch looks at every exchange: it sees what a defect breaks, whichever checks are run.
    failed = {each: v for each, v in failed.items() if each in own or not each.startswith("WATCH-")}
    proved = {identifier: failed.get(identifier) for identifier in defect.proves}
    assert proved == dict.fromkeys(defect.proves, "fail"), finished.output
    # A defect may also block requirements: they are not judged then.
    # `also` names those that fail, and need not name those that are blocked.
    broken = {each for each, verdict in failed.items() if verdict != "blocked"}
    assert broken <= own <= {*failed}, finished.output
