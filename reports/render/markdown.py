"""The statement as Markdown, for people who read it on a terminal or in the summary of a CI."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from reports.judging import outcome
from reports.render import content, environment, exchanges

Data = Mapping[str, Any]

MOST_CHECKS = 8
#: GitHub does not show a summary of a step that is larger than a mebibyte.
LONGEST_SUMMARY = 900_000
CUT = "\nThe rest is in statement.html of the results.\n"


def render(data: Data) -> str:
    """Render the statement; its first line is the result."""
    return _statement(data)


def summary(data: Data, comparison: str = "") -> str:
    """Render the statement for a place with a limit, with a comparison after its first line.

    If it is too long, its end is left out, where the tables are.
    """
    text = _statement(data, comparison)
    if len(text.encode()) <= LONGEST_SUMMARY:
        return text
    kept = _statement(data, comparison, tables=False).encode()[:LONGEST_SUMMARY]
    return kept.rpartition(b"\n")[0].decode() + "\n" + CUT


def app_alone(data: Data) -> str:
    """Render only the verdict for a vendor's app."""
    target = data["target"]
    return environment.markdown(
        "app.md.j2",
        app=content.app(data),
        target=target,
        version=content.version(target),
        alone=True,
    )


def _statement(data: Data, comparison: str = "", *, tables: bool = True) -> str:
    base = str(data["target"]["url"])
    return environment.markdown(
        "statement.md.j2",
        data=data,
        outcome=outcome.line(data),
        harms=content.harms(data),
        mended=content.mended(data),
        comparison=Markup(comparison.strip()),  # noqa: S704 - it is Markdown already
        facts=content.facts(data),
        app=content.app(data),
        alone=False,
        counts=content.counts(data),
        counts_by_area=content.counts_by_area(data),
        sections=content.sections(data, MOST_CHECKS),
        judged=lambda check: exchanges.ordered(check)[0],
        exchange_line=lambda exchange: exchanges.line(exchange, base),
        has_older_form=exchanges.has_older_form(data),
        tables=tables,
        areas=content.areas(data),
        scopes=content.scopes(data),
    )
