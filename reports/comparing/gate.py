"""A run compared with its baseline: what regressed fails the run."""

from typing import Any

import pytest

from reports import verdicts
from reports.comparing.baselines import Baseline, NotComparable
from reports.comparing.verdict_changes import compare, title


def held_against(data: dict[str, Any], baseline: Baseline | None) -> dict[str, Any] | None:
    """Compare a run with its baseline, if there is one, and let what regressed fail the run.

    A baseline that does not gate (see older_release.py) is told, and changes no exit code.
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
            data["exit_code"] = data["exit_code"] or int(pytest.ExitCode.USAGE_ERROR)
        return None
    regressed = [each["id"] for each in compared["requirements"]["regressed"]]
    compared["origin"] = baseline.origin
    data["baseline"] = {
        "result": title(compared),
        "origin": baseline.origin,
        "regressed": regressed,
    }
    if regressed and baseline.gates:
        data["exit_code"] = data["exit_code"] or 1
        data["result"] = verdicts.NOT_CONFORMANT
    return compared
