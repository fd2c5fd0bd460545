"""The lines of a run on the terminal: its header, findings, summary, and last line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reports import options, verdicts
from reports.judging import app_verdict, findings, outcome
from reports.judging.causes import EXPLAINED_BY
from reports.judging.requirement_results import deviations, gravity, group, is_practice, telling
from reports.render import content
from reports.render.escaping import plural, visible

Data = Mapping[str, Any]

#: Findings that are shown whole, and more that have a line each.
MOST_WHOLE, MOST_FINDINGS = 20, 100
MOST_REGRESSED = 40
#: The letters of pytest's progress.
LETTERS = {
    verdicts.PASS: ".",
    verdicts.FAIL: "F",
    verdicts.BLOCKED: "B",
    verdicts.WARN: "w",
    verdicts.KNOWN: "k",
    verdicts.NOT_APPLICABLE: "-",
    verdicts.UNTESTED: "u",
}
#: Colours as pytest names them.
COLOURS = {
    verdicts.PASS: "green",
    verdicts.FAIL: "red",
    verdicts.BLOCKED: "red",
    verdicts.WARN: "yellow",
    verdicts.KNOWN: "purple",
}


def status(report: pytest.TestReport, style: str) -> tuple[str, str, Any] | None:
    """Return the category, letter and word of a check's report; None for pytest's own.

    The categories are the verdicts, so that pytest counts by them and lists nothing itself. With a
    style of tracebacks (`--tb=long`) failures keep pytest's category, and so its section.
    """
    said: dict[str, Any] = dict(report.user_properties)
    verdict = said.get("verdict")
    if verdict is None or (report.passed and report.when != "call"):
        return None
    if report.failed and style in {"long", "native"}:
        return "failed", "F", "FAILED"
    if report.failed and verdict not in findings.NEW:
        return "stale", "F", ("STALE", {"red": True})
    colour = {COLOURS[verdict]: True} if verdict in COLOURS else {}
    return verdict, LETTERS[verdict], (verdict.upper(), colour)


def header(target: Data | None, deviations: Sequence[str], suite: str) -> list[str]:
    """Return the header of a run: suite, target, and deviations."""
    if target is None:
        return [f"openemr-conformance {suite}"]
    declared = target["declared_version"]
    found = target["version"] or "unknown"
    version = found if declared in (None, found) else f"{found} (declared {declared})"
    site = target["site"]
    waived = ", ".join(deviations) or "none"
    features = f"{len(target['features'])} on, {len(target['not_declared'])} off"
    return [
        f"openemr-conformance {suite}: judges {target['name']} at {target['url']}",
        f"  version {visible(version)}, site {site}, features: {features}, deviations: {waived}",
    ]


def found(data: Data) -> Iterator[str]:
    """Yield what is new, the most severe first: the first findings whole, the others in a line."""
    missed = [each for each in data["requirements"] if each["verdict"] in findings.NEW]
    practice = [each for each in missed if is_practice(each)]
    yield from _found([each for each in missed if each not in practice])
    if practice:
        yield "good practice, which no specification demands:"
        yield ""
        yield from _found(practice)


def _found(missed: Sequence[Data]) -> Iterator[str]:
    listed = {each["id"] for each in missed}
    own = sorted((each for each in missed if each.get(EXPLAINED_BY) not in listed), key=gravity)
    for number, each in enumerate(own[:MOST_FINDINGS]):
        consequences = [one["id"] for one in missed if one.get(EXPLAINED_BY) == each["id"]]
        if number < MOST_WHOLE:
            yield from _whole(each)
        else:
            yield f"{each['verdict']} {_named(each)}"
        if consequences:
            yield f"  explains   {plural(len(consequences), 'more miss')}: {_listed(consequences)}"
        if number < MOST_WHOLE:
            yield ""
    if len(own) > MOST_FINDINGS:
        yield f"and {len(own) - MOST_FINDINGS} more, in the statement"


def _whole(requirement: Data) -> Iterator[str]:
    checks = telling(requirement)
    yield from findings.text(requirement, checks[0]).splitlines()
    if log := checks[0].get("server_log"):
        yield "  the server's error log:"
        yield from (f"    {line}" for line in str(log).splitlines())
    if more := checks[1:]:
        yield f"  also in    {_listed([str(each['id']).rpartition('::')[2] for each in more])}"


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _named(requirement: Data) -> str:
    return "{id} ({level}, {severity}) {text}".format(**requirement)


def summary(data: Data, show: Sequence[str] = ()) -> Iterator[str]:
    """Yield the outcome, the number of requirements by verdict, and what `show` lists."""
    if "app" in data:
        yield from app_verdict.lines(data["app"])
    code = f" (exit code {data['exit_code']})" if data["exit_code"] else ""
    yield outcome.line(data) + code
    if data["run"]["partial"]:
        yield f"partial: {data['run']['partial_reason']}"
    for harm, names in content.harms(data):
        yield f"  {harm} ({_listed(names, 3)})"
    for verdict, number in content.counts(data).items():
        yield f"{number:>6} {verdict:<9}{content.MEANINGS[verdict]}{_hint(verdict, show)}"
        yield from _list(data, verdict) if verdict in show else ()
    yield from _mended(data, show)
    if "baseline" in data:
        yield f"baseline: {content.baseline(data)}"
        for name in data["baseline"]["regressed"][:MOST_REGRESSED]:
            yield f"  regressed {name}"
    for stale in data["deviations"]["stale"]:
        yield f"  stale    {stale['where']}: {stale['why']}; delete the entry"


def _hint(listed: str, show: Sequence[str]) -> str:
    return (
        f"; --show={listed} lists them" if listed in options.LISTED and listed not in show else ""
    )


def _mended(data: Data, show: Sequence[str]) -> Iterator[str]:
    if said := content.mended(data):
        yield said + _hint(verdicts.MENDED, show)
        if verdicts.MENDED in show:
            for each in data["deviations"][verdicts.MENDED]:
                yield f"    {each['requirement']}: {each['reason']}"


def _list(data: Data, verdict: str) -> Iterator[str]:
    listed = [each for each in data["requirements"] if group(each) == verdict]
    if verdict in {verdicts.NOT_APPLICABLE, verdicts.UNTESTED}:
        for reason, several in content.by_reason(listed):
            yield f"    {reason}: {', '.join(each['id'] for each in several)}"
        return
    for each in sorted(listed, key=gravity):
        reasons = " ".join(f"{one['reason']} {one['link']}" for one, _ in deviations(each))
        yield f"    {_named(each)}{f': {reasons}' if reasons else ''}"


def write(
    reporter: pytest.TerminalReporter,
    data: Data,
    show: Sequence[str],
    paths: Iterable[Path],
    base: Path,
) -> None:
    """Write findings and summary, each with its heading, and the files of the run."""
    parts = {"findings": found(data), "openemr-conformance": summary(data, show)}
    for heading, lines in parts.items():
        for number, line in enumerate(lines):
            if not number:
                reporter.write_sep("=", heading)
            reporter.write_line(line)
    reporter.write_line(written(paths, base))


def written(paths: Iterable[Path], base: Path) -> str:
    """Return the line that names the files of a run."""
    shown = [
        str(path.relative_to(base)) if path.is_relative_to(base) else str(path) for path in paths
    ]
    return f"written: {' '.join(shown)}"


def judged(target: Data) -> str:
    """Return the last line: the target that the run judged."""
    if target["kind"] == "embedded":
        return "judged the embedded server and nothing else"
    version = f", OpenEMR {visible(target['version'])}" if target["version"] else ""
    return f"judged {target['name']} at {target['url']}{version}"
