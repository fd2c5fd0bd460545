"""What a check found, told to people: at most twelve lines, secrets taken out.

The text replaces the exception's own message before pytest makes its report, because Allure takes
its message from the exception; and it replaces pytest's traceback, because a judged server's
operator has no use for the stack of the suite.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ReprEntry, ReprExceptionInfo, ReprFileLocation, ReprTraceback

from fixtures.redaction import SECRETS
from reports.judging.catalogue import Requirement
from reports.judging.deviations import Deviation

LONGEST_VALUE = 240
LONGEST_COMMAND = 1200
MOST_LINES = 12
MOST_FRAMES = 4

#: Labels with their values; what is None is not shown.
Rows = Sequence[tuple[str, Sequence[str | None]]]


class NotJudged(Exception):
    """A check came to no verdict; the message says why."""


#: How the message of a finding starts that says nothing of the server.
NOT_JUDGED = "could not be judged"


@dataclass(frozen=True)
class Finding:
    """What a check found: text for people, and its parts for conformance.json."""

    text: str
    missed: bool
    #: Whether the check said so itself, and nothing went wrong that nobody thought of.
    blocked: bool = False
    parts: dict[str, Any] = field(default_factory=dict)


def describe(
    requirement: Requirement, excinfo: pytest.ExceptionInfo[BaseException], when: str, item: Any
) -> Finding:
    """Tell a requirement that was missed (an assertion of the check) from one not judged."""
    error = _single(excinfo.value)
    if error is not excinfo.value and error.__traceback__ is not None:
        excinfo = pytest.ExceptionInfo.from_exception(error)
    if when == "call" and isinstance(error, AssertionError):
        return _miss(requirement, error, _own_line(excinfo, item))
    return _blocked(requirement, error, when, _frames(excinfo, item.config.rootpath))


def stale(requirement: Requirement, deviation: Deviation) -> Finding:
    """Tell that a deviation no longer deviates."""
    rows: Rows = [
        ("deviation", [f"{deviation.where}: {deviation.reason}  {deviation.link}"]),
        ("stale", ["the server fulfils this requirement now; delete the entry"]),
    ]
    message = f"stale deviation: fulfilled now; delete {deviation.where}"
    parts = {"message": message, "stale": deviation.where}
    return Finding(_text(requirement, rows), missed=False, parts=parts)


def replace(
    excinfo: pytest.ExceptionInfo[BaseException], finding: Finding
) -> pytest.ExceptionInfo[BaseException]:
    """Return the exception information with the finding as its message."""
    error = AssertionError(finding.text) if finding.missed else NotJudged(finding.text)
    return pytest.ExceptionInfo.from_exc_info((type(error), error, excinfo.tb))


def raised(finding: Finding) -> pytest.ExceptionInfo[BaseException]:
    """Return a finding as an exception, for reporters that know of nothing else."""
    try:
        raise AssertionError(finding.text)  # noqa: TRY301 - only what was raised has a trace
    except AssertionError:
        return pytest.ExceptionInfo.from_current()


def representation(message: str, text: str, path: str, line: int) -> ReprExceptionInfo:
    """Return the text in the form in which pytest, xdist, JUnit and Allure take a failure."""
    entry = ReprEntry(text.splitlines(), None, None, None, "value")
    return ReprExceptionInfo(
        reprtraceback=ReprTraceback([entry], None, "value"),
        reprcrash=ReprFileLocation(path, line, message),
    )


def _miss(requirement: Requirement, error: AssertionError, own: str | None) -> Finding:
    expected = _value(getattr(error, "expected", None))
    received = _values(getattr(error, "received", None))
    if expected is None and not received:
        received = _values(str(error).splitlines() or ["the assertion failed without a message"])
    # Hypothesis notes the example that fails, and may go on with an explanation full of paths.
    notes = [str(note).partition("Explanation:")[0] for note in getattr(error, "__notes__", ())]
    parts: dict[str, Any] = {
        "expected": expected,
        "received": received,
        "in_answer": _value(getattr(error, "in_answer", None)),
        "reproduce": _value(getattr(error, "reproduce", None), LONGEST_COMMAND),
        "hint": _value(getattr(error, "hint", None), LONGEST_COMMAND),
    }
    rows: Rows = [
        ("expected", [expected] if expected else []),
        ("received", received),
        ("in answer", [parts["in_answer"]]),
        ("reproduce", [parts["reproduce"]]),
        ("hint", [parts["hint"]]),
        ("example", _values(" ".join(notes[0].split()) if notes else None)),
        ("check", [own]),
    ]
    first = received[0] if received else "otherwise"
    parts["message"] = f"expected {expected}, received {first}" if expected else first
    return Finding(_text(requirement, rows), missed=True, parts=_said(parts))


def _blocked(
    requirement: Requirement, error: BaseException, when: str, frames: Sequence[str]
) -> Finding:
    kind = type(error).__name__
    said = _values(str(error).splitlines())
    first = said[0] if said else kind
    own = any(each.__name__ == "Blocked" for each in type(error).__mro__)
    reason = first if own or first.startswith(kind) else f"{kind}: {first}"
    stage = {"setup": "while it was prepared", "teardown": "while it was cleaned up"}.get(when)
    message = f"{NOT_JUDGED}: {reason}"
    hint = _value(getattr(error, "hint", None), LONGEST_COMMAND)
    rows: Rows = [
        ("blocked", [message, *said[1:]]),
        ("hint", [hint]),
        ("when", [stage]),
        ("at", list(frames)),
    ]
    parts = _said({"message": message, "hint": hint})
    return Finding(_text(requirement, rows), missed=False, blocked=own, parts=parts)


def _text(requirement: Requirement, rows: Rows, indent: str = "  ") -> str:
    """Lay a finding out in lines, leaving out the middle of what has too many values."""
    filled = [(label, [v for v in values if v is not None]) for label, values in rows]
    spare = MOST_LINES - 2 - sum(1 for _, values in filled if values)
    lines = [
        f"{requirement.id} ({requirement.level}) {requirement.text}",
        f"{indent}{'source':<11}{requirement.source}  {requirement.url}",
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
    """Return a value in one line, cleaned first and cut then: half a secret is not recognised."""
    if value is None:
        return None
    text = " ".join(SECRETS.clean(str(value)).split("\n")).strip()
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def _values(values: Any) -> list[str]:
    if values is None:
        return []
    several = [values] if isinstance(values, str) else list(values)
    return [text for text in map(_value, several) if text]


def _said(parts: dict[str, Any]) -> dict[str, Any]:
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
    except IndexError:  # the file was changed while it ran, and is shorter now
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
