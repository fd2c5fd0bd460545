"""Findings of checks as text for people: at most twelve lines, without secrets.

The text replaces the exception's own message before pytest makes its report, because reporters take
their message from the exception. It also replaces pytest's traceback: the operator of a judged
server has no use for the stack of the suite.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fixtures.wire.redaction import SECRETS
from reports import verdicts
from reports.judging.catalogue import Requirement
from reports.judging.deviations import Deviation

LONGEST_VALUE = 240
LONGEST_COMMAND = 1200
MOST_LINES = 12
MOST_FRAMES = 4

#: Verdicts of a requirement whose findings fail the run.
NEW = frozenset((verdicts.FAIL, verdicts.BLOCKED))

#: Labels with their values; a value of None is not shown.
Rows = Sequence[tuple[str, Sequence[str | None]]]


class Missed(AssertionError):
    """A requirement was missed; the message says how. It keeps the exchanges that were judged."""

    judged: Sequence[Any] = ()


class NotJudged(Exception):
    """A check came to no verdict; the message says why."""

    judged: Sequence[Any] = ()


@dataclass(frozen=True)
class Finding:
    """The finding of a check: text for people, and its parts for conformance.json."""

    text: str
    missed: bool
    #: Whether the check itself raised Blocked, so that nothing unexpected went wrong.
    blocked: bool = False
    parts: dict[str, Any] = field(default_factory=dict)


def describe(
    requirement: Requirement, excinfo: pytest.ExceptionInfo[BaseException], when: str, item: Any
) -> Finding:
    """Return the finding for an exception: a miss, or a check that could not be judged."""
    error = _single(excinfo.value)
    if error is not excinfo.value and error.__traceback__ is not None:
        excinfo = pytest.ExceptionInfo.from_exception(error)
    missed = when == "call" and isinstance(error, AssertionError)
    if missed:
        blocked, parts = False, _miss(error, _own_line(excinfo, item))
    else:
        blocked = any(each.__name__ == "Blocked" for each in type(error).__mro__)
        frames = _frames(excinfo, item.config.rootpath)
        parts = _blocked(error, when, frames, named=blocked)
    return Finding(text(_heading(requirement), parts), missed, blocked, parts)


def stale(requirement: Requirement, deviation: Deviation) -> Finding:
    """Return the finding for a deviation that no longer deviates."""
    message = f"stale deviation: fulfilled now; delete {deviation.where}"
    parts = {"message": message, "stale": deviation.where}
    text = stale_text(
        _heading(requirement),
        {"where": deviation.where, "reason": deviation.reason, "link": deviation.link},
    )
    return Finding(text, missed=False, parts=parts)


def _heading(requirement: Requirement) -> dict[str, str]:
    names = ("id", "level", "severity", "text", "source", "url")
    return {name: getattr(requirement, name) for name in names}


def text(requirement: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    """Return a finding in lines; `requirement` and `parts` are as in conformance.json."""
    message = str(parts.get("message", ""))
    hint = ("hint", [parts.get("hint")])
    rows: Rows
    if message.startswith(verdicts.NOT_JUDGED):
        rows = [
            ("blocked", [message, *parts.get("details", ())]),
            hint,
            ("run again", [parts.get("rerun")]),
            ("when", [parts.get("when")]),
            ("at", parts.get("at", ())),
        ]
    else:
        rows = [
            ("expected", [parts.get("expected")]),
            ("received", parts.get("received", ())),
            ("in answer", [parts.get("in_answer")]),
            ("reproduce", [parts.get("reproduce")]),
            hint,
            ("run again", [parts.get("rerun")]),
            ("example", [parts.get("example")]),
            ("check", parts.get("at", ())),
        ]
    return _lines(requirement, rows)


def stale_text(requirement: Mapping[str, Any], deviation: Mapping[str, Any]) -> str:
    """Return the text for a deviation (where, reason, link) that no longer deviates."""
    rows: Rows = [
        ("deviation", ["{where}: {reason}  {link}".format(**deviation)]),
        ("stale", ["the server fulfils this requirement now; delete the entry"]),
    ]
    return _lines(requirement, rows)


def replace(
    excinfo: pytest.ExceptionInfo[BaseException], finding: Finding
) -> pytest.ExceptionInfo[BaseException]:
    """Return the exception information with the finding as its message."""
    error = Missed(finding.text) if finding.missed else NotJudged(finding.text)
    error.judged = judged_by(excinfo.value)
    return pytest.ExceptionInfo.from_exc_info((type(error), error, excinfo.tb))


def judged_by(error: BaseException) -> list[Any]:
    """Return the exchanges that a miss, or a group of them, judged; the main one first."""
    if isinstance(error, BaseExceptionGroup):
        return [each for one in error.exceptions for each in judged_by(one)]
    return list(getattr(error, "judged", ()))


def _miss(error: BaseException, own: str | None) -> dict[str, Any]:
    expected = _value(getattr(error, "expected", None))
    received = _values(getattr(error, "received", None))
    if expected is None and not received:
        received = _values(str(error).splitlines() or ["the assertion failed without a message"])
    # Hypothesis notes the failing example, and an explanation full of paths may follow it.
    notes = [str(note).partition("Explanation:")[0] for note in getattr(error, "__notes__", ())]
    first = received[0] if received else "otherwise"
    return _filled(
        {
            "message": f"expected {expected}, received {first}" if expected else first,
            "expected": expected,
            "received": received,
            "in_answer": _value(getattr(error, "in_answer", None)),
            "reproduce": _value(getattr(error, "reproduce", None), LONGEST_COMMAND),
            "hint": _value(getattr(error, "hint", None), LONGEST_COMMAND),
            "example": _value(" ".join(notes[0].split())) if notes else None,
            "at": [own] if own else [],
        }
    )


def _blocked(
    error: BaseException, when: str, frames: Sequence[str], *, named: bool
) -> dict[str, Any]:
    kind = type(error).__name__
    said = _values(str(error).splitlines())
    first = said[0] if said else kind
    reason = first if named or first.startswith(kind) else f"{kind}: {first}"
    stage = {"setup": "while it was prepared", "teardown": "while it was cleaned up"}.get(when)
    return _filled(
        {
            "message": f"{verdicts.NOT_JUDGED}: {reason}",
            "details": said[1:],
            "hint": _value(getattr(error, "hint", None), LONGEST_COMMAND),
            "when": stage,
            "at": list(frames),
        }
    )


def _lines(requirement: Mapping[str, Any], rows: Rows, indent: str = "  ") -> str:
    """Return a finding in lines; where there are too many values, the last ones are left out."""
    filled = [(label, [v for v in values if v is not None]) for label, values in rows]
    spare = MOST_LINES - 2 - sum(1 for _, values in filled if values)
    lines = [
        "{id} ({level}, {severity}) {text}".format(**requirement),
        f"{indent}{'source':<11}{requirement['source']}  {requirement['url']}",
    ]
    for label, values in filled:
        shown = values[: spare + 1]
        if len(shown) < len(values):
            shown[-1] = f"{shown[-1]}  (and {len(values) - len(shown)} more)"
        spare -= max(0, len(shown) - 1)
        lines += [
            f"{indent}{'' if index else label:<11}{value}" for index, value in enumerate(shown)
        ]
    return "\n".join(lines)


def _value(value: Any, longest: int = LONGEST_VALUE) -> str | None:
    """Return a value in one line; it is cleaned before it is cut: half a secret is not found."""
    if value is None:
        return None
    line = " ".join(SECRETS.clean(str(value)).split("\n")).strip()
    return line if len(line) <= longest else f"{line[:longest]}… ({len(line)} characters)"


def _values(values: Any) -> list[str]:
    if values is None:
        return []
    several = [values] if isinstance(values, str) else list(values)
    return [line for line in map(_value, several) if line]


def _filled(parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}


def _single(error: BaseException) -> BaseException:
    """Return the first of several failures if all are misses, else the first that is not."""
    while isinstance(error, BaseExceptionGroup):
        others = [each for each in error.exceptions if not isinstance(each, AssertionError)]
        error = (others or list(error.exceptions))[0]
    return error


def _own_line(excinfo: pytest.ExceptionInfo[BaseException], item: Any) -> str | None:
    """Return the line of the check itself at which it failed."""
    own = [entry for entry in excinfo.traceback if Path(entry.path) == item.path]
    if not own:
        return None
    place = f"{item.path.relative_to(item.config.rootpath).as_posix()}:{own[-1].lineno + 1}"
    try:
        line = str(own[-1].statement)
    except IndexError:  # the file was changed during the run, and is shorter now
        return place
    return _value(f"{place}  {' '.join(line.split())}")


def _frames(excinfo: pytest.ExceptionInfo[BaseException], root: Path) -> list[str]:
    """Return the innermost places of the suite that an exception passed."""
    frames = [
        f"{Path(entry.path).relative_to(root).as_posix()}:{entry.lineno + 1} in {entry.name}"
        for entry in excinfo.traceback
        if Path(entry.path).is_relative_to(root) and "site-packages" not in str(entry.path)
    ]
    return frames[-MOST_FRAMES:]
