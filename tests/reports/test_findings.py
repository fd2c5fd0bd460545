"""Findings as pytest, xdist and JUnit show them."""

from _pytest.reports import TestReport

from reports.judging import findings


def test_a_representation_is_text_with_a_summary_line():
    """Pytest shows the text without a traceback, and the message in its short summary.

    `reprcrash` of what `ExceptionInfo.getrepr` returns is not documented; its parts are set.
    """
    shown = findings.representation("short", "whole\n  text", "conformance/test_x.py", 7)

    crash = shown.reprcrash
    assert str(shown) == "whole\n  text"
    assert (crash.message, crash.path, crash.lineno) == ("short", "conformance/test_x.py", 7)


def test_a_representation_survives_the_way_from_a_worker():
    """Xdist sends a report as data: text and message arrive as they were."""
    shown = findings.representation("short", "whole", "conformance/test_x.py", 7)
    place = ("conformance/test_x.py", 6, "test_x")
    report = TestReport("x::y", place, {}, "failed", shown, "call")

    arrived = TestReport._from_json(report._to_json())

    assert arrived.longreprtext == "whole"
    assert arrived.longrepr.reprcrash.message == "short"
