"""A server that fails during a run: the run ends, with verdicts and complete results."""

import json
import signal
import subprocess
import sys
import time

import pytest

from fixtures.embedded.server import EmbeddedServer
from tests import failing_server
from tests.runs import ROOT, heeding_interrupts, run, target_file

#: The number of correct responses: enough for the preparation and some checks.
AFTER = 60
#: Checks of two APIs; more would not change the outcome.
SOME = [f"conformance/{part}" for part in ("oauth/test_logout.py", "rest/test_envelope.py")]
FAULTS = ["hang", "close", "html", "garbage", "deep", "circles", "flood", "drip"]


@pytest.mark.parametrize("fault", FAULTS)
def test_run_ends_with_complete_results(tmp_path, fault):
    """The run ends regularly, and its results are complete."""
    with failing_server.FailingServer(getattr(failing_server, fault), AFTER) as server:
        target = target_file(tmp_path, server.url, "read_seconds = 0.5")
        finished = run(tmp_path / "results", f"--target={target}", *SOME)

    assert finished.exit_code == 1, finished.output
    assert finished.statement["run"]["partial_reason"] == "narrowed by paths"
    assert len(finished.verdicts("fail", "blocked")) > 3
    assert "INTERNALERROR" not in finished.output


def test_interrupted_run_has_complete_results(tmp_path):
    """An interrupted run writes its results, also over those of an earlier one."""
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
            while b"PASS" not in process.stdout.readline():
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
