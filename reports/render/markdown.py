"""The statement as Markdown, for people who read it on a terminal or in the summary of a CI."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import verdicts
from reports.judging import app_verdict, scope_table
from reports.judging.requirement_results import deviations, telling
from reports.render.content import (
    FOUND,
    PARTS,
    areas,
    by_area,
    by_reason,
    facts,
    sections,
    version,
)

Data = Mapping[str, Any]

MOST_CHECKS = 8
#: GitHub shows no summary of a step at all that is larger than a mebibyte.
LONGEST_SUMMARY = 900_000


def render(data: Data) -> str:
    """Render the statement; its first line is the result."""
    return "\n".join([*_findings(data), *_tables(data)]) + "\n"


def summary(data: Data, more: str = "") -> str:
    """Render the statement for a place with a limit; `more` stands behind the first line.

    What does not fit is left out from the end, where the tables are.
    """
    head, *findings = _findings(data)
    lines = [head, *(["", more.strip(), ""] if more else []), *findings]
    size = sum(len(line.encode()) + 1 for line in lines)
    tables = list(_tables(data))
    if size + sum(len(line.encode()) + 1 for line in tables) <= LONGEST_SUMMARY:
        return "\n".join([*lines, *tables]) + "\n"
    kept: list[str] = []
    left = LONGEST_SUMMARY
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, "", "The rest is in statement.html of the results."]) + "\n"


def _findings(data: Data) -> Iterator[str]:
    yield from (f"# {data['result']}", "")
    yield from (f"- {label}: {plain(value)}" for label, value in facts(data).items())
    if "app" in data:
        yield from ("", *_app(data["app"]))
    yield from _areas(data)
    for verdict, heading, found in sections(data):
        yield from ("", f"## {heading} ({len(found)})", "")
        if verdict in (verdicts.NOT_APPLICABLE, verdicts.UNTESTED):
            for reason, several in by_reason(found):
                named = ", ".join(f"`{each['id']}`" for each in several)
                yield f"- {plain(reason)}: {named}"
        else:
            for each in found:
                yield from _entry(each, verdict)
    if data["deviations"]["stale"]:
        yield from ("", "## Stale deviations", "")
        for stale in data["deviations"]["stale"]:
            yield f"- `{stale['where']}`: {plain(stale['why'])}; delete the entry"


def app_alone(data: Data) -> str:
    """Render what is said of a vendor's app, for a vendor who wants to know nothing else."""
    target = data["target"]
    on = f"On {plain(str(target['url']))}, OpenEMR {plain(version(target))}."
    return "\n".join([*_app(data["app"], on), ""])


def _app(judged: Data, *more: str) -> Iterator[str]:
    yield from (f"## The app {plain(app_verdict.title(judged))}", "")
    yield from (*more, *([""] if more else []), f"{app_verdict.counted(judged)}.")
    if judged["exceptions"]:
        yield from (
            "",
            "| what | what came | where to change | what to change |",
            "|---|---|---|---|",
        )
    for each in judged["exceptions"]:
        told = (each["what"], each["received"], app_verdict.where(each), each["change"])
        yield f"| {' | '.join(map(cell, told))} |"
    if judged["not_judged"]:
        yield ""
    yield from (f"- not judged: {plain(said)}" for said in judged["not_judged"])


def _areas(data: Data) -> Iterator[str]:
    shown = [v for v in verdicts.ORDER if data["counts"]["requirements"].get(v)]
    yield from ("", f"| area | {' | '.join(shown)} |", "|---" + "|--:" * len(shown) + "|")
    for area, counts in by_area(data):
        yield f"| {area} | {' | '.join(str(counts[v] or '') for v in shown)} |"


def _entry(requirement: Data, verdict: str) -> Iterator[str]:
    head = f"- **{requirement['id']}** ({requirement['level']}) {plain(requirement['text'])}"
    known = [
        f"{plain(deviation['reason'])} <{deviation['link']}>"
        for deviation, _ in deviations(requirement)
    ]
    if verdict == verdicts.KNOWN:
        yield f"{head} {''.join(known[:1])}"
        yield from (f"  - {each}" for each in known[1:])
    elif verdict in FOUND:
        yield f"{head} [{plain(requirement['source'])}]({requirement['url']})"
        checks = telling(requirement)
        for check in checks[:1]:
            yield from _check(check)
        yield from (
            f"  - also `{check['id']}`: {plain(check.get('message', ''))}"
            for check in checks[1:MOST_CHECKS]
        )
        if len(checks) > MOST_CHECKS:
            yield f"  - and {len(checks) - MOST_CHECKS} more checks"
        yield from (f"  - known besides: {each}" for each in known)


def _check(check: Data) -> Iterator[str]:
    yield f"  - `{check['id']}`"
    said = {
        label: value if isinstance(value, str) else "; ".join(value)
        for key, label in PARTS.items()
        if (value := check.get(key))
    }
    for label, value in (said or {"found": check.get("message", "")}).items():
        yield f"    - {label}: {code(value) if label == PARTS['reproduce'] else plain(value)}"


def _tables(data: Data) -> Iterator[str]:
    known: Sequence[Data] = data.get("scopes", ())
    if known:
        yield from ("", "## Scopes", "", f"{scope_table.summary(known)}.", "")
        yield f"| scope | {' | '.join(scope_table.FACTS)} |"
        yield "|---" * (len(scope_table.FACTS) + 1) + "|"
        yield from (f"| {' | '.join(map(cell, row))} |" for row in scope_table.rows(known))
    for area, entries in areas(data):
        yield from ("", f"## Area: {area}", "")
        yield from ("| requirement | level | verdict | text | source |", "|---|---|---|---|---|")
        for each in entries:
            yield (
                f"| {each['id']} | {each['level']} | {each['verdict']} | {cell(each['text'])} "
                f"| [{cell(each['source'])}]({each['url']}) |"
            )


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: a server's words must not become markup."""
    for character in ("\\", "`", "*", "_", "[", "]", "<", ">"):
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return plain(text).replace("|", "\\|")


def code(text: str) -> str:
    """Return text as code, fenced by more backticks than it has in a row."""
    text = " ".join(text.split())
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"
