"""Running only what judges some requirements (`--requirement`), and the line that does so."""

import shlex
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from fixtures.target.options import OPTIONS
from reports import verdicts
from reports.judging.catalogue import Catalogue
from reports.judging.collection import JUDGED
from reports.judging.deviations import closest
from reports.options import Options

PROGRAM = "openemr-conformance"
#: The verdicts that are findings: a reader may want to see them again.
FINDINGS = (verdicts.FAIL, verdicts.BLOCKED, verdicts.WARN, verdicts.KNOWN)


def chosen(patterns: Sequence[str], known: Catalogue) -> frozenset[str]:
    """Return the ids of the requirements that the patterns name.

    Raises a usage error for a pattern that names none, or none that a check can judge.
    """
    ids: set[str] = set()
    for pattern in patterns:
        named = [name for name in known.requirements if fnmatchcase(name, pattern)]
        if not named:
            advice = closest(pattern, known.requirements.keys())
            raise pytest.UsageError(f"--requirement={pattern}: there is no such one; {advice}")
        reasons = [known.requirements[name].untested for name in named]
        if all(reasons):
            raise pytest.UsageError(
                f"--requirement={pattern}: no check can judge {named[0]}: {reasons[0]}"
            )
        ids.update(named)
    return frozenset(ids)


def needs_all(ids: Collection[str], known: Catalogue) -> bool:
    """Return whether one of the requirements is judged in the exchanges of all checks."""
    return any(known.requirements[name].watch is not None for name in ids)


def leave_out(items: list[pytest.Item], ids: Collection[str]) -> list[pytest.Item]:
    """Take the checks of other requirements out of `items`, and return them."""
    left = [i for i in items if JUDGED in i.stash and i.stash[JUDGED].requirement.id not in ids]
    gone = {item.nodeid for item in left}
    items[:] = [item for item in items if item.nodeid not in gone]
    return left


def add_commands(data: dict[str, Any], config: pytest.Config, options: Options) -> None:
    """Add to each finding the command line that judges only its requirement, in the same way."""
    words = shlex.join([PROGRAM, *_same(config, options)])
    for requirement in data["requirements"]:
        for check in requirement["checks"]:
            if check["verdict"] in FINDINGS:
                check["rerun"] = f"{words} --requirement={shlex.quote(requirement['id'])}"


def _same(config: pytest.Config, options: Options) -> list[str]:
    """Return the options without which the same check could judge otherwise, or write."""
    given = config.stash[OPTIONS]
    values = {"--target": given.target, "--kept": given.kept, "--app": given.app}
    words = [f"{name}={value}" for name, value in values.items() if value and value != "embedded"]
    words += [f"--deviations={name}" for name in options.deviations]
    words += [f"--level={options.level}"] if options.level != verdicts.LEVELS[0] else []
    switches = {"--read-only": given.read_only, "--slow": given.slow, "--thorough": given.thorough}
    return words + [name for name, value in switches.items() if value]
