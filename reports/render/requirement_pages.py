"""The catalogue as pages for readers: each requirement with its source, checks and deviations.

There is a page for each area. The checks are found by their marks in the source; none is imported.
"""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.judging import catalogue, deviations
from reports.judging.catalogue import ROOT, Requirement
from reports.judging.deviations import Deviation
from reports.render import environment
from reports.verdicts import LEVELS

FOLDER = Path("docs") / "requirements"

#: Checks by requirement: file (from the root) and function.
Checks = Mapping[str, Sequence[tuple[str, str]]]
#: Deviations by requirement: release and entry.
Known = Mapping[str, Sequence[tuple[str, Deviation]]]


def checks(root: Path = ROOT) -> dict[str, list[tuple[str, str]]]:
    """Return the checks by requirement, as their marks in the source say."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((root / "conformance").rglob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "requirement":
                    name = str(ast.literal_eval(mark.args[0]))
                    place = (path.relative_to(root).as_posix(), node.name)
                    found.setdefault(name, []).append(place)
    return found


def known(root: Path, requirements: Mapping[str, Requirement]) -> tuple[list[str], Known]:
    """Return the releases of which deviations are shipped, and those by requirement."""
    found: dict[str, list[tuple[str, Deviation]]] = {}
    releases = []
    for path in sorted((root / "fixtures" / "target" / "deviations").glob("*.toml"), key=_version):
        release = path.stem.removeprefix("openemr-")
        releases.append(release)
        for entry in deviations.read(path, requirements.keys()):
            found.setdefault(entry.requirement, []).append((release, entry))
    return releases, found


def _version(path: Path) -> list[tuple[int, str]]:
    parts = path.stem.removeprefix("openemr-").split(".")
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return all pages by the names of their files."""
    listed = catalogue.load(root)
    found = checks(root)
    releases, entries = known(root, listed.requirements)
    areas: dict[str, list[Requirement]] = {}
    for requirement in listed.requirements.values():
        areas.setdefault(requirement.area, []).append(requirement)
    rows = {area: _counts(several, found, entries) for area, several in areas.items()}
    index = environment.markdown(
        "requirements/index.md.j2",
        levels=LEVELS,
        releases=releases,
        rows=rows,
        totals=sum(rows.values(), Counter()),
    )
    return {"README.md": index} | {
        f"{area}.md": environment.markdown(
            "requirements/area.md.j2",
            area=area,
            requirements=requirements,
            features=listed.features,
            checks=found,
            deviations=entries,
        )
        for area, requirements in areas.items()
    }


def _counts(requirements: Sequence[Requirement], found: Checks, known: Known) -> Counter[str]:
    """Return the numbers of an area: its requirements by level, checks, and deviations."""
    counts: Counter[str] = Counter(each.level for each in requirements)
    counts["checks"] = sum(len(found.get(each.id, ())) for each in requirements)
    for each in requirements:
        counts.update({release for release, _ in known.get(each.id, ())})
    return counts
