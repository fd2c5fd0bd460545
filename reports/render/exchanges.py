"""The exchanges that a page shows: the judged ones whole, the others short, and each of them once.

A page has to open at once, so its exchanges share a budget. The judged ones come first in it. The
rest is in conformance.json.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from markupsafe import escape

from reports.judging import evidence
from reports.render.content import Finding
from reports.render.escaping import shorten

Data = Mapping[str, Any]
#: The requirement and the check at which an exchange is shown.
Place = tuple[str, str]

#: Characters of HTML for all exchanges of a page, and about how many of them surround each one.
BUDGET, MARKUP = 850_000, 200
#: How much is shown of the bodies of judged exchanges: the most with which all of them fit.
JUDGED_BODIES = (4000, 2000, 1000, 500, 200)
#: How much is shown of a URL in the line of an exchange, and of a header or URL in its messages.
LONGEST_URL, LONGEST_HEADER = 160, 1000
#: The parts that are shown of an exchange that is not judged.
OTHER_BODIES = 200
OTHER_HEADERS = frozenset(
    ("authorization", "content-type", "location", "www-authenticate", "allow", "retry-after")
)


@dataclass(frozen=True)
class Shown:
    """An exchange on the page: its messages, or a link to the place where these are shown."""

    id: str
    line: str
    ms: float
    request: str = ""
    response: str = ""
    #: The requirement at which the messages are shown, if that is not here.
    shown_at: str | None = None

    @property
    def size(self) -> int:
        """How many characters of HTML it takes, about."""
        return MARKUP + sum(len(escape(each)) for each in (self.line, self.request, self.response))


@dataclass(frozen=True)
class ExchangesOfCheck:
    """The exchanges of a check, and how many more of them are in conformance.json."""

    judged: Sequence[Shown]
    others: Sequence[Shown]
    left_out: int


def ordered(check: Data) -> tuple[list[Data], list[Data]]:
    """Return the judged exchanges of a check, and the others; none if they are in an older form."""
    return ([], []) if _is_older(check) else evidence.ordered(check)


def has_older_form(data: Data) -> bool:
    """Return whether some exchanges are in the form of schema version 1, which is not shown."""
    return any(
        _is_older(check) for requirement in data["requirements"] for check in requirement["checks"]
    )


def _is_older(check: Data) -> bool:
    return any(not isinstance(each.get("request"), Mapping) for each in check.get("exchanges", ()))


def line(exchange: Data, base: str) -> str:
    """Return an exchange in one line; of a URL at the target `base`, it has only the path."""
    request, response = exchange["request"], exchange.get("response")
    parts = urlsplit(base)
    origin = f"{parts.scheme}://{parts.netloc}"
    url = str(request["url"])
    place = url.removeprefix(origin) if url.startswith(f"{origin}/") else url
    asked = f"{request['method']} {shorten(place, LONGEST_URL)}"
    if response is None:
        return f"{asked} → no answer"
    return f"{asked} → {response['status']} {evidence.media_type(response)}".rstrip()


def on_page(findings: Iterable[Finding], base: str) -> dict[Place, ExchangesOfCheck]:
    """Return the exchanges of each check that a page shows; `base` is the URL of the target."""
    checks = {
        (finding.requirement["id"], check.id): ordered(check.data)
        for finding in findings
        for check in finding.checks
    }
    page = _Page(checks, base)
    # The judged exchanges of all checks are counted before any other exchange.
    judged = {place: page.judged(place, main) for place, (main, _) in checks.items()}
    found = {}
    for place, (_, others) in checks.items():
        shown = list(page.others(place, others))
        found[place] = ExchangesOfCheck(judged[place], shown, len(others) - len(shown))
    return found


class _Page:
    """Where each exchange is shown, and how many characters are left for more of them."""

    def __init__(self, checks: Mapping[Place, tuple[list[Data], list[Data]]], base: str) -> None:
        self.base = base
        self.places: dict[str, Place] = {}
        by_id: dict[str, Data] = {}
        for place, (judged, _) in checks.items():
            for exchange in judged:
                self.places.setdefault(exchange["id"], place)
                by_id.setdefault(exchange["id"], exchange)
        self.whole = _whole(by_id, base)
        self.left = BUDGET

    def judged(self, place: Place, exchanges: Iterable[Data]) -> list[Shown]:
        """Return the judged exchanges of a check, whole or as links."""
        found = [
            self.whole[each["id"]] if self.places[each["id"]] == place else self._link(each)
            for each in exchanges
        ]
        self.left -= sum(each.size for each in found)
        return found

    def others(self, place: Place, exchanges: Iterable[Data]) -> Iterator[Shown]:
        """Yield the other exchanges of a check, short or as links, while there is room."""
        for each in exchanges:
            if each["id"] in self.places:
                shown = self._link(each)
            else:
                shown = _with_messages(each, self.base, OTHER_BODIES, OTHER_HEADERS)
            self.left -= shown.size
            if self.left < 0:
                return
            self.places.setdefault(each["id"], place)
            yield shown

    def _link(self, exchange: Data) -> Shown:
        name = exchange["id"]
        return Shown(name, line(exchange, self.base), exchange["ms"], shown_at=self.places[name][0])


def _whole(by_id: Mapping[str, Data], base: str) -> dict[str, Shown]:
    """Return judged exchanges by id, with as much of their bodies as fits into the budget.

    If not even short bodies fit, the last exchanges come without their messages.
    """
    found: dict[str, Shown] = {}
    for longest in JUDGED_BODIES:
        found = {name: _with_messages(each, base, longest) for name, each in by_id.items()}
        if sum(each.size for each in found.values()) <= BUDGET:
            return found
    left = BUDGET
    for name, shown in found.items():
        left -= shown.size
        if left < 0:
            found[name] = replace(shown, request="", response="")
    return found


def _with_messages(
    exchange: Data, base: str, longest: int, headers: frozenset[str] | None = None
) -> Shown:
    """Return an exchange with its messages; only with some of their headers if any are named."""
    request, response = exchange["request"], exchange.get("response")
    sent = f"{request['method']} {request['url']}"
    received = f"* {exchange.get('problem') or 'no answer'}"
    if response is not None:
        received = _message("<", str(response["status"]), response, longest, headers)
    return Shown(
        exchange["id"],
        line(exchange, base),
        exchange["ms"],
        _message(">", sent, request, longest, headers),
        received,
    )


def _message(
    mark: str, first: str, message: Data, longest: int, headers: frozenset[str] | None
) -> str:
    """Return a message, its first line and its headers marked as `curl -v` does."""
    head = [first] + [
        f"{name}: {value}"
        for name, value in message["headers"]
        if headers is None or name.lower() in headers
    ]
    lines = [f"{mark} {shorten(each, LONGEST_HEADER)}" for each in head]
    if message["body"]:
        lines += ["", shorten(message["body"], longest)]
    return "\n".join(lines)
