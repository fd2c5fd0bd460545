"""How the phases of a check are judged, where they run: in a worker, or in the only process."""

from typing import Any

import pytest

from fixtures.redaction import SECRETS
from reports import verdicts
from reports.judging import collection, findings
from reports.judging.collection import Judged
from reports.judging.findings import Finding
from reports.render import allure

EXCHANGES = "exchanges"


def find(item: pytest.Item, call: pytest.CallInfo[None], judged: Judged) -> Finding | None:
    """Describe what a phase raised, and put the clean description in place of the exception."""
    if call.excinfo is None or isinstance(call.excinfo.value, pytest.skip.Exception):
        return None
    finding = findings.describe(judged.requirement, call.excinfo, call.when, item)
    call.excinfo = findings.replace(call.excinfo, finding)
    return finding


def judge(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    judged: Judged,
    finding: Finding | None,
) -> None:
    """Write the verdict into the report of a phase, with all that is to be said of it."""
    if finding is not None:
        _judge_finding(item, report, judged, finding)
    elif report.skipped:
        _judge_skip(report, judged)
    elif report.when == "call":
        judged.verdict = verdicts.PASS
        if report.failed and judged.deviation is not None:  # what pytest calls XPASS(strict)
            stale = findings.stale(judged.requirement, judged.deviation)
            call.excinfo = findings.raised(stale)
            _tell(item, report, stale)
    if report.when != "setup" or not report.passed:
        report.user_properties.append(("verdict", judged.verdict))
    _show_exchanges(item.config, report, judged.options.bodies)
    report.sections = [(name, SECRETS.clean(text)) for name, text in report.sections]


def _judge_finding(
    item: pytest.Item, report: pytest.TestReport, judged: Judged, finding: Finding
) -> None:
    requirement, options = judged.requirement, judged.options
    deviation = None if item.config.option.runxfail else judged.deviation
    if finding.missed:
        waived = deviation is not None
        judged.verdict = verdicts.of_miss(requirement.level, options.level, waived=waived)
        if judged.verdict == verdicts.WARN:
            report.outcome = "skipped"
            report.wasxfail = f"{requirement.level} not met"
    elif finding.blocked and report.when != "teardown" and deviation and deviation.blocked:
        judged.verdict = verdicts.KNOWN
        report.outcome = "skipped"
        report.wasxfail = collection.reason(deviation)
    else:
        # A phase before or after the check itself may raise what the deviation expects of it.
        judged.verdict = (
            verdicts.worst([judged.verdict, verdicts.BLOCKED])
            if report.when == "teardown"
            else verdicts.BLOCKED
        )
        report.outcome = "failed"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    long = item.config.option.tbstyle in {"long", "native"}
    _tell(item, report, finding, SECRETS.clean(report.longreprtext) if long else None)


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


def _tell(
    item: pytest.Item, report: pytest.TestReport, finding: Finding, traceback: str | None = None
) -> None:
    path, line, _ = item.location
    text = finding.text if traceback is None else f"{finding.text}\n\n{traceback}"
    report.longrepr = findings.representation(finding.text, text, path, (line or 0) + 1)
    report.user_properties.append(("finding", dict(finding.parts)))


def _show_exchanges(config: pytest.Config, report: pytest.TestReport, bodies: str) -> None:
    """Show as much of the exchanges as the option --bodies lets out."""
    fell = report.failed or hasattr(report, "wasxfail")
    if bodies == "none" or (bodies == "failed" and not fell):
        report.sections = [section for section in report.sections if section[0] != EXCHANGES]
        report.user_properties = [
            (name, _without_bodies(value) if name == EXCHANGES and fell else value)
            for name, value in report.user_properties
            if name != EXCHANGES or fell
        ]
    for name, text in report.sections:
        if name == EXCHANGES:
            allure.attach(config, SECRETS.clean(text))


def _without_bodies(exchanges: Any) -> list[dict[str, Any]]:
    """Return the exchanges with only the headers of requests and answers."""
    return [
        {
            key: str(value).partition("\n\n")[0] if key in {"request", "response"} else value
            for key, value in exchange.items()
        }
        for exchange in exchanges
    ]
