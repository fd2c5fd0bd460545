"""A run compared with its baseline: what regressed fails the run."""

from pathlib import Path
from typing import Any

import pytest

from reports.comparing.baselines import Baseline, NotComparable, load
from reports.comparing.verdict_changes import compare, title
from reports.judging import outcome


def read(name: str, base: Path) -> Baseline:
    """Return the run that `--baseline` names, or raise a usage error."""
    try:
        return Baseline(load(name, base), f"--baseline {name}")
    except NotComparable as error:
        raise pytest.UsageError(f"--baseline: {error}") from None


def hold(data: dict[str, Any], baseline: Baseline | None) -> dict[str, Any] | None:
    """Compare a run with its baseline, if there is one; what regressed fails the run.

    A baseline that is no gate (see older_release.py) changes no exit code.
    """
    if baseline is None:
        return None
    try:
        compared = compare(baseline.data, data)
    except NotComparable as error:
        data["baseline"] = {
            "result": f"not comparable: {error}",
            "origin": baseline.origin,
            "regressed": [],
        }
        if baseline.gates:
            # A gate that could not be held is not open.
            code = int(pytest.ExitCode.USAGE_ERROR)
            outcome.close(data, "the baseline is not comparable", code)
        return None
    regressed = [each["id"] for each in compared["requirements"]["regressed"]]
    compared["origin"] = baseline.origin
    data["baseline"] = {
        "result": title(compared),
        "origin": baseline.origin,
        "regressed": regressed,
    }
    if regressed and baseline.gates:
        outcome.close(data, f"{len(regressed)} regressed")
    return compared
