"""Many deployments side by side: the last run of each, and how it differs from the one before.

A deployment is known by its name, address and site. Of several runs of one, the newest is shown and
compared with the one before it; a single run has the comparison with its own baseline, if any.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.comparing import baselines
from reports.comparing.baselines import NotComparable
from reports.judging import outcome, requirement_results

Data = Mapping[str, Any]

STATEMENT = "statement.html"


@dataclass(frozen=True)
class Deployment:
    """The last run of a deployment."""

    name: str
    url: str
    version: str
    date: str
    tone: str
    conformance: str
    gate: str
    must: int
    critical: int
    #: The harms that critical misses can have, each once.
    harms: Sequence[str]
    #: The comparison with the run before, in words, and the requirements that are missed since.
    changes: str
    regressed: Sequence[str]
    #: The statement; None if there is none beside the data.
    statement: Path | None

    @property
    def gravity(self) -> tuple[bool, int, int]:
        """The sort key: gates that did not pass first, then the most critical misses."""
        return self.tone != verdicts.FAIL, -self.critical, -self.must


def read(path: Path) -> dict[str, Any]:
    """Return the run in a file or folder, or that of a release, in the newest form.

    Raises NotComparable. A run is validated only if something is missing: it takes a second.
    """
    data, origin = baselines.read(str(path))
    try:
        _deployment(data, path, None)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        baselines.validated(data, origin)
        raise
    return dict(data)


def summarized(paths: Iterable[Path]) -> tuple[list[Deployment], list[str]]:
    """Return the deployments, the gravest first, and what could not be read."""
    runs: dict[tuple[str, ...], list[tuple[str, Data, Path]]] = {}
    problems = []
    for path in paths:
        try:
            data = read(path)
            key = tuple(str(data["target"].get(name)) for name in ("name", "url", "site"))
            runs.setdefault(key, []).append((str(data["started"]), data, path))
        except NotComparable as error:
            problems.append(str(error))
    found = []
    for several in runs.values():
        *_, (_, newest, path) = ordered = sorted(several, key=lambda run: run[0])
        found.append(_deployment(newest, path, ordered[-2][1] if len(ordered) > 1 else None))
    return sorted(found, key=lambda each: (each.gravity, each.name)), problems


def _deployment(data: Data, path: Path, before: Data | None) -> Deployment:
    target, misses = data["target"], data["misses"]
    missed = [each for each in data["requirements"] if requirement_results.is_missed(each)]
    changes, regressed = _changes(data, before)
    folder = path if path.is_dir() else path.parent
    statement = folder / STATEMENT
    return Deployment(
        name=str(target["name"]),
        url=str(target["url"]),
        version=str(target["version"] or target["declared_version"] or "unknown"),
        date=str(data["started"])[:16].replace("T", " "),
        tone=outcome.tone(data),
        conformance=outcome.conformance(data),
        gate=outcome.gate(data),
        must=misses["must"],
        critical=misses["critical"],
        harms=list(dict.fromkeys(each["harm"] for each in missed if "harm" in each)),
        changes=changes,
        regressed=regressed,
        statement=statement if statement.is_file() else None,
    )


def _changes(data: Data, before: Data | None) -> tuple[str, list[str]]:
    """Return what changed since the run before, or the baseline, and what is missed since."""
    if before is None:
        baseline = data.get("baseline")
        if baseline is None:
            return "first run", []
        return str(baseline["result"]), list(baseline["regressed"])
    was, now = (_judged(each) for each in (before, data))
    both = was.keys() & now.keys()
    # In the order of the catalogue.
    regressed = [name for name in now if name in both and now[name] and not was[name]]
    mended = sum(1 for name in both if was[name] and not now[name])
    version = before["target"]["version"]
    release = f" (OpenEMR {version} before)" if version != data["target"]["version"] else ""
    date = str(before["started"])[:10]
    if not regressed and not mended:
        return f"nothing since {date}{release}", []
    return f"{len(regressed)} missed since {date}, {mended} mended{release}", regressed


def _judged(data: Data) -> dict[str, bool]:
    """Return whether each requirement that was judged is missed."""
    left_out = {verdicts.NOT_APPLICABLE, verdicts.UNTESTED, verdicts.BLOCKED}
    return {
        each["id"]: requirement_results.is_missed(each)
        for each in data["requirements"]
        if each["verdict"] not in left_out
    }
