"""The statement as one page: no network, readable without its script, which only filters."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.judging import app_verdict, declarations, scope_table
from reports.judging.requirement_results import deviations, telling
from reports.render.content import (
    ADVICE,
    FOUND,
    PARTS,
    WORDS,
    areas,
    baseline,
    by_area,
    by_reason,
    facts,
    html_class,
    sections,
    version,
)
from reports.render.exchange_html import Exchanges

Data = Mapping[str, Any]

MOST_CHECKS = 12
MOST_ENTRIES = 2
#: Before the deviations of a requirement of which something else is not fulfilled, either.
KNOWN_BESIDES = '<span class="quiet">known besides:</span> '
HERE = Path(__file__).parent


def render(data: Data) -> str:
    """Render the statement."""
    target = data["target"]
    shown = Exchanges(data)
    body = [
        '<main id="top">',
        *_head(data),
        *(_app(data["app"]) if "app" in data else ()),
        *_areas(data),
        *_filter(data),
    ]
    for verdict, heading, found in sections(data):
        body.append(
            f'<section><h2 id="{html_class(verdict)}">{escape(heading)} ({len(found)})</h2>'
            f'<p class="quiet">{escape(ADVICE[verdict])}</p>'
        )
        if verdict in FOUND:
            body += [_finding(each, shown) for each in found]
        elif verdict == verdicts.KNOWN:
            body += [_known(each) for each in found]
        else:
            body += [_unjudged(reason, several) for reason, several in by_reason(found)]
        body.append("</section>")
    body += _stale(data["deviations"]["stale"])
    body += _scopes(data.get("scopes", ()))
    body.append('<section><h2 id="all">All requirements</h2>')
    body += [_area(area, entries) for area, entries in areas(data)]
    body.append("</section>")
    body += _usual(shown.usual)
    body.append("</main>")
    title = f"{data['result']}: {target['name']}"
    return document(title, body, script=(HERE / "statement.js").read_text("utf-8"))


def document(title: str, body: Iterable[str], *, script: str = "") -> str:
    """Return a whole page that may load nothing, whatever a server has put into it."""
    style = (HERE / "statement.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style></head><body>",
            *body,
            f"<script>{script}</script>" if script else "",
            "</body></html>\n",
        )
    )


def _head(data: Data) -> Iterator[str]:
    target = data["target"]
    counts = data["counts"]["requirements"]
    yield f'<header class="{html_class(data["result"])}"><h1>{escape(data["result"])}</h1>'
    yield (
        f"<p>OpenEMR {escape(version(target))} at <b>{escape(str(target['url']))}</b>, judged "
        f"{escape(data['started'][:16].replace('T', ' '))} UTC by openemr-conformance "
        f"{escape(data['suite_version'])}</p>"
    )
    if target["kind"] == "embedded":
        yield "<p><b>This is the suite's own small server, and says nothing of any OpenEMR.</b></p>"
    if "baseline" in data:
        yield f"<p>Against the baseline: {escape(baseline(data))}.</p>"
    if data["run"]["partial_reason"]:
        yield f"<p>Partial: {escape(data['run']['partial_reason'])}.</p>"
    if "app" in data:
        tone, title = app_verdict.tone(data["app"]), escape(app_verdict.title(data["app"]))
        yield f'<p class="app {tone}">The app <a href="#app">{title}</a></p>'
    links = (
        f'<a class="count {html_class(v)}" href="#{_place(v)}"><b>{counts[v]}</b> {WORDS[v]}</a>'
        for v in verdicts.ORDER
        if counts.get(v)
    )
    yield f'<nav aria-label="Requirements by verdict">{"".join(links)}</nav></header>'
    yield '<details class="facts"><summary>The run, the target and its features</summary>'
    yield _definitions(facts(data).items())
    undeclared = target["not_declared"]
    if undeclared:
        yield "<p>Why features are not declared:</p>" + _definitions(undeclared.items())
    yield "</details>"


def _app(judged: Data) -> Iterator[str]:
    """Yield what keeps a vendor's app from working, and where it is to be changed."""
    title = escape(app_verdict.title(judged))
    yield f'<section class="{app_verdict.tone(judged)}"><h2 id="app">The app {title}</h2>'
    yield f'<p class="quiet">{escape(app_verdict.counted(judged))}.</p>'
    for each in judged["exceptions"]:
        name = escape(each["requirement"])
        told = {"received": each["received"], f"change {app_verdict.where(each)}": each["change"]}
        yield f'<article class="finding"><h3>{escape(each["what"])}</h3>'
        yield _definitions(told.items())
        yield f'<p class="quiet"><a href="#{name}">{name}</a></p></article>'
    if judged["not_judged"]:
        said = "".join(f"<li>{escape(each)}</li>" for each in judged["not_judged"])
        yield f"<p>Not judged:</p><ul>{said}</ul>"
    yield "</section>"


def _place(verdict: str) -> str:
    return "all" if verdict == verdicts.PASS else html_class(verdict)


def _areas(data: Data) -> Iterator[str]:
    shown = [v for v in verdicts.ORDER if data["counts"]["requirements"].get(v)]
    head = "".join(f'<th class="number">{escape(v)}</th>' for v in shown)
    yield '<section><h2>Summary by area</h2><table class="areas"><thead><tr><th>area</th>'
    yield f'<th class="bars"></th>{head}</tr></thead><tbody>'
    for area, counts in by_area(data):
        total = sum(counts.values())
        bar = "".join(
            f'<i class="{html_class(v)}" style="width:{100 * counts[v] / total:.1f}%"></i>'
            for v in verdicts.ORDER
            if counts[v]
        )
        cells = "".join(
            f'<td class="number {html_class(v) if counts[v] else ""}">{counts[v] or ""}</td>'
            for v in shown
        )
        yield (
            f'<tr><td><a href="#area-{area}">{escape(area)}</a></td>'
            f'<td class="bars"><span class="bar" aria-hidden="true">{bar}</span></td>{cells}</tr>'
        )
    yield "</tbody></table></section>"


def _filter(data: Data) -> Iterator[str]:
    """Yield the controls; the script shows them, because without it they would do nothing."""
    counts = data["counts"]["requirements"]
    yield '<form id="filter" role="search" hidden><input type="search" id="words" '
    yield 'placeholder="Search (press /)" aria-label="Search in requirements and findings">'
    for v in verdicts.ORDER:
        if counts.get(v):
            yield (
                f'<label class="{html_class(v)}"><input type="checkbox" name="verdict" '
                f'value="{escape(v)}" checked> {escape(v)}</label>'
            )
    for name, values in (
        ("level", sorted({each["level"] for each in data["requirements"]})),
        ("area", list(dict.fromkeys(each["area"] for each in data["requirements"]))),
    ):
        options = "".join(f"<option>{escape(each)}</option>" for each in values)
        yield f'<select id="{name}" aria-label="{name}"><option value="">every {name}</option>'
        yield f"{options}</select>"
    yield '<output id="shown" aria-live="polite"></output>'
    yield (
        '<span class="keys"><kbd>/</kbd> search <kbd>j</kbd> <kbd>k</kbd> next, previous '
        "<kbd>o</kbd> open <kbd>Esc</kbd> clear</span></form>"
    )


def attributes(requirement: Data) -> str:
    """Return what the script filters by."""
    return (
        f'data-v="{escape(requirement["verdict"])}" data-l="{requirement["level"]}" '
        f'data-a="{escape(requirement["area"])}"'
    )


def _title(requirement: Data) -> str:
    name = escape(requirement["id"])
    return (
        f'<h3><a href="#{name}">{name}</a> <span class="level">{requirement["level"]}</span></h3>'
        f'<p class="text">{escape(requirement["text"])} <span class="quiet">{_link(requirement)}'
        "</span></p>"
    )


def _finding(requirement: Data, shown: Exchanges) -> str:
    checks = telling(requirement)
    parts = [_check(check, shown, opened=index == 0) for index, check in enumerate(checks)]
    few = "".join(parts[:MOST_CHECKS])
    rest = len(checks) - MOST_CHECKS
    more = f'<p class="quiet">and {rest} more checks, in conformance.json</p>' if rest > 0 else ""
    return (
        f'<article class="finding {html_class(requirement["verdict"])}" '
        f'id="{escape(requirement["id"])}" tabindex="-1" {attributes(requirement)}>'
        f"{_title(requirement)}{few}{more}{_reasons(requirement, KNOWN_BESIDES)}"
        f"{_accept(requirement)}</article>"
    )


def _accept(requirement: Data) -> str:
    """Return the deviation that a reader may copy, if there is something to declare."""
    listed = declarations.entries(requirement)
    if not listed:
        return ""
    text = escape(declarations.as_toml(listed[:MOST_ENTRIES]).strip(), quote=False)
    more = len(listed) - MOST_ENTRIES
    rest = f'<p class="quiet">and {more} more: python -m reports.declare</p>' if more > 0 else ""
    return f"<details><summary>Accept it for now</summary><pre>{text}</pre>{rest}</details>"


def _known(requirement: Data) -> str:
    checks = telling(requirement)
    received = "".join(
        f"<dt><code>{escape(check['id'])}</code></dt><dd>{escape(check.get('message', ''))}</dd>"
        for check in checks[:MOST_CHECKS]
    )
    rest = len(checks) - MOST_CHECKS
    more = f'<p class="quiet">and {rest} more checks</p>' if rest > 0 else ""
    number = f"{len(checks)} check{'s' if len(checks) > 1 else ''}"
    return (
        f'<article class="finding known" id="{escape(requirement["id"])}" tabindex="-1" '
        f"{attributes(requirement)}>{_title(requirement)}{_reasons(requirement)}"
        f"<details><summary>{number}</summary><dl>{received}</dl>{more}</details></article>"
    )


def _reasons(requirement: Data, before: str = "") -> str:
    """Return the reason and link of every deviation, with the number of checks if it matters."""
    found = deviations(requirement)
    return "".join(
        f"<p>{before}{escape(deviation['reason'])} {anchor(deviation['link'])}"
        + (
            f' <span class="quiet">({number} of the checks)</span>'
            if len(found) > 1 < number
            else ""
        )
        + "</p>"
        for deviation, number in found
    )


def _unjudged(reason: str, requirements: Sequence[Data]) -> str:
    rows = "".join(
        f'<li id="{escape(each["id"])}" tabindex="-1" {attributes(each)}>'
        f"<b>{escape(each['id'])}</b> {escape(each['text'])}</li>"
        for each in requirements
    )
    said = escape(reason or "no reason given")
    return (
        f'<details class="group"><summary>{len(requirements)}: {said}</summary><ul>{rows}</ul>'
        "</details>"
    )


def _check(check: Data, shown: Exchanges, *, opened: bool) -> str:
    said = []
    for key, label in PARTS.items():
        value = check.get(key)
        if value:
            text = escape(value if isinstance(value, str) else "\n".join(value), quote=False)
            said.append((label, f"<code>{text}</code>" if key == "reproduce" else text))
    said = said or [("found", escape(check.get("message", "")))]
    body = "".join(f"<dt>{label}</dt><dd>{text}</dd>" for label, text in said)
    exchanges: Sequence[Data] = check.get("exchanges", ())
    folded = ""
    if exchanges:
        number = f"{len(exchanges)} exchange{'s' if len(exchanges) > 1 else ''}"
        folded = f"<details><summary>{number}</summary>{shown.html(exchanges, check)}</details>"
    return (
        f'<details class="check"{" open" if opened else ""}>'
        f"<summary><code>{escape(check['id'])}</code></summary><dl>{body}</dl>{folded}</details>"
    )


def _stale(stale: Sequence[Data]) -> Iterator[str]:
    if stale:
        yield f'<section><h2 id="stale">Stale deviations ({len(stale)})</h2><ul>'
        for each in stale:
            where, why = escape(each["where"]), escape(each["why"])
            yield f"<li><code>{where}</code>: {why}; delete the entry</li>"
        yield "</ul></section>"


def _scopes(known: Sequence[Data]) -> Iterator[str]:
    if known:
        head = "".join(
            f'<th title="{escape(meaning)}">{fact}</th>'
            for fact, meaning in scope_table.FACTS.items()
        )
        yield '<section><h2 id="scopes">Scopes</h2>'
        yield f"<details><summary>{escape(scope_table.summary(known))}</summary>"
        yield f"<table><thead><tr><th>scope</th>{head}</tr></thead><tbody>"
        for name, *values in scope_table.rows(known):
            cells = "".join(f'<td class="said-{value}">{value}</td>' for value in values)
            yield f"<tr><td>{escape(name)}</td>{cells}</tr>"
        yield "</tbody></table></details></section>"


def _area(area: str, requirements: Sequence[Data]) -> str:
    rows = "".join(
        f'<tr {attributes(each)}><td class="verdict {html_class(each["verdict"])}">'
        f"{escape(each['verdict'])}</td><td>{_to(each)}</td>"
        f"<td>{each['level']}</td><td>{escape(each['text'])}</td><td>{_link(each)}</td></tr>"
        for each in requirements
    )
    head = "<tr><th>verdict</th><th>requirement</th><th>level</th><th>text</th><th>source</th></tr>"
    return (
        f'<details class="area" id="area-{escape(area)}"><summary>{escape(area)} '
        f"({len(requirements)})</summary><table><thead>{head}</thead><tbody>{rows}</tbody></table>"
        "</details>"
    )


def _to(requirement: Data) -> str:
    name = escape(requirement["id"])
    return name if requirement["verdict"] == verdicts.PASS else f'<a href="#{name}">{name}</a>'


def _usual(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield "<details><summary>Headers that most answers carry, left out above</summary>"
        yield f"<pre>{escape(chr(10).join(lines))}</pre></details>"


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    said = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in pairs)
    return f"<dl>{said}</dl>"


def _link(requirement: Data) -> str:
    return anchor(requirement["url"], requirement["source"])


def anchor(url: str, text: str | None = None) -> str:
    """Return a link; only to the web, whatever stands in the data."""
    shown = escape(url if text is None else text)
    return f'<a href="{escape(url)}">{shown}</a>' if url.startswith("http") else shown
