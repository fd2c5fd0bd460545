"""Nothing is left of a run however it ends: no container, network or volume."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.containers.conftest import ONE_CHECK, REMOVE_SECONDS, leftovers
from tests.runs import ROOT, heeding_interrupts

#: How many times a run is killed, and within how many seconds of its start.
TIMES = int(os.environ.get("KILLS", "3"))
WINDOW_SECONDS = 14.0


def started(file, results, *options):
    """Start a run in its own session, as a terminal does."""
    command = [sys.executable, "-m", "pytest", f"--target={file}", f"--results={results}"]
    command += ["-p", "no:cacheprovider", "--deviations=none", *options]
    with heeding_interrupts():
        return subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("words", ["the database is up", "ready at"])
def test_ended_run_leaves_nothing(engine, target, tmp_path, name, words):
    """A run that is interrupted, terminated or killed while it starts or judges leaves nothing."""
    process = started(target(), tmp_path / "results", "conformance/oauth", "-n1")
    for line in process.stdout:
        if words in line:
            break
    os.killpg(process.pid, getattr(signal, name))
    process.communicate(timeout=REMOVE_SECONDS)

    assert leftovers(engine, REMOVE_SECONDS) == []


def workers(process):
    """Return the process ids of the workers of a run."""
    # tox sets COLUMNS, at which ps cuts lines off without -ww.
    children = subprocess.run(  # noqa: S603 - our own child
        ["/bin/ps", "-ww", "-o", "pid=,args=", "--ppid", str(process.pid)],
        capture_output=True, text=True, check=False,
    ).stdout.splitlines()  # fmt: skip
    pairs = [child.strip().partition(" ") for child in children]
    return [int(number) for number, _, args in pairs if "exec(eval(sys.stdin.readline()))" in args]


def test_killed_worker_leaves_nothing(engine, target, tmp_path):
    """A run whose worker is killed goes on to its end, and leaves nothing."""
    process = started(
        target(), tmp_path / "results", "conformance/settings", "-n1", "--max-worker-restart=0"
    )
    for line in process.stdout:
        if "ready at" in line:
            break
    while not (found := workers(process)) and process.poll() is None:
        time.sleep(0.1)
    time.sleep(2)
    for number in found:
        os.kill(number, signal.SIGKILL)
    output, _ = process.communicate(timeout=REMOVE_SECONDS)

    assert process.returncode in (1, 2, 3), output
    assert leftovers(engine, REMOVE_SECONDS) == []


@pytest.mark.parametrize("number", range(TIMES))
def test_run_that_is_killed_at_any_moment_leaves_nothing(engine, target, tmp_path, number):
    """Killed at a random moment of its start or of its checks, a run leaves nothing."""
    moment = random.Random(f"{number} {TIMES}").uniform(0.5, WINDOW_SECONDS)  # noqa: S311 - a dice
    fresh = ["--fresh"] if number % 4 == 3 else []
    process = started(
        target(), tmp_path / "results", "conformance/settings", ONE_CHECK, "-n1", *fresh
    )
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=REMOVE_SECONDS)

    time.sleep(1)
    assert leftovers(engine, REMOVE_SECONDS) == [], f"killed after {moment:.1f} s"
    time.sleep(3)  # the engine has created by now what was requested
    assert leftovers(engine, REMOVE_SECONDS) == [], f"killed after {moment:.1f} s"
