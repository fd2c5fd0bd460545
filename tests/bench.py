"""Measures what the suite itself costs, against the embedded server: `tox -e bench`.

The suite's own time is what is left of the wall time when the time spent waiting for answers is
taken away: collection, checks, reports and files. It is measured, never asserted.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.runs import run

REPEATS = 5


def main(arguments: list[str]) -> None:
    """Run the suite without workers and with two, and print medians of several runs."""
    print(f"{'':8}{'checks':>8}{'wall s':>8}{'per s':>8}{'requests':>10}{'own ms/check':>14}")
    for workers in (0, 2):
        rows = [measure(workers, arguments) for _ in range(REPEATS)]
        checks, wall, requests, own = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        figures = f"{checks:8.0f}{wall:8.2f}{checks / wall:8.0f}{requests:10.0f}{own:14.2f}"
        print(f"-n {workers:<5}{figures}")
    print(f"medians of {REPEATS} runs; wall time is that of the whole command")


def measure(workers: int, arguments: list[str]) -> tuple[float, float, float, float]:
    """Run once; return checks, wall seconds, requests, and own milliseconds per check."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        finished = run(Path(folder), f"-n{workers}", "-q", *arguments)
        wall = time.monotonic() - began
        statement = finished.statement
    checks = sum(statement["counts"]["checks"].values())
    figures = statement["run"]
    # Two workers have twice the wall time to spend, waiting or not.
    own = figures["wall_seconds"] * max(1, workers) - figures["waiting_seconds"]
    return checks, wall, figures["requests"], own / checks * 1000


if __name__ == "__main__":
    main(sys.argv[1:])
