"""Known deviations: what a target is known not to fulfil, with a reason and a link.

An entry of the user's own file must keep failing: one that is fulfilled, expired, or that no check
belongs to is stale, and a stale entry fails the run until it goes. A shipped entry that is
fulfilled is good news: the fault of the release is mended here. With `--strict-deviations` it is
stale too.
"""

import datetime as dt
import hashlib
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from fixtures.target import releases
from reports.judging.catalogue import ROOT
from reports.judging.entries import DeviationEntry, DeviationsFile, EntryError, errors, name_entry

NONE = "none"
ADVICE = {
    "reason": "say in one sentence what the server does instead",
    "link": "give the http(s) address of the issue or of the source line",
    "expires": "write the date as 2027-06-30, without quotes",
    "requirement": "name the requirement by its id",
}
SHIPPED = ROOT / "fixtures" / "target" / "deviations"


class Deviation(DeviationEntry):
    """One entry of a file, and where it stands."""

    where: str
    #: Whether it is stale, and fails the run, if it does not deviate.
    strict: bool = True

    def matches(self, requirement: str, function: str, params: str | None) -> bool:
        """Return whether a check, by its function's name and parameter id, is waived."""
        return (
            self.requirement == requirement
            and (self.check is None or fnmatchcase(function, self.check))
            and (self.params is None or (params is not None and self._has(params)))
        )

    def _has(self, params: str) -> bool:
        patterns = [self.params] if isinstance(self.params, str) else self.params or ()
        return any(fnmatchcase(params, pattern) for pattern in patterns)

    def expired(self, today: dt.date) -> bool:
        """Return whether the last day on which the entry counts has passed."""
        return self.expires is not None and today > self.expires


@dataclass(frozen=True)
class Deviations:
    """The deviations in force, and the files that they come from."""

    entries: tuple[Deviation, ...] = ()
    files: tuple[str, ...] = ()
    #: Whether nobody named them: they are those that the suite has for the target's version.
    shipped: bool = False

    @property
    def digest(self) -> str:
        """A short digest of the entries: two files of one name can differ."""
        return hashlib.sha256(repr(self.entries).encode()).hexdigest()[:12]

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
    strict: bool = False,
) -> Deviations:
    """Read the files that were given, else those that are shipped for a version.

    Relative paths are looked up in `base`. The name of a release stands for its shipped file, and
    `none` alone switches the shipped ones off. Shipped ones are strict only if `strict` says so.
    """
    if NONE in given:
        if len(given) > 1:
            raise pytest.UsageError("--deviations none excludes files; leave one of them out")
        return Deviations()
    if given:
        files = {path: _parse(path) for path in (_path(name, base, shipped) for name in given)}
    else:
        files = _for_version(shipped, version)
    entries = [
        entry
        for path, data in files.items()
        for entry in _entries(path, data, known, strict=strict or path.parent != shipped)
    ]
    names = tuple(path.name for path in files)
    return Deviations(tuple(entries), names, shipped=not given and bool(files))


def _path(name: str, base: Path, shipped: Path) -> Path:
    """Return the file that a path or the name of a release stands for; it exists."""
    path = base / name
    if path.exists():
        return path
    listed = [each.stem.removeprefix(releases.PREFIX) for each in sorted(shipped.glob("*.toml"))]
    release = releases.find(name, listed, patches=True)
    if release is None:
        raise pytest.UsageError(
            f"{path}: there is no such file; give --deviations an existing file, none, or a "
            f"release whose deviations are shipped ({', '.join(listed)})"
        )
    return shipped / f"{releases.PREFIX}{release}.toml"


def _for_version(shipped: Path, version: str | None) -> dict[Path, dict[str, Any]]:
    """Return the shipped files for a version, parsed."""
    if version is None:
        return {}
    files = {path: _parse(path) for path in sorted(shipped.glob("*.toml"))}
    return {
        path: data
        for path, data in files.items()
        if any(fnmatchcase(version, str(each)) for each in data.get("versions", ()))
    }


def read(path: Path, known: Collection[str]) -> list[Deviation]:
    """Read one file, or raise a usage error that names the entry and what to do."""
    return _entries(path, _parse(path), known)


def _entries(
    path: Path, data: Mapping[str, Any], known: Collection[str], *, strict: bool = True
) -> list[Deviation]:
    found = errors(data, DeviationsFile, "deviation")
    if found:
        # A misspelt key is also a missing one: the spelling is what helps.
        error = next((each for each in found if each.kind == "extra_forbidden"), found[0])
        place = "" if error.index is None else f"{_named(path, data, error.index)}: "
        raise pytest.UsageError(f"{place or f'{path}: '}{error}{_advice(error)}")
    listed = []
    for index, entry in enumerate(data.get("deviation", ())):
        if entry["requirement"] not in known:
            raise pytest.UsageError(
                f"{_named(path, data, index)}: there is no such requirement; "
                f"{closest(entry['requirement'], known)}"
            )
        named = name_entry(entry, "deviation", index, "requirement")
        listed.append(Deviation(where=f"{path.name}: {named}", strict=strict, **entry))
    return listed


def _named(path: Path, data: Mapping[str, Any], index: int) -> str:
    """Return file, line and name of an entry."""
    named = name_entry(data["deviation"][index], "deviation", index, "requirement")
    return f"{path}, line {_line(path.read_text('utf-8'), index + 1)}: {named}"


def closest(name: str, known: Collection[str]) -> str:
    """Ask whether the known id that is closest to an unknown one was meant."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "see openemr-conformance catalogue"


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise pytest.UsageError(
            f"{path}: cannot be read ({error.strerror}); name a TOML file"
        ) from None
    except ValueError as error:
        raise pytest.UsageError(f"{path}: not readable as TOML: {error}; repair it") from None


def _line(text: str, number: int) -> int:
    """Return the line at which the entry with this number starts."""
    heads = [
        index
        for index, line in enumerate(text.splitlines(), 1)
        if re.match(r"\s*\[\[\s*deviation\s*\]\]", line)
    ]
    return heads[number - 1] if number <= len(heads) else 1


def _advice(error: EntryError) -> str:
    """Return what the author of the entry is to do, where the error leaves that open."""
    if error.kind == "extra_forbidden":
        return "; remove the key or correct its spelling"
    return f"; {ADVICE[error.field]}" if error.field in ADVICE else ""
