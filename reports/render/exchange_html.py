"""Exchanges as the page shows them: the judged one whole, the others short, and each once.

Most answers of a server carry the same headers, and most findings share what led up to them. What
is left out here stands in conformance.json.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from reports import verdicts

Data = Mapping[str, Any]

#: Characters of a body that are shown, of the judged exchange and of those that led up to it.
JUDGED, OTHERS = 1000, 200
LONGEST_URL = 600
#: Characters of the page for all exchanges: one that opens at once is worth more than the last.
BUDGET = 850_000
#: Headers of which the value differs each time and says nothing about a server.
VOLATILE = frozenset(
    (
        *("date", "content-length", "keep-alive", "connection", "transfer-encoding", "host"),
        *("server", "accept-encoding", "user-agent", "content-encoding", "vary"),
    )
)
#: What is shown of the headers of exchanges that are not the judged one.
LEADING = frozenset(
    ("authorization", "content-type", "location", "www-authenticate", "allow", "retry-after")
)
#: What at least this share of the answers carries is shown once for all.
USUAL = 0.6


def split(message: object) -> tuple[list[str], str]:
    """Return the lines of the headers and the body of a message."""
    head, _, body = str(message or "").partition("\n\n")
    return head.splitlines(), body


def path(url: str) -> str:
    """Return a URL without scheme and host."""
    rest = url.partition("://")[2]
    return "/" + rest.partition("/")[2] if rest else url


class Exchanges:
    """Renders exchanges, and remembers which it has shown."""

    def __init__(self, data: Data) -> None:
        """Learn which headers most answers carry."""
        self._places: dict[tuple[str, ...], int] = {}
        self._left = BUDGET
        answers = [
            set(map(_stable, _telling(split(exchange.get("response"))[0])))
            for requirement in data["requirements"]
            if requirement["verdict"] in {verdicts.FAIL, verdicts.BLOCKED, verdicts.WARN}
            for check in requirement["checks"]
            for exchange in check.get("exchanges", ())
            if exchange.get("status") is not None
        ]
        lines = Counter(line for answer in answers for line in answer)
        few = max(3, USUAL * len(answers))
        self.usual = sorted(line for line, number in lines.items() if number >= few)

    def html(self, exchanges: Iterable[Data], check: Data) -> str:
        """Render the exchanges of a check; the judged one is open."""
        if self._left < 0:
            return '<p class="quiet">They are in conformance.json.</p>'
        listed = list(exchanges)
        judged = _judged(listed, str(check.get("in_answer", "")))
        whole = str(check.get("expected", "")).startswith("header")
        return "".join(
            self._one(exchange, judged=index == judged, whole=whole and index == judged)
            for index, exchange in enumerate(listed)
        )

    def _one(self, exchange: Data, *, judged: bool, whole: bool) -> str:
        line = (
            f"{exchange.get('method')} {_cut(path(str(exchange.get('url'))), LONGEST_URL)} → "
            f"{exchange.get('status') or 'no answer'}"
        )
        request, asked = split(exchange.get("request"))
        response, answered = split(exchange.get("response"))
        key = (str(exchange.get("url")), line, asked, answered, str(judged))
        if key in self._places:
            number = self._places[key]
            link = f'<a href="#x{number}">{escape(line, quote=False)}</a>'
            return f'<p class="same">{link} (shown before)</p>'
        number = self._places[key] = len(self._places) + 1
        longest = JUDGED if judged else OTHERS
        usual = [] if whole else self.usual
        sent, got = _telling(request), _telling(response)
        got = [each for each in got if _stable(each) not in usual]
        if not judged:
            sent, got = ([e for e in head if _name(e) in LEADING] for head in (sent, got))
        parts = [
            *(f"> {each}" for each in sent),
            *(["", _cut(asked, longest), ""] if asked else []),
            *(f"< {each}" for each in got),
            *(["", _cut(answered, longest)] if answered else []),
        ]
        text = "\n".join(parts).strip("\n")  # marked as curl -v does
        opened = " open" if judged else ""
        shown = (
            f'<details class="exchange" id="x{number}"{opened}>'
            f"<summary>{escape(line, quote=False)}</summary>"
            f"<pre>{escape(text, quote=False)}</pre></details>"
        )
        self._left -= len(shown)
        return shown


def _telling(lines: Iterable[str]) -> list[str]:
    return [e for e in lines if _name(e) not in VOLATILE and e.lower() != "accept: */*"]


def _name(line: str) -> str:
    return line.partition(":")[0].lower()


def _stable(line: str) -> str:
    """Return a header without what changes from one cookie to the next."""
    if _name(line) != "set-cookie":
        return line
    return re.sub(r"expires=[^;]*; ?", "", re.sub(r"=<cookie [0-9a-f]+>", "=...", line))


def _judged(exchanges: list[Data], in_answer: str) -> int:
    """Return the number of the exchange that the finding is about: the last one if not known."""
    asked, _, answer = in_answer.partition(" -> ")
    for index in range(len(exchanges) - 1, -1, -1):
        exchange = exchanges[index]
        line = f"{exchange.get('method')} {path(str(exchange.get('url'))).partition('?')[0]}"
        if line == asked and answer.startswith(str(exchange.get("status"))):
            return index
    return len(exchanges) - 1


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
