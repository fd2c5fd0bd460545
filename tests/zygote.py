"""Runs pytest many times from one warm process: a run forks off it with the libraries loaded.

Importing them costs more than many a short run. Only libraries are loaded ahead, nothing of ours,
so that every run still begins like one of its own.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

LIBRARIES = ["bs4", "hypothesis", "httpx", "joserfc.jwk", "joserfc.jwt", "jsonschema", "uvicorn"]
LIBRARIES += ["hypothesis.strategies", "referencing", "starlette.responses"]
LONGEST_SECONDS = 300


class Zygote:
    """The warm process; `run` is like the one of runs.py, without its start-up."""

    def __init__(self, root: Path) -> None:
        """Start the process in the checkout."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], output: Path) -> int:
        """Run pytest with the arguments, its output into a file, and return its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"arguments": arguments, "output": str(output)}))
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        """Be used in a with statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.communicate(timeout=LONGEST_SECONDS)


def main() -> None:
    """Fork a run for every line that comes in, and answer with its exit code."""
    for library in LIBRARIES:
        __import__(library)
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(job)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(job: dict[str, Any]) -> None:
    import pytest  # noqa: PLC0415 - its plugins register what they find loaded

    signal.alarm(LONGEST_SECONDS)
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = int(pytest.main(job["arguments"]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
