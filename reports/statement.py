"""The statement: conformance.json for people, as Markdown and as one self-contained page.

`python -m reports.statement conformance.json` writes statement.md and statement.html beside it.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reports import scopes, verdicts
from reports.catalogue import LEVELS

Data = Mapping[str, Any]

#: Findings, the gravest first; each with the heading of its section.
SECTIONS = {
    verdicts.FAIL: "Not fulfilled",
    verdicts.BLOCKED: "Could not be judged",
    verdicts.WARN: "Warnings",
    verdicts.KNOWN: "Known deviations",
    verdicts.NOT_APPLICABLE: "Not applicable",
    verdicts.UNTESTED: "Untested",
}
FOUND = (verdicts.FAIL, verdicts.BLOCKED, verdicts.WARN)
PARTS = {
    "expected": "expected",
    "received": "received",
    "in_answer": "in answer",
    "reproduce": "reproduce",
    "hint": "hint",
}
MOST_CHECKS = 20


def facts(data: Data) -> dict[str, str]:
    """Return what a reader wants to know of a run before its findings."""
    target, run = data["target"], data["run"]
    version = target["version"] or "unknown"
    if target["declared_version"] not in {None, target["version"]}:
        version += f" (declared {target['declared_version']})"
    found = {
        "target": f"{target['name']} ({target['kind']})",
        "url": str(target["url"]),
        "site": str(target["site"]),
        "version": version,
        "suite": f"openemr-conformance {data['suite_version']}",
        "started": f"{data['started']}, {run['wall_seconds']} s, {run['requests']} requests",
        "requirements": _counted(data["counts"]["requirements"]),
        "checks": _counted(data["counts"]["checks"]),
        "features": ", ".join(target["features"]) or "none",
        "not declared": ", ".join(target["not_declared"]),
        "deviations": ", ".join(data["deviations"]["files"]),
        "partial": run["partial_reason"] or "",
    }
    return {label: value for label, value in found.items() if value}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)


def sections(data: Data) -> Iterator[tuple[str, str, list[Data]]]:
    """Yield verdict, heading and requirements of all that is not simply fulfilled."""
    for verdict, heading in SECTIONS.items():
        found = [each for each in data["requirements"] if each["verdict"] == verdict]
        if found:
            found.sort(key=lambda each: LEVELS.index(each["level"]))
            yield verdict, heading, found


def areas(data: Data) -> Iterator[tuple[str, list[Data]]]:
    """Yield each area with its requirements, in the order of the catalogue."""
    for area in dict.fromkeys(each["area"] for each in data["requirements"]):
        yield area, [each for each in data["requirements"] if each["area"] == area]


def remark(requirement: Data) -> str:
    """Say why a requirement is not applicable or untested, if that is what it is."""
    return str(requirement.get("reason", ""))


def telling(requirement: Data) -> list[Data]:
    """Return the checks that gave a requirement its verdict."""
    return [c for c in requirement["checks"] if c["verdict"] == requirement["verdict"]]


def as_markdown(data: Data) -> str:
    """Render the statement as Markdown; its first line is the result."""
    lines = [f"# {data['result']}", ""]
    lines += [f"- {label}: {_plain(value)}" for label, value in facts(data).items()]
    for verdict, heading, found in sections(data):
        lines += ["", f"## {heading}", ""]
        for each in found:
            lines += _markdown_entry(each, verdict)
    if data["deviations"]["stale"]:
        lines += ["", "## Stale deviations", ""]
        lines += [
            f"- `{stale['where']}`: {_plain(stale['why'])}; delete the entry"
            for stale in data["deviations"]["stale"]
        ]
    lines += _markdown_scopes(data.get("scopes", ()))
    for area, entries in areas(data):
        lines += ["", f"## Area: {area}", ""]
        lines += ["| requirement | level | verdict | text | source |", "|---|---|---|---|---|"]
        lines += [
            f"| {each['id']} | {each['level']} | {each['verdict']} | {_cell(each['text'])} "
            f"| [{_cell(each['source'])}]({each['url']}) |"
            for each in entries
        ]
    return "\n".join(lines) + "\n"


def _markdown_entry(requirement: Data, verdict: str) -> Iterator[str]:
    head = f"- **{requirement['id']}** ({requirement['level']}) {_plain(requirement['text'])}"
    if verdict == verdicts.KNOWN:
        deviation = requirement.get("deviation", {})
        yield f"{head} {_plain(deviation.get('reason', ''))} <{deviation.get('link', '')}>"
    elif verdict in FOUND:
        yield f"{head} [{_plain(requirement['source'])}]({requirement['url']})"
        checks = telling(requirement)
        for check in checks[:MOST_CHECKS]:
            yield f"  - `{check['id']}`: {_plain(check.get('message', ''))}"
            if check.get("hint"):
                yield f"    hint: {_plain(check['hint'])}"
        if len(checks) > MOST_CHECKS:
            yield f"  - and {len(checks) - MOST_CHECKS} more checks"
    else:
        yield f"{head} ({_plain(remark(requirement))})"


def _markdown_scopes(known: Sequence[Data]) -> Iterator[str]:
    if known:
        yield from ("", "## Scopes", "", f"{scopes.summary(known)}.", "")
        yield f"| scope | {' | '.join(scopes.FACTS)} |"
        yield "|---" * (len(scopes.FACTS) + 1) + "|"
        yield from (f"| {' | '.join(map(_cell, row))} |" for row in scopes.rows(known))


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is: a server's words must not become markup."""
    for character in ("\\", "`", "*", "_", "[", "]", "<", ">"):
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def as_html(data: Data) -> str:
    """Render the statement as one page that needs neither network nor script."""
    style = (Path(__file__).parent / "statement.css").read_text("utf-8")
    target = data["target"]["name"]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(data['result'])}: {escape(str(target))}</title>",
        f"<style>{style}</style></head><body>",
        f'<h1 class="{_class(data["result"])}">{escape(data["result"])}</h1>',
        _definitions(facts(data).items()),
    ]
    for verdict, heading, found in sections(data):
        parts.append(f"<h2>{escape(heading)} ({len(found)})</h2>")
        parts += [_html_entry(each, verdict) for each in found]
    if data["deviations"]["stale"]:
        parts.append("<h2>Stale deviations</h2><ul>")
        parts += [
            f"<li><code>{escape(stale['where'])}</code>: {escape(stale['why'])}; "
            "delete the entry</li>"
            for stale in data["deviations"]["stale"]
        ]
        parts.append("</ul>")
    parts += _html_scopes(data.get("scopes", ()))
    parts.append("<h2>All requirements by area</h2>")
    parts += [_html_area(area, entries) for area, entries in areas(data)]
    parts.append("</body></html>\n")
    return "\n".join(parts)


def _class(verdict: str) -> str:
    known = verdict.startswith(f"{verdicts.CONFORMANT} ")
    return "conformant" if known else verdict.replace(" ", "-").replace("/", "-")


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    return (
        "<dl>"
        + "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in pairs)
        + "</dl>"
    )


def _html_entry(requirement: Data, verdict: str) -> str:
    head = (
        f'<div class="finding {_class(verdict)}"><p><strong>{escape(requirement["id"])}</strong> '
        f"({requirement['level']}) {escape(requirement['text'])} {_link(requirement)}</p>"
    )
    if verdict == verdicts.KNOWN:
        deviation = requirement.get("deviation", {})
        link = escape(deviation.get("link", ""), quote=True)
        body = f'<p>{escape(deviation.get("reason", ""))} <a href="{link}">{link}</a></p>'
    elif verdict in FOUND:
        checks = telling(requirement)
        body = "".join(_html_check(check) for check in checks[:MOST_CHECKS])
        if len(checks) > MOST_CHECKS:
            body += f"<p>and {len(checks) - MOST_CHECKS} more checks</p>"
    else:
        body = f'<p class="quiet">{escape(remark(requirement))}</p>'
    return f"{head}{body}</div>"


def _html_check(check: Data) -> str:
    said = []
    for key, label in PARTS.items():
        value = check.get(key)
        if value:
            said.append((label, value if isinstance(value, str) else "\n".join(value)))
    text = f"<details open><summary><code>{escape(check['id'])}</code></summary>"
    text += _definitions(said or [("found", check.get("message", ""))])
    exchanges: Sequence[Data] = check.get("exchanges", ())
    if exchanges:
        text += f"<details><summary>{len(exchanges)} exchanges</summary>"
        text += "".join(f"<pre>{escape(_exchange(exchange))}</pre>" for exchange in exchanges)
        text += "</details>"
    return text + "</details>"


def _exchange(exchange: Data) -> str:
    line = f"{exchange.get('method')} {exchange.get('url')} -> {exchange.get('status')}"
    messages = (str(exchange.get(side) or "") for side in ("request", "response"))
    return "\n\n".join([line, *messages]).strip()


def _link(requirement: Data) -> str:
    url = escape(requirement["url"], quote=True)
    return f'<a href="{url}">{escape(requirement["source"])}</a>'


def _html_scopes(known: Sequence[Data]) -> Iterator[str]:
    if known:
        head = "".join(
            f'<th title="{escape(meaning, quote=True)}">{fact}</th>'
            for fact, meaning in scopes.FACTS.items()
        )
        yield f"<h2>Scopes</h2><details><summary>{escape(scopes.summary(known))}</summary>"
        yield f"<table><thead><tr><th>scope</th>{head}</tr></thead><tbody>"
        for name, *facts in scopes.rows(known):
            cells = "".join(f"<td>{fact}</td>" for fact in facts)
            yield f"<tr><td>{escape(name)}</td>{cells}</tr>"
        yield "</tbody></table></details>"


def _html_area(area: str, requirements: Sequence[Data]) -> str:
    rows = "".join(
        f'<tr><td class="verdict {_class(each["verdict"])}">{escape(each["verdict"])}</td>'
        f"<td>{escape(each['id'])}</td><td>{each['level']}</td><td>{escape(each['text'])}</td>"
        f"<td>{_link(each)}</td></tr>"
        for each in requirements
    )
    head = "<tr><th>verdict</th><th>requirement</th><th>level</th><th>text</th><th>source</th></tr>"
    return f"<h3>{escape(area)}</h3><table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the conformance.json that is named on the command line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1:
        sys.stderr.write("usage: python -m reports.statement conformance.json\n")
        return 2
    path = Path(given[0])
    try:
        data = json.loads(path.read_text("utf-8"))
        rendered = {"statement.md": as_markdown(data), "statement.html": as_html(data)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{path} is no conformance.json: {error}\n")
        return 2
    for name, text in rendered.items():
        (path.parent / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
