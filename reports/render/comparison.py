"""A comparison for people and machines: Markdown, one page, JSON."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.comparing.answer_changes import KINDS
from reports.comparing.verdict_changes import SECTIONS, side_name, title
from reports.judging.causes import EXPLAINED_BY
from reports.render import environment
from reports.render.content import Deviation

Data = Mapping[str, Any]

#: The section before the changes for clients; the others come after them.
FIRST = "regressed"
#: Sections of which the requirements are only named.
SHORT = ("new_in_suite", "gone_from_suite")
MOST_REQUESTS = 12
MOST_CHECKS = 3
#: Up to so many requests with the same change are shown with the check that sent them.
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Entry:
    """A requirement that moved, with the checks that moved it."""

    data: Data

    @property
    def moved(self) -> str:
        """The verdicts before and after."""
        old, new = self.data["old"], self.data["new"]
        return f"{new} as before, in more checks" if old == new else f"{old} → {new}"

    @property
    def cause(self) -> str:
        """The requirement of the same section whose fault explains this one; empty if none."""
        return str(self.data.get(EXPLAINED_BY, ""))

    @property
    def message(self) -> str:
        """The first message of its checks; empty if they have none."""
        return next((c["message"] for c in self.data["checks"] if c.get("message")), "")

    @property
    def checks(self) -> list[dict[str, str]]:
        """Its checks: id, what changed, and a curl line or nothing."""
        return [
            {"id": each["id"], "change": _change(each), "reproduce": each.get("reproduce") or ""}
            for each in self.data["checks"]
        ]

    @property
    def deviations(self) -> list[Deviation]:
        """The deviations that are declared for it."""
        found = self.data.get("deviations", ())
        return [Deviation(each["reason"], each["link"], None) for each in found]


def _change(check: Data) -> str:
    moved = f"{check['old']} → {check['new']}"
    message = check.get("message") or check.get("reason") or ""
    before = f"before: {check['was']}" if check.get("was") else ""
    return ", ".join(each for each in (moved, message, before) if each)


@dataclass(frozen=True)
class Section:
    """A heading with the requirements below it."""

    name: str
    heading: str
    sentence: str
    entries: Sequence[Entry]

    @property
    def is_short(self) -> bool:
        """Whether its requirements are only named."""
        return self.name in SHORT


def notes(data: Data) -> Iterator[str]:
    """Yield what a reader needs to know about the two runs."""
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
    for name, words in (("gone", "features that are gone"), ("new", "features that are new")):
        if data["features"][name]:
            yield f"{words}: {', '.join(data['features'][name])}"
    if not data["answers_kept"]:
        yield "one of the runs has no answers stored, so the changes for clients are not known"


def _context(data: Data) -> dict[str, Any]:
    sections = [
        Section(name, *SECTIONS[name], [Entry(each) for each in data["requirements"][name]])
        for name in SECTIONS
        if data["requirements"][name]
    ]
    return {
        "title": title(data),
        "notes": list(notes(data)),
        "first": [each for each in sections if each.name == FIRST],
        "others": [each for each in sections if each.name != FIRST],
        "changes": [
            (heading, several)
            for kind, heading in KINDS.items()
            if (several := [_answers(each) for each in data["changes"] if each["kind"] == kind])
        ],
    }


def _answers(change: Data) -> dict[str, Any]:
    """Return a change for clients with the requests that show it."""
    requests = change["requests"]
    few = len(requests) <= MOST_EXAMPLES
    return {
        "what": change["what"],
        "count": len(requests),
        "requests": [
            {
                "request": each["request"],
                "check": each["example"],
                "example": each["example"].rpartition("/")[2] if few else "",
                "more": each["checks"] - 1,
            }
            for each in requests
        ],
    }


def as_markdown(data: Data) -> str:
    """Render the comparison as Markdown; its first line is the result."""
    return environment.markdown(
        "comparison.md.j2",
        most_checks=MOST_CHECKS,
        most_requests=MOST_REQUESTS,
        **_context(data),
    )


def as_html(data: Data) -> str:
    """Render the comparison as one page."""
    return environment.page(
        "comparison.html.j2",
        tone="fail" if data["exit_code"] else "pass",
        most_requests=MOST_REQUESTS,
        **_context(data),
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
    """Return the forms of a comparison by the names of their files."""
    return {f"comparison.{name}": render(data) for name, render in FORMATS.items()}
