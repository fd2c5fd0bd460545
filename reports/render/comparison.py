"""A comparison for people and machines: Markdown, one page, JSON."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from reports.comparing.answer_changes import KINDS
from reports.comparing.verdict_changes import SECTIONS, side_name, title
from reports.render.content import html_class
from reports.render.markdown import code, plain
from reports.render.page import anchor, document

Data = Mapping[str, Any]

SHORT = ("new_in_suite", "gone_from_suite")
MOST_REQUESTS = 12
MOST_CHECKS = 3
#: Where a change shows at no more requests than these, it is told which check saw it.
MOST_EXAMPLES = 3


def notes(data: Data) -> Iterator[str]:
    """Yield what a reader has to know of the two runs."""
    if data.get("origin"):
        yield f"compared with {data['origin']}"
    for name in ("old", "new"):
        side = data[name]
        partial = f"; partial: {side['partial_reason']}" if side["partial_reason"] else ""
        yield (
            f"{name}: {side_name(side)} at {side['url']}, {side['started']}, "
            f"openemr-conformance {side['suite_version']}, {side['result']}{partial}"
        )
    yield f"{data['compared']} requirements compared, by the checks that both runs have"
    for name, words in (("gone", "features that are gone"), ("new", "features that came")):
        if data["features"][name]:
            yield f"{words}: {', '.join(data['features'][name])}"
    if not data["answers_kept"]:
        yield "one of the runs kept no answers, so what changed for clients is not known"


def as_markdown(data: Data) -> str:
    """Render the comparison as Markdown; its first line is the result."""
    lines = [f"# {title(data)}", "", *(f"- {plain(note)}" for note in notes(data))]
    lines += _markdown_section(data, "regressed")
    lines += _markdown_changes(data["changes"])
    for name in SECTIONS:
        if name != "regressed":
            lines += _markdown_section(data, name)
    return "\n".join(lines) + "\n"


def _markdown_section(data: Data, name: str) -> Iterator[str]:
    entries: Sequence[Data] = data["requirements"][name]
    if not entries:
        return
    heading, sentence = SECTIONS[name]
    yield from ("", f"## {heading} ({len(entries)})", "", sentence, "")
    if name in SHORT:
        yield ", ".join(f"`{each['id']}`" for each in entries)
        return
    for each in entries:
        yield (
            f"- **{each['id']}** ({each['level']}) {plain(each['text'])} "
            f"[{plain(each['source'])}]({each['url']}): {_moved(each)}"
        )
        yield from (f"  - `{check['id']}`: {plain(_said(check))}" for check in _shown(each))
        if each["check_count"] > MOST_CHECKS:
            yield f"  - and {each['check_count'] - MOST_CHECKS} more checks"


def _markdown_changes(listed: Sequence[Data]) -> Iterator[str]:
    if not listed:
        return
    yield from ("", "## What changed for clients", "")
    yield "By the answers to requests that both runs sent, in the same checks."
    for kind, heading in KINDS.items():
        some = [each for each in listed if each["kind"] == kind]
        if not some:
            continue
        yield from ("", f"### {heading}", "")
        for each in some:
            requests = each["requests"]
            few = len(requests) <= MOST_EXAMPLES
            named = [
                code(one["request"]) + (f" in {_example(one, code)}" if few else "")
                for one in requests[:MOST_REQUESTS]
            ]
            more = f" and {len(requests) - len(named)} more" if len(requests) > len(named) else ""
            yield f"- {plain(each['what'])}: {', '.join(named)}{more}"


def _example(request: Data, shown: Callable[[str], str]) -> str:
    rest = f" and {request['checks'] - 1} more" if request["checks"] > 1 else ""
    return shown(str(request["example"]).rpartition("/")[2]) + rest


def _shown(entry: Data) -> Sequence[Data]:
    return list(entry["checks"])[:MOST_CHECKS]


def _moved(entry: Data) -> str:
    if entry["old"] == entry["new"]:
        return f"{entry['new']} as before, in more checks"
    return f"{entry['old']} → {entry['new']}"


def _said(check: Data) -> str:
    moved = f"{check['old']} → {check['new']}"
    said = check.get("message") or check.get("reason") or ""
    before = f"before: {check['was']}" if check.get("was") else ""
    return ", ".join(each for each in (moved, said, before) if each)


def as_html(data: Data) -> str:
    """Render the comparison as one page."""
    tone = "not-conformant" if data["exit_code"] else "conformant"
    body = [f'<main><header class="{tone}"><h1>{escape(title(data))}</h1>']
    body += [f"<p>{escape(note)}</p>" for note in notes(data)]
    body += ["</header>", *_html_section(data, "regressed"), *_html_changes(data["changes"])]
    for name in SECTIONS:
        if name != "regressed":
            body += _html_section(data, name)
    body.append("</main>")
    return document(title(data), body)


def _html_section(data: Data, name: str) -> Iterator[str]:
    entries: Sequence[Data] = data["requirements"][name]
    if not entries:
        return
    heading, sentence = SECTIONS[name]
    yield f'<section><h2 id="{name}">{heading} ({len(entries)})</h2>'
    yield f'<p class="quiet">{sentence}</p>'
    if name in SHORT:
        rows = "".join(f"<li><b>{escape(e['id'])}</b> {escape(e['text'])}</li>" for e in entries)
        yield f"<details><summary>{len(entries)} requirements</summary><ul>{rows}</ul></details>"
    else:
        yield from map(_html_entry, entries)
    yield "</section>"


def _html_entry(entry: Data) -> str:
    checks = "".join(
        f"<dt><code>{escape(check['id'])}</code></dt><dd>{escape(_said(check))}"
        + (f"\n<code>{escape(check['reproduce'])}</code>" if check.get("reproduce") else "")
        + "</dd>"
        for check in entry["checks"]
    )
    number = entry["check_count"]
    first = escape(next((c["message"] for c in entry["checks"] if c.get("message")), ""))
    declared = "".join(
        f"<p>{escape(deviation['reason'])} {anchor(deviation['link'])}</p>"
        for deviation in entry.get("deviations", ())
    )
    return (
        f'<article class="finding {html_class(entry["new"] or "untested")}" '
        f'id="{escape(entry["id"])}"><h3>{escape(entry["id"])} '
        f'<span class="level">{entry["level"]}</span></h3><p class="text">{escape(entry["text"])} '
        f'<span class="quiet">{anchor(entry["url"], entry["source"])}</span></p>{declared}'
        f'<p><span class="change">{_moved(entry)}</span> {first}</p>'
        f"<details><summary>{number} check{'s' if number != 1 else ''}</summary><dl>{checks}</dl>"
        "</details></article>"
    )


def _html_changes(listed: Sequence[Data]) -> Iterator[str]:
    if not listed:
        return
    yield '<section><h2 id="clients">What changed for clients</h2><p class="quiet">By the answers '
    yield "to requests that both runs sent, in the same checks.</p>"
    for kind, heading in KINDS.items():
        some = [each for each in listed if each["kind"] == kind]
        if not some:
            continue
        yield f"<h3>{heading} ({sum(len(each['requests']) for each in some)})</h3>"
        yield '<table class="changes"><tbody>'
        for each in some:
            yield f'<tr><td class="change">{escape(each["what"])}</td><td>'
            yield _html_requests(each["requests"])
            yield "</td></tr>"
        yield "</tbody></table>"
    yield "</section>"


def _html_requests(requests: Sequence[Data]) -> str:
    few = len(requests) <= MOST_EXAMPLES
    rows = [
        f'<code title="{escape(one["example"])}">{escape(one["request"])}</code>'
        + (f' <small class="quiet">in {_example(one, escape)}</small>' if few else "")
        for one in requests
    ]
    if len(rows) <= MOST_REQUESTS:
        return "<br>".join(rows)
    rest = "<br>".join(rows[MOST_REQUESTS:])
    return (
        "<br>".join(rows[:MOST_REQUESTS])
        + f"<details><summary>and {len(rows) - MOST_REQUESTS} more</summary>{rest}</details>"
    )


def as_json(data: Data) -> str:
    """Render the comparison as JSON."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Data], str]] = {
    "md": as_markdown,
    "html": as_html,
    "json": as_json,
}

FILES: Iterable[str] = tuple(f"comparison.{name}" for name in FORMATS)


def written(data: Data) -> dict[str, str]:
    """Return a comparison by the names of the files that a run leaves of it."""
    return {f"comparison.{name}": render(data) for name, render in FORMATS.items()}
