"""Several runs side by side: releases as a table by area, or deployments as one page.

`openemr-conformance releases RUN [RUN ...]` prints a Markdown table of unfulfilled requirements by
area, where RUN is a conformance.json, the folder that it is in, or a shipped release such as 7.0.3;
`RUN=WORDS` adds what the release ran on. With `--page FILE` it writes a page with a row for each
deployment, linked to its statement. Exit codes: 0 written, 4 some of them are not results of a run;
the page has all others.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports import verdicts
from reports.comparing import baselines, deployments
from reports.comparing.baselines import NotComparable
from reports.judging.catalogue import AREAS
from reports.judging.requirement_results import MISSED, is_blocked
from reports.render import files, fleet

JUDGED = (*MISSED, verdicts.PASS, verdicts.BLOCKED)
ALL = "all"


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
    practice: int = 0
    blocked: int = 0
    not_applicable: int = 0

    def add(self, requirement: Mapping[str, Any]) -> None:
        """Count one requirement of conformance.json."""
        blocked, level = is_blocked(requirement), requirement["level"]
        verdict = verdicts.BLOCKED if blocked else requirement["verdict"]
        self.requirements += 1
        self.judged += verdict in JUDGED
        missed = verdict in MISSED
        self.must += missed and level == "MUST"
        self.practice += missed and level == verdicts.PRACTICE
        self.other += missed and level not in {"MUST", verdicts.PRACTICE}
        self.blocked += verdict == verdicts.BLOCKED
        self.not_applicable += verdict == verdicts.NOT_APPLICABLE

    @property
    def cell(self) -> str:
        """MUST / SHOULD and MAY / good practice missed, and how many could not be judged."""
        if not self.judged:
            return verdicts.NOT_APPLICABLE if self.not_applicable else verdicts.UNTESTED
        blocked = f" ({self.blocked} blocked)" if self.blocked else ""
        return f"{self.must} / {self.other} / {self.practice}{blocked}"


def read(run: str) -> Release:
    """Read RUN or RUN=WORDS, or raise NotComparable.

    A run is validated only if something is missing: it takes a second.
    """
    name, _, words = (run, "", "") if Path(run).exists() else run.partition("=")
    data, origin = baselines.read(name)
    try:
        return count(data, words)
    except (AttributeError, KeyError, TypeError):
        baselines.validated(data, origin)
        raise


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
    levels = "MUST / SHOULD and MAY / good practice"
    lines = [
        f"Requirements not fulfilled ({levels}), by openemr-conformance {suites}:",
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
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance releases"
) -> int:
    """Print the table of the runs that are named on the command line."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page for deployments")
    options = parser.parse_args(arguments)
    if options.page is not None:
        return _write_page(options.page, list(map(Path, options.runs)))
    try:
        text = as_markdown([read(run) for run in options.runs])
    except NotComparable as error:
        sys.stderr.write(f"{error}\n")
        return 4
    sys.stdout.write(text)
    return 0


def _write_page(page: Path, runs: Sequence[Path]) -> int:
    """Write the page of deployments; what cannot be read is named on it, and here."""
    # `results/*` may name the page of the last time as well.
    found, problems = deployments.summarized(p for p in runs if p.resolve() != page.resolve())
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    try:
        files.write(page, fleet.render(found, problems, page.resolve().parent))
    except OSError as error:
        sys.stderr.write(f"{page} cannot be written ({error.strerror}): name another file\n")
        return 4
    sys.stdout.write(f"{fleet.title(found, problems)}\nwritten: {page}\n")
    return 4 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
