"""Verdicts: how outcomes fold, and what they make of a run."""

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
    ("level", "gate", "expected"),
    [
        ("MUST", "MUST", "fail"),
        ("SHOULD", "MUST", "warn"),
        ("SHOULD", "SHOULD", "fail"),
        ("MAY", "SHOULD", "warn"),
        ("MAY", "MAY", "fail"),
    ],
)
def test_the_level_decides_what_a_miss_is(level, gate, expected):
    """A miss below the gate is a warning; a waived one is known at any level."""
    assert expected == verdicts.of_miss(level, gate, waived=False)
    assert verdicts.of_miss(level, gate, waived=True) == "known"


@pytest.mark.parametrize(
    ("found", "options", "line", "code"),
    [
        (["pass", "n/a", "untested"], {}, "conformant", 0),
        (["pass", "warn"], {}, "conformant", 0),
        (["known"], {}, "conformant with 1 known deviation", 0),
        (["known", "known"], {}, "conformant with 2 known deviations", 0),
        (["pass"], {"partial": True}, "partial run", 0),
        (["fail"], {"partial": True}, "not conformant", 1),
        (["blocked"], {}, "not conformant", 1),
        (["pass"], {"stale": 1}, "not conformant", 1),
    ],
    ids=str,
)
def test_the_result_line_and_the_exit_code_agree(found, options, line, code):
    """Only a whole run without misses is called conformant."""
    counts = verdicts.count(found)

    assert line == verdicts.result_line(counts, **options)
    assert code == verdicts.exit_code(0, counts, stale=options.get("stale", 0))


@pytest.mark.parametrize("status", [2, 3, 4, 5, 6])
def test_other_exit_codes_stay(status):
    """The exit codes of pytest beyond passed and failed stay."""
    assert status == verdicts.exit_code(status, verdicts.count(["fail"]))
