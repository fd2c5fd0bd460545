"""The statement as one HTML page: it loads nothing, and is readable without its script."""

from collections.abc import Mapping
from typing import Any

from reports.render import content, environment, exchanges

Data = Mapping[str, Any]

MOST_CHECKS = 12


def render(data: Data) -> str:
    """Render the statement."""
    sections = list(content.sections(data, MOST_CHECKS))
    findings = [
        finding
        for section in sections
        if section.verdict in content.FOUND
        for finding in section.findings
    ]
    return environment.page(
        "statement.html.j2",
        script="statement.js",
        title=f"{data['result']}: {data['target']['name']}",
        data=data,
        version=content.version(data["target"]),
        baseline=content.baseline(data),
        facts=content.facts(data),
        app=content.app(data),
        verdicts=content.verdicts_shown(data),
        words=content.WORDS,
        counts=data["counts"]["requirements"],
        counts_by_area=content.counts_by_area(data),
        levels=sorted({each["level"] for each in data["requirements"]}),
        areas=content.areas(data),
        sections=sections,
        exchanges_by_check=exchanges.on_page(findings, str(data["target"]["url"])),
        has_older_form=exchanges.has_older_form(data),
        scopes=content.scopes(data),
    )
