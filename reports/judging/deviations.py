"""Known deviations: what a target is known not to fulfil, with a reason and a link.

An entry must keep failing: one that is fulfilled, expired, or that no check belongs to is stale,
and a stale entry fails the run until it goes.
"""

import datetime as dt
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from reports.judging.catalogue import ROOT, name_entry, schema_errors

NONE = "none"
SHIPPED = ROOT / "fixtures" / "target" / "deviations"


@dataclass(frozen=True)
class Deviation:
    """One entry: a requirement, or some of its checks, that the target does not fulfil."""

    requirement: str
    reason: str
    link: str
    where: str
    check: str | None = None
    #: A pattern of the parameter id; of what the watch sees also several, each of a route.
    params: str | Sequence[str] | None = None
    expires: dt.date | None = None
    #: Whether it shows on some installations only, by their data or settings: then not strict.
    sometimes: bool = False
    #: Whether it keeps its checks from judging at all, so that they are blocked and not missed.
    blocked: bool = False

    def matches(self, requirement: str, function: str, params: str | None) -> bool:
        """Tell whether a check, by its function's name and parameter id, is waived."""
        return (
            self.requirement == requirement
            and (self.check is None or fnmatchcase(function, self.check))
            and (self.params is None or (params is not None and self._has(params)))
        )

    def _has(self, params: str) -> bool:
        patterns = [self.params] if isinstance(self.params, str) else self.params or ()
        return any(fnmatchcase(params, pattern) for pattern in patterns)

    def expired(self, today: dt.date) -> bool:
        """Tell whether the last day on which the entry counts has passed."""
        return self.expires is not None and today > self.expires


@dataclass(frozen=True)
class Deviations:
    """The deviations in force, and the files that they come from."""

    entries: tuple[Deviation, ...] = ()
    files: tuple[str, ...] = ()
    #: Whether nobody named them: they are those that the suite has for the target's version.
    shipped: bool = False

    def find(self, requirement: str, function: str, params: str | None) -> Deviation | None:
        """Return the first entry that is for a check and has not expired, or None."""
        today = dt.datetime.now(dt.UTC).date()
        for entry in self.entries:
            if entry.matches(requirement, function, params) and not entry.expired(today):
                return entry
        return None


def choose(
    given: Sequence[str],
    *,
    version: str | None,
    known: Collection[str],
    base: Path,
    shipped: Path = SHIPPED,
) -> Deviations:
    """Read the files that were given, else those that are shipped for a version.

    Relative paths are looked up in `base`; `none` alone switches the shipped ones off.
    """
    if NONE in given:
        if len(given) > 1:
            raise pytest.UsageError("--deviations none excludes files; leave one of them out")
        return Deviations()
    paths = [base / name for name in given] if given else _for_version(shipped, version)
    entries = [entry for path in paths for entry in read(path, known)]
    shipped_ones = not given and bool(paths)
    return Deviations(tuple(entries), tuple(path.name for path in paths), shipped_ones)


def _for_version(shipped: Path, version: str | None) -> list[Path]:
    if version is None:
        return []
    return [
        path
        for path in sorted(shipped.glob("*.toml"))
        if any(fnmatchcase(version, str(each)) for each in _parse(path).get("versions", ()))
    ]


def read(path: Path, known: Collection[str]) -> list[Deviation]:
    """Read one file, or raise a usage error that names the entry and what to do."""
    data = _parse(path)
    text = path.read_text("utf-8")
    errors = list(schema_errors(_dated(data), "deviations.json", "deviation", "requirement"))
    if errors:
        # A misspelt key is also a missing one: the spelling is what helps.
        error = next((each for each in errors if "Additional" in each), errors[0])
        number = re.match(r"deviation (\d+)", error)
        line = f", line {_line(text, int(number[1]))}" if number else ""
        raise pytest.UsageError(f"{path}{line}: {_advice(error)}")
    found = []
    for index, entry in enumerate(data.get("deviation", ())):
        named = name_entry(entry, "deviation", index, "requirement")
        if entry["requirement"] not in known:
            raise pytest.UsageError(
                f"{path}, line {_line(text, index + 1)}: {named}: there is no such requirement; "
                f"{closest(entry['requirement'], known)}"
            )
        found.append(Deviation(where=f"{path.name}: {named}", **entry))
    return found


def closest(name: str, known: Collection[str]) -> str:
    """Ask whether the known id that is closest to an unknown one was meant."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "see python -m reports.catalogue"


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise pytest.UsageError(
            f"{path}: there is no such file; give --deviations an existing file, or none"
        ) from None
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"{path}: not readable as TOML: {error}; repair it") from None


def _dated(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with its dates as text, so that a JSON Schema can judge them."""
    entries = data.get("deviation")
    if not isinstance(entries, list):
        return dict(data)
    return {**data, "deviation": [_dated_entry(entry) for entry in entries]}


def _dated_entry(entry: Any) -> Any:
    if not isinstance(entry, dict) or "expires" not in entry:
        return entry
    date = entry["expires"]
    # Text in quotes is no date, though it may look like one: the schema is to refuse it.
    return {**entry, "expires": date.isoformat() if type(date) is dt.date else [str(date)]}


def _line(text: str, number: int) -> int:
    """Return the line at which the entry with this number starts."""
    heads = [
        index
        for index, line in enumerate(text.splitlines(), 1)
        if re.match(r"\s*\[\[\s*deviation\s*\]\]", line)
    ]
    return heads[number - 1] if number <= len(heads) else 1


def _advice(error: str) -> str:
    """Add to what a schema says what the author of the entry is to do."""
    for key, advice in (
        ("'reason'", "say in one sentence what the server does instead"),
        ("reason:", "say in one sentence what the server does instead"),
        ("'link'", "give the http(s) address of the issue or of the source line"),
        ("link:", "give the http(s) address of the issue or of the source line"),
        ("expires", "write the date as 2027-06-30, without quotes"),
        ("Additional properties", "remove the key or correct its spelling"),
        ("'requirement'", "name the requirement by its id"),
    ):
        if key in error:
            return f"{error}; {advice}"
    return error
