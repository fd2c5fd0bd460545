"""Verdicts: how they fold, and which misses fail a run."""

import pytest

from reports import verdicts


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["pass", "fail", "blocked"], "fail"),
        (["warn", "blocked"], "blocked"),
        (["known", "warn"], "warn"),
        (["pass", "known"], "known"),
        (["n/a", "pass"], "pass"),
        (["n/a", "untested"], "n/a"),
        ([], "untested"),
    ],
    ids=str,
)
def test_the_gravest_verdict_wins(found, expected):
    """A requirement has the gravest verdict of its checks."""
    assert expected == verdicts.worst(found)


@pytest.mark.parametrize(
    ("level", "severity", "gate", "expected"),
    [
        ("MUST", "low", "MUST", "fail"),
        ("SHOULD", "medium", "MUST", "warn"),
        ("SHOULD", "high", "MUST", "fail"),
        ("SHOULD", "critical", "MUST", "fail"),
        ("SHOULD", "low", "SHOULD", "fail"),
        ("MAY", "high", "SHOULD", "warn"),
        ("MAY", "low", "MAY", "fail"),
        ("PRACTICE", "high", "MUST", "warn"),
        ("PRACTICE", "high", "MAY", "warn"),
        ("PRACTICE", "critical", "MUST", "fail"),
        ("PRACTICE", "low", "PRACTICE", "fail"),
    ],
)
def test_level_and_severity_decide_what_a_miss_is(level, severity, gate, expected):
    """A miss below the gate is a warning, but a grave SHOULD or practice; a waived one is known."""
    assert expected == verdicts.of_miss(level, severity, gate, waived=False)
    assert verdicts.of_miss(level, severity, gate, waived=True) == "known"


def test_severities_below_the_lowest_are_left_out():
    """--severity names the lowest that is judged."""
    left = [each for each in verdicts.SEVERITIES if verdicts.less_severe(each, "high")]

    assert left == ["medium", "low"]
    assert not verdicts.less_severe("low", None)
