"""The statement as one HTML page: it loads nothing, and is readable without its script."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reports import verdicts
from reports.judging import outcome
from reports.render import content, environment, exchanges
from reports.render.content import Finding

Data = Mapping[str, Any]

MOST_CHECKS = 12


def render(data: Data) -> str:
    """Render the statement."""
    sections = list(content.sections(data, MOST_CHECKS))
    findings = [
        finding
        for section in sections
        for finding in _with_consequences(section.findings)
        if finding.requirement["verdict"] in content.FOUND
    ]
    return environment.page(
        "statement.html.j2",
        script="statement.js",
        title=f"{outcome.conformance(data)}: {data['target']['name']}",
        data=data,
        conformance=outcome.conformance(data),
        gate=outcome.gate(data),
        tone=outcome.tone(data),
        harms=content.harms(data),
        mended=content.mended(data),
        version=content.version(data["target"]),
        baseline=content.baseline(data),
        facts=content.facts(data),
        app=content.app(data),
        verdicts=content.verdicts_shown(data),
        meanings=content.MEANINGS,
        counts=content.counts(data),
        counts_by_area=content.counts_by_area(data),
        choices={
            "severity": verdicts.SEVERITIES,
            "level": sorted({each["level"] for each in data["requirements"]}),
            "area": content.areas(data),
        },
        areas=content.areas(data),
        sections=sections,
        exchanges_by_check=exchanges.on_page(findings, str(data["target"]["url"])),
        has_older_form=exchanges.has_older_form(data),
        scopes=content.scopes(data),
    )


def _with_consequences(findings: Iterable[Finding]) -> Iterator[Finding]:
    for each in findings:
        yield each
        yield from each.consequences
