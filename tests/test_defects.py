"""The proof of the checks: each defect turns exactly the checks of its requirements red.

One embedded server serves all of them, each under its own URL with its own state. Checks that
cannot notice a defect (see asked.py) need not be run to know what they say.
"""

import json
import os
from pathlib import Path

import pytest

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer
from fixtures.http import Transport
from fixtures.preparation import NotReady, prepare
from fixtures.target import load as load_target
from tests.runs import ROOT, Run, run, target_file
from tests.zygote import Zygote

DEFECTS = load()


@pytest.fixture(scope="session")
def embedded():
    """The base URL of a running embedded server."""
    with EmbeddedServer() as server:
        yield server.url


@pytest.fixture(scope="session")
def asked(tmp_path_factory):
    """Which defects the server was asked for during each check: `{node id: [names]}`."""
    folder = tmp_path_factory.mktemp("asked")
    if given := os.environ.get("ASKED_FILE"):  # for trying one defect again and again
        return json.loads(Path(given).read_text("utf-8"))
    found = folder / "asked.json"
    options = ("-p", "tests.asked", "-p", "no:allure_pytest", "--deviations=none")
    finished = run(folder / "results", *options, ASKED_FILE=str(found))
    assert finished.exit_code == 0, finished.output
    return json.loads(found.read_text("utf-8"))


@pytest.fixture(scope="session")
def zygote():
    """A warm process that runs fork off."""
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


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_defect_is_caught_and_nothing_else(
    embedded, asked, zygote, prepared_healthy, tmp_path, name
):
    """With a defect on, the requirements that it breaks fail, and no others."""
    defect = DEFECTS[name]
    url = f"{embedded}/~{name}"
    noticing = [check for check, names in asked.items() if name in names and "::" in check]
    selection = []
    if prepared(tmp_path, url) == prepared_healthy:
        assert noticing, "no check makes the server ask for this defect"
        arguments = tmp_path / "checks.txt"
        arguments.write_text("\n".join(noticing), "utf-8")
        selection = [f"@{arguments}"]

    results, output = tmp_path / "results", tmp_path / "output.txt"
    options = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:allure_pytest"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # Hypothesis is loaded ahead
    options += [f"--results={results}", f"--target={target_file(tmp_path, url)}"]
    exit_code = zygote.run([*options, "--deviations=none", "--level=MAY", *selection], output)
    finished = Run(exit_code, Path(output).read_text("utf-8", "replace"), results)

    failed = finished.verdicts("fail", "blocked", "warn")
    assert finished.exit_code == 1, finished.output
    assert failed == dict.fromkeys([*defect.proves, *defect.also], "fail"), finished.output


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
