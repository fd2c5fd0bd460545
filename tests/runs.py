"""Runs of the suite within tests, in their own process as a user starts them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
#: The time limit of a run, whatever its target does.
LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Run:
    """A finished run: its exit code, its output, and the folder of its results."""

    exit_code: int
    output: str
    results: Path

    @property
    def statement(self) -> dict[str, Any]:
        """The parsed conformance.json."""
        return dict(json.loads((self.results / "conformance.json").read_text("utf-8")))

    def verdicts(self, *wanted: str) -> dict[str, str]:
        """Return the verdicts by the ids of the requirements, or only the wanted verdicts."""
        return {
            each["id"]: each["verdict"]
            for each in self.statement["requirements"]
            if not wanted or each["verdict"] in wanted
        }


def run(results: Path, *arguments: str, **environment: str) -> Run:
    """Run pytest with these arguments, and return the finished run."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    if not any("randomly" in argument for argument in arguments):
        command += ["-p", "no:randomly"]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEMR_", "PYTEST_"))}
    inherited.pop("GITHUB_STEP_SUMMARY", None)
    finished = subprocess.run(  # noqa: S603 - our own command
        [*command, f"--results={results}", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return Run(finished.returncode, finished.stdout.decode("utf-8", "replace"), results)


@contextlib.contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Let processes that are started in the block handle SIGINT.

    Background processes of a shell ignore SIGINT, and their children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


#: The features of an embedded server that cannot be detected.
EMBEDDED = "[features]\nsettings = true\nupgrade = true"


def target_file(folder: Path, url: str, more: str = "") -> str:
    """Write a target file for a server of the tests, and return its path."""
    path = folder / "target.toml"
    path.write_text(
        f'kind = "url"\nurl = "{url}"\n{more}\n[users.admin]\nname = "admin"\npassword = "pass"\n',
        "utf-8",
    )
    return str(path)
