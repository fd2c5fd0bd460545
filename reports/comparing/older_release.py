"""The run to compare an upgrade with (`--upgrade-from`): the older release's verdicts.

The verdicts are those of the shipped statement of that release. With `--judge-both`, or if none is
shipped, a run of its own with the same options judges the older release first. The comparison is
shown and written, and fails no run: only `--baseline` does that.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from fixtures.target.files import load
from fixtures.target.model import Target
from fixtures.target.options import OPTIONS, PREFIX
from fixtures.wire.redaction import SECRETS
from reports.comparing import baselines
from reports.comparing.baselines import Baseline, NotComparable
from reports.judging import outcome
from reports.options import Options

LOG = "run.log"
#: Options of the newer release's run, and how many words each one takes.
OWN = {
    **dict.fromkeys(("--target", "--upgrade-from", "--results", "--deviations", "--baseline"), 1),
    **dict.fromkeys(("--kept", "--junitxml", "--junit-xml", "--alluredir", "--shard"), 1),
    **dict.fromkeys(("--keep", "--judge-both"), 0),
    # The checks that failed the last time failed at the newer release.
    **dict.fromkeys(("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first"), 0),
    **dict.fromkeys(("--sw", "--stepwise", "--sw-skip", "--stepwise-skip", "--cache-clear"), 0),
}
JUDGED = (0, 1)
MOST_LINES = 15
STOP_SECONDS = 120


def baseline(config: pytest.Config, chosen: Options, given: Baseline | None) -> Baseline | None:
    """Return the run to compare with: of an upgrade the older release's, else what was given.

    Options that exclude each other are a usage error.
    """
    older = config.stash[OPTIONS].upgrade_from
    if not older:
        if chosen.judge_both:
            raise pytest.UsageError(
                "--judge-both is for an upgrade: name the older release with --upgrade-from"
            )
        return given
    if given is not None and chosen.judge_both:
        raise pytest.UsageError(
            "--judge-both and --baseline exclude each other: both say what to compare with"
        )
    before = load(older, os.environ)
    target = load(config.stash[OPTIONS].target, os.environ)
    if (before.kind, target.kind) != ("container", "container"):
        raise pytest.UsageError(
            f"--upgrade-from {older} puts the image of --target on the volumes of an older one: "
            "both have to be targets of kind `container`"
        )
    if given is not None:
        return given
    found = None if chosen.judge_both else _shipped(before)
    return found or _judged(config, chosen, before, older)


def _shipped(before: Target) -> Baseline | None:
    """Return what is shipped of the older release, or None."""
    if before.declared_version is None:
        return None
    name = baselines.shipped(before.declared_version)
    if name is None:
        return None
    data = baselines.load(name)
    date = str(data["started"]).partition("T")[0]
    origin = f"the verdicts of OpenEMR {name} that are shipped with the suite, judged on {date}"
    return Baseline(data, origin, gates=False)


def _judged(config: pytest.Config, chosen: Options, before: Target, named: str) -> Baseline:
    """Judge the older release in a run of its own, and return what came of it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    tell = reporter.write_line if reporter is not None else print
    folder = chosen.results / baselines.BEFORE
    folder.mkdir(parents=True, exist_ok=True)
    tell(f"judging {before.name} first, of which the verdicts are compared with the target's")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += [f"--target={named}", f"--results={folder}", *others(config.invocation_params.args)]
    code, last = _run(command, config.invocation_params.dir, folder / LOG, before.name, tell)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    try:
        data = baselines.load(str(folder)) if code in JUDGED else None
    except NotComparable as problem:
        last.append(str(problem))
        data = None
    if data is None:
        lines = "\n".join(f"    {line}" for line in last)
        pytest.exit(
            f"{before.name} could not be judged before the upgrade (exit code {code}): mend that, "
            f"or give --baseline to compare with an earlier run\n  the last lines of "
            f"{folder / LOG}:\n{lines}",
            returncode=6,
        )
    tell(f"judged {before.name}: {outcome.line(data)}")
    origin = f"the verdicts of {before.name}, judged by this run before the upgrade"
    return Baseline(data, origin, gates=False)


def others(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a run without those that are only for its own target."""
    kept = []
    words: Iterator[str] = iter(map(str, arguments))
    for word in words:
        name, joined, _ = word.partition("=")
        if name not in OWN:
            kept.append(word)
        elif not joined:
            for _ in range(OWN[name]):
                next(words, None)
    return kept


def _run(
    command: Sequence[str], base: Path, log: Path, name: str, tell: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run pytest, show its progress, and return its exit code and the last lines.

    However this process ends, the run removes what it started: it takes SIGTERM for Ctrl-C (see
    target.py), and finds its pipe broken.
    """
    own = {PREFIX + each.removeprefix("--").replace("-", "_").upper() for each in OWN}
    environment = {k: v for k, v in os.environ.items() if k not in own}
    environment.pop("GITHUB_STEP_SUMMARY", None)
    last: list[str] = []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=base,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for each in process.stdout:
                line = SECRETS.clean(each.rstrip())
                file.write(line + "\n")
                last = [*last, line][-MOST_LINES:] if line else last
                if line.startswith(f"{name}: "):
                    tell(line)
            return process.wait(), last
        except BaseException:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
