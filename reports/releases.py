"""Several runs side by side, as a Markdown table: unfulfilled requirements by area.

`python -m reports.releases RUN [RUN ...]`, where RUN is a conformance.json, the folder that it is
in, or a shipped release such as 7.0.3; `RUN=WORDS` adds what the release ran on.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.comparing import baselines
from reports.judging import findings
from reports.judging.catalogue import AREAS
from reports.render import files

#: Verdicts of a requirement that the server does not fulfil, whether that was known or not.
MISSED = (verdicts.FAIL, verdicts.WARN, verdicts.KNOWN)
JUDGED = (*MISSED, verdicts.PASS, verdicts.BLOCKED)
ALL = "all"


class RunError(ValueError):
    """A file is not the result of a run; the message names it and what to do."""


@dataclass(frozen=True)
class Release:
    """The verdicts of one run, counted by area."""

    version: str
    date: str
    run_on: str
    suite: str
    counts: Mapping[str, "Count"]


@dataclass
class Count:
    """How many requirements of an area there are, were judged, and are not fulfilled."""

    requirements: int = 0
    judged: int = 0
    must: int = 0
    other: int = 0
    blocked: int = 0
    not_applicable: int = 0

    def add(self, requirement: Mapping[str, Any]) -> None:
        """Count one requirement of conformance.json."""
        verdict, must = _verdict(requirement), requirement["level"] == "MUST"
        self.requirements += 1
        self.judged += verdict in JUDGED
        self.must += verdict in MISSED and must
        self.other += verdict in MISSED and not must
        self.blocked += verdict == verdicts.BLOCKED
        self.not_applicable += verdict == verdicts.NOT_APPLICABLE

    @property
    def cell(self) -> str:
        """MUST / SHOULD and MAY not fulfilled, and how many could not be judged."""
        if not self.judged:
            return verdicts.NOT_APPLICABLE if self.not_applicable else verdicts.UNTESTED
        blocked = f" ({self.blocked} blocked)" if self.blocked else ""
        return f"{self.must} / {self.other}{blocked}"


def _verdict(requirement: Mapping[str, Any]) -> str:
    """Return a requirement's verdict; blocked where all that is known is that nobody can judge."""
    verdict = str(requirement["verdict"])
    known = [each for each in requirement["checks"] if each["verdict"] == verdicts.KNOWN]
    unseen = all(str(each.get("message", "")).startswith(findings.NOT_JUDGED) for each in known)
    return verdicts.BLOCKED if verdict == verdicts.KNOWN and known and unseen else verdict


def read(run: str) -> Release:
    """Read RUN or RUN=WORDS, or raise RunError."""
    name, _, words = (run, "", "") if Path(run).exists() else run.partition("=")
    path = Path(name)
    path = path / files.CONFORMANCE if path.is_dir() else path
    if not path.exists() and baselines.shipped(name):
        return count(baselines.load(name), words)
    try:
        data = json.loads(path.read_text("utf-8"))
        return count(data, words)
    except FileNotFoundError:
        raise RunError(f"{path}: there is no such file; name the results of a run") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: not readable as JSON: {error}; name a conformance.json") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{path}: not the result of a run ({error!r}); name a conformance.json"
        ) from None


def count(data: Mapping[str, Any], words: str = "") -> Release:
    """Count what a conformance.json says, by area and altogether."""
    counts = {ALL: Count()}
    for requirement in data["requirements"]:
        for group in (requirement["area"], ALL):
            counts.setdefault(group, Count()).add(requirement)
    target = data["target"]
    partial = f"partial: {data['run']['partial_reason']}" if data["run"]["partial"] else ""
    run_on = words or f"{target['name']} ({target['kind']})"
    return Release(
        version=str(target["version"] or target["declared_version"] or "unknown"),
        date=str(data["started"])[:10],
        run_on=", ".join(filter(None, (run_on, partial))),
        suite=str(data["suite_version"]),
        counts=counts,
    )


def as_markdown(releases: Sequence[Release]) -> str:
    """Render the table: a column for each release, a row for each area."""
    found = dict.fromkeys(area for each in releases for area in each.counts if area != ALL)
    areas = sorted(found, key=lambda area: AREAS.index(area) if area in AREAS else len(AREAS))
    suites = " and ".join(sorted({each.suite for each in releases}))
    lines = [
        f"Requirements not fulfilled (MUST / SHOULD and MAY), by openemr-conformance {suites}:",
        "",
        _row(["area", "requirements", *(each.version for each in releases)]),
        _row(["---"] * (len(releases) + 2)),
        _row(["run on", "", *(each.run_on for each in releases)]),
        _row(["date", "", *(each.date for each in releases)]),
    ]
    lines += [_row(_cells(area, releases)) for area in areas]
    lines.append(_row(f"**{cell}**" for cell in _cells(ALL, releases)))
    return "\n".join(lines) + "\n"


def _cells(area: str, releases: Sequence[Release]) -> list[str]:
    counts = [each.counts.get(area, Count()) for each in releases]
    sizes = sorted({each.requirements for each in counts if each.requirements})
    return [area, " or ".join(map(str, sizes)), *(each.cell for each in counts)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m reports.releases"
) -> int:
    """Print the table of the runs that are named on the command line."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    options = parser.parse_args(arguments)
    try:
        text = as_markdown([read(run) for run in options.runs])
    except RunError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
