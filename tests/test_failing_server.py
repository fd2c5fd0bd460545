"""A server that goes wrong in the middle of a run: verdicts, an end, and whole results."""

import json
import signal
import subprocess
import sys
import time

import pytest

from fixtures.embedded.server import EmbeddedServer
from tests import misbehaviour
from tests.runs import ROOT, heeding_interrupts, run, target_file

#: Past the preparation of the target, in the middle of the checks.
AFTER = 60
#: Some of two APIs: what a run does with a broken server does not depend on how many checks it has.
SOME = [f"conformance/{part}" for part in ("oauth/test_logout.py", "rest/test_envelope.py")]
FAULTS = ["hang", "close", "html", "garbage", "deep", "circles", "flood", "drip"]


@pytest.mark.parametrize("fault", FAULTS)
def test_run_ends_and_says_what_it_could_not_judge(tmp_path, fault):
    """Whatever a server turns into, the run goes on to its end and its results are whole."""
    with misbehaviour.FailingServer(getattr(misbehaviour, fault), AFTER) as server:
        target = target_file(tmp_path, server.url, "read_seconds = 0.5")
        finished = run(tmp_path / "results", f"--target={target}", *SOME)

    assert finished.exit_code == 1, finished.output
    assert finished.statement["run"]["partial_reason"] == "narrowed by paths"
    assert len(finished.verdicts("fail", "blocked")) > 3
    assert "INTERNALERROR" not in finished.output


def test_interrupted_runs_leave_whole_results(tmp_path):
    """Ctrl-C writes what is known so far, and so does the next one over it."""
    with EmbeddedServer() as server, heeding_interrupts():
        target = target_file(tmp_path, server.url)
        for _ in range(2):
            process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v"),
                    *(f"--target={target}", f"--results={tmp_path / 'results'}", *SOME),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert process.stdout is not None
            while b"PASSED" not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
            time.sleep(0.1)

            assert process.returncode == 2, output.decode()
            finished = run(tmp_path / "other", "--co", "-q", SOME[0])  # the checkout still works
            assert finished.exit_code == 0
            statement = json.loads((tmp_path / "results" / "conformance.json").read_text("utf-8"))
            assert "interrupted" in statement["run"]["partial_reason"]
            assert (tmp_path / "results" / "statement.md").stat().st_size > 1000
