"""How the phases of a check are judged, where they run: in a worker, or in the only process."""

from typing import Any

import pytest

from fixtures.wire.redaction import SECRETS
from reports import verdicts
from reports.judging import collection, evidence, findings
from reports.judging.collection import Judged
from reports.judging.findings import Finding

EXCHANGES = "exchanges"


def find(item: pytest.Item, call: pytest.CallInfo[None], judged: Judged) -> Finding | None:
    """Describe the exception of a phase, and replace it by its clean description."""
    if call.excinfo is None or isinstance(call.excinfo.value, pytest.skip.Exception):
        return None
    finding = findings.describe(judged.requirement, call.excinfo, call.when, item)
    call.excinfo = findings.replace(call.excinfo, finding)
    return finding


def judge(
    item: pytest.Item, report: pytest.TestReport, judged: Judged, finding: Finding | None
) -> None:
    """Write the verdict into the report of a phase, with everything that belongs to it."""
    if finding is not None:
        _judge_finding(item, report, judged, finding)
    elif report.skipped:
        _judge_skip(report, judged)
    elif report.when == "call":
        judged.verdict = verdicts.PASS
        _judge_pass(item, report, judged)
    if report.when == "setup":
        report.user_properties.append(("described", judged.described))
    if report.when != "setup" or not report.passed:
        report.user_properties.append(("verdict", judged.verdict))
    _show_exchanges(report, judged.options.bodies)
    report.sections = [(name, SECRETS.clean(text)) for name, text in report.sections]


def _deviation(item: pytest.Item, judged: Judged) -> Any:
    """Return the deviation that covers a check; none with --runxfail, as for pytest's own mark."""
    return None if item.config.option.runxfail else judged.deviation


def _judge_finding(
    item: pytest.Item, report: pytest.TestReport, judged: Judged, finding: Finding
) -> None:
    requirement, options = judged.requirement, judged.options
    deviation = _deviation(item, judged)
    if finding.missed:
        waived = deviation is not None
        judged.verdict = verdicts.of_miss(
            requirement.level, requirement.severity, options.level, waived=waived
        )
        if judged.verdict == verdicts.WARN:
            _expected_failure(report, f"{requirement.level} not met")
        elif judged.verdict == verdicts.KNOWN:
            _expected_failure(report, collection.reason(deviation))
    elif finding.blocked and report.when != "teardown" and deviation and deviation.blocked:
        judged.verdict = verdicts.KNOWN
        _expected_failure(report, collection.reason(deviation))
    else:
        judged.verdict = (
            verdicts.worst([judged.verdict, verdicts.BLOCKED])
            if report.when == "teardown"
            else verdicts.BLOCKED
        )
        if verdicts.needed(requirement.level, requirement.severity, options.level):
            report.outcome = "failed"
            if hasattr(report, "wasxfail"):
                del report.wasxfail
        else:
            _expected_failure(report, verdicts.NOT_JUDGED)
    long = item.config.option.tbstyle in {"long", "native"}
    _show(report, finding, SECRETS.clean(report.longreprtext) if long else None)


def _judge_pass(item: pytest.Item, report: pytest.TestReport, judged: Judged) -> None:
    """Fail a check that passed though a strict deviation says otherwise: the entry is stale."""
    deviation = _deviation(item, judged)
    if deviation is None:
        return
    if deviation.sometimes:
        report.wasxfail = collection.reason(deviation)
    elif not judged.strict:
        report.user_properties.append(("finding", {"mended": deviation.where}))
    else:
        report.outcome = "failed"
        _show(report, findings.stale(judged.requirement, deviation))


def _expected_failure(report: pytest.TestReport, reason: str) -> None:
    """Give a report the outcome that pytest shows as xfailed."""
    report.outcome = "skipped"
    report.wasxfail = reason


def _judge_skip(report: pytest.TestReport, judged: Judged) -> None:
    path, line, reason = (
        report.longrepr
        if isinstance(report.longrepr, tuple)
        else (report.location[0], report.location[1] or 0, str(report.longrepr))
    )
    reason = SECRETS.clean(reason)
    report.longrepr = (path, line, reason)
    judged.verdict = verdicts.of_skip(reason)
    said = reason.removeprefix("Skipped: ").removeprefix(verdicts.NOT_APPLICABLE_PREFIX)
    report.user_properties.append(("finding", {"reason": said}))


def _show(report: pytest.TestReport, finding: Finding, traceback: str | None = None) -> None:
    report.longrepr = finding.text if traceback is None else f"{finding.text}\n\n{traceback}"
    report.user_properties.append(("finding", dict(finding.parts)))


def _show_exchanges(report: pytest.TestReport, bodies: str) -> None:
    """Keep as much of the exchanges in a report as the option --bodies allows."""
    properties: dict[str, Any] = dict(report.user_properties)
    if bodies == "none" and properties.get("alarms"):
        _replace(report, "alarms", evidence.alarms_without_bodies(properties["alarms"]))
    exchanges = properties.get(EXCHANGES)
    if not exchanges:
        return
    if bodies == "none" or (bodies == "failed" and report.passed):
        _replace(report, EXCHANGES, [] if report.passed else evidence.without_bodies(exchanges))
    elif not report.passed or bodies == "all":
        report.sections.append((EXCHANGES, evidence.lines(properties)))


def _replace(report: pytest.TestReport, name: str, value: Any) -> None:
    report.user_properties = [
        (each, value if each == name else kept) for each, kept in report.user_properties
    ]
