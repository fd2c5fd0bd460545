"""The proof of the checks: each defect turns exactly the checks of its requirements red.

One embedded server serves all of them, each under its own URL with its own state. Checks that
cannot notice a defect (see asked.py) need not be run to know what they say.
"""

import contextlib
import json
import os
import time
from collections import defaultdict
from pathlib import Path
from zlib import crc32

import pytest

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer
from fixtures.http import Transport
from fixtures.preparation import NotReady, prepare
from fixtures.target import load as load_target
from tests.runs import LONGEST_SECONDS, ROOT, Run, run, target_file
from tests.zygote import Zygote

DEFECTS = load()
#: How many parts the workers share: so many that none waits long for another.
PARTS = 6
#: Who tries fewer defects than this wants to know soon, and has other checks sampled thinly.
FEW = 40
EVERY_IF_FEW = 12
#: How many other requirements a defect is tried on, unless it is to be thorough.
MOST_OTHERS = 12


@pytest.fixture(scope="session")
def embedded():
    """The base URL of a running embedded server."""
    with EmbeddedServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def asked(tmp_path_factory, request):
    """What the server was asked for during each check, with its requirement, and before them all.

    The workers share the finding out: each takes the next part that nobody has taken.
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
            find_asked(part, shard, defects_of(request.session))
    deadline = time.monotonic() + LONGEST_SECONDS
    while not all(part.exists() for part in parts) and time.monotonic() < deadline:
        time.sleep(0.2)
    said = [json.loads(part.read_text()) for part in parts]
    checks = {check: found for part in said for check, found in part["checks"].items()}
    return checks, {name for part in said for name in part["prepared"]}


def defects_of(session):
    """Give the defects that the session tries."""
    mine = [item for item in session.items if item.path == Path(__file__)]
    return [DEFECTS[item.callspec.params["name"]] for item in mine if hasattr(item, "callspec")]


def find_asked(part, shard, defects):
    """Find out for every PARTS-th check what the server is asked for, into the file."""
    options = ("-p", "tests.asked", "-p", "no:allure_pytest", "--deviations=none")
    part.with_suffix("").mkdir()
    unfinished = part.with_suffix("") / "asked.json"
    environment = {"ASKED_FILE": str(unfinished), "ASKED_SHARD": f"{shard}/{PARTS}"}
    environment["ASKED_FOR"] = " ".join(" ".join(each.proves + each.also) for each in defects)
    # What only the watch sees may show at any check.
    thinly = len(defects) < FEW and not any("WATCH-" in str(each.proves) for each in defects)
    environment["ASKED_EVERY"] = str(EVERY_IF_FEW if thinly else 1)
    finished = run(part.with_suffix(".results"), *options, **environment)
    # Checks of the other parts did not run: the run is a partial one, which is no failure.
    assert finished.exit_code == 0, finished.output
    unfinished.rename(part)


@pytest.fixture(scope="session")
def zygote():
    """A process that has collected the checks, for runs to fork off."""
    with Zygote(ROOT) as process:
        yield process


def prepared(folder, url):
    """Prepare a server as a run does, and give what the checks learn of it."""
    transport = Transport(read_seconds=5)
    try:
        target, clean_up = prepare(load_target(target_file(folder, url), os.environ), transport)
        clean_up()
    except NotReady as problem:
        return str(problem)
    finally:
        transport.close()
    return target.version, target.features, target.undeclared, sorted(target.users)


@pytest.fixture(scope="session")
def prepared_healthy(embedded, tmp_path_factory):
    """What the checks learn of a healthy server before they start."""
    return prepared(tmp_path_factory.mktemp("healthy"), embedded)


def selected(noticing, defect):
    """Choose what to run: every check of the defect's requirements, and a sample of the others.

    The sample has one check of a requirement, of at most MOST_OTHERS; which ones, changes from
    defect to defect. With DEFECTS=thorough in the environment it is every check that could notice
    the defect (`tox -e defects`).
    """
    own = {*defect.proves, *defect.also}
    chosen = [check for check, requirement in noticing.items() if requirement in own]
    others = defaultdict(list)
    for check, requirement in noticing.items():
        if requirement not in own:
            others[requirement].append(check)
    if os.environ.get("DEFECTS") == "thorough":
        return [*chosen, *(check for checks in others.values() for check in checks)]
    drawn = sorted((crc32(f"{defect.name} {other}".encode()), other) for other in others)
    return chosen + [
        others[other][number % len(others[other])] for number, other in drawn[:MOST_OTHERS]
    ]


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_defect_is_caught_and_nothing_else(
    embedded, asked, zygote, prepared_healthy, tmp_path, name
):
    """With a defect on, the requirements that it breaks fail, and no others."""
    defect = DEFECTS[name]
    url = f"{embedded}/~{name}"
    checks, preparation = asked
    unseen = name not in preparation or prepared(tmp_path, url) == prepared_healthy
    noticing = {
        check: found["requirement"]
        for check, found in checks.items()
        if name in found["asked"] or not unseen
    }
    assert noticing, "no check makes the server ask for this defect"
    results, output = tmp_path / "results", tmp_path / "output.txt"
    target = target_file(tmp_path, url)
    exit_code = zygote.run(selected(noticing, defect), target, results, output)
    finished = Run(exit_code, output.read_text("utf-8", "replace"), results)

    failed = finished.verdicts("fail", "blocked", "warn")
    # The watch looks at every exchange: it sees what a defect breaks, whichever checks are run.
    own = {*defect.proves, *defect.also}
    failed = {each: v for each, v in failed.items() if each in own or not each.startswith("WATCH-")}
    proved = {identifier: failed.get(identifier) for identifier in defect.proves}
    assert finished.exit_code == 1, finished.output
    assert proved == dict.fromkeys(defect.proves, "fail"), finished.output
    # A dependant may also be blocked: the defect takes away what it needs.
    assert {*failed} == own, finished.output


def test_healthy_server_conforms(embedded, tmp_path):
    """Without a defect every requirement passes."""
    finished = run(
        tmp_path / "results",
        f"--target={target_file(tmp_path, embedded)}",
        "--deviations=none",
        "--level=MAY",
    )

    assert finished.exit_code == 0, finished.output
    assert finished.verdicts("fail", "blocked", "warn", "known") == {}
