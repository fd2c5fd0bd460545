"""Measures the cost of the suite itself, against the embedded server: `tox -e bench`.

The suite's own time is the wall time without the time of waiting for responses: collection, checks,
reports and files. It is measured and never asserted, as is the memory of the largest process of a
run, which is a worker or the controlling process.
"""

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.runs import run

REPEATS = 5


def main(arguments: list[str]) -> None:
    """Run the suite without workers and with two, and print medians of several runs."""
    print(
        f"{'':8}{'checks':>8}{'wall s':>8}{'per s':>8}{'requests':>10}{'own ms/check':>14}{'MB':>6}"
    )
    # The results of all runs are removed at the end: ext4 creates files much more slowly where
    # thousands were just removed, so that one run would slow down the next.
    with tempfile.TemporaryDirectory() as folder:
        for workers in (0, 2):
            rows = [measure(Path(folder), workers, arguments) for _ in range(REPEATS)]
            checks, wall, requests, own, memory = (
                statistics.median(column) for column in zip(*rows, strict=True)
            )
            figures = (
                f"{checks:8.0f}{wall:8.2f}{checks / wall:8.0f}{requests:10.0f}{own:14.2f}"
                f"{memory:6.0f}"
            )
            print(f"-n {workers:<5}{figures}")
    print(f"medians of {REPEATS} runs; wall time is that of the whole command")


def measure(
    folder: Path, workers: int, arguments: list[str]
) -> tuple[float, float, float, float, float]:
    """Run once; return checks, wall seconds, requests, own milliseconds per check, and MB."""
    results = Path(tempfile.mkdtemp(dir=folder))
    began = time.monotonic()
    statement = run(results, f"-n{workers}", "-q", *arguments).statement
    wall = time.monotonic() - began
    checks = sum(statement["counts"]["checks"].values())
    figures = statement["run"]
    # Two workers have twice the wall time to spend, waiting or not.
    own = figures["wall_seconds"] * max(1, workers) - figures["waiting_seconds"]
    # The largest child process: the run, a worker or the server.
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return checks, wall, figures["requests"], own / checks * 1000, memory


if __name__ == "__main__":
    main(sys.argv[1:])
