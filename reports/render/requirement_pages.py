"""The catalogue as pages for readers: what is required, by which source, judged by which checks.

A page for each area, with what releases of OpenEMR are known to do instead. Nothing is imported or
collected: the marks stand in the source.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reports.judging import catalogue, deviations
from reports.judging.catalogue import ROOT, Catalogue, Requirement
from reports.judging.deviations import Deviation
from reports.render.markdown import plain
from reports.verdicts import LEVELS

FOLDER = Path("docs") / "requirements"
HEAD = "<!-- written by `python -m reports.docs`: change the catalogue, not this page -->"
INTRODUCTION = (
    "Every requirement of the suite, with its source, its checks, and what OpenEMR is known to do "
    "instead, as declared in [fixtures/target/deviations](../../fixtures/target/deviations) with a "
    "link to the line of source. A release that is not named at a requirement fulfils it, or does "
    "not have the feature, or warns only; a run says which."
)

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
    written = {"README.md": "\n".join(_index(areas, found, releases, entries)) + "\n"}
    for area, requirements in areas.items():
        lines = [f"# {area}", "", HEAD, ""]
        for requirement in requirements:
            lines += _entry(requirement, listed, found, entries)
        written[f"{area}.md"] = "\n".join(lines) + "\n"
    return written


def _index(
    areas: Mapping[str, Sequence[Requirement]], found: Checks, releases: Sequence[str], known: Known
) -> Iterator[str]:
    columns = [*LEVELS, "checks", *(f"{release} deviates" for release in releases)]
    yield from ("# Requirements", "", HEAD, "", INTRODUCTION, "")
    yield f"| area | {' | '.join(columns)} |"
    yield "|---" + "|--:" * len(columns) + "|"
    totals: Counter[str] = Counter()
    for area, requirements in areas.items():
        row: Counter[str] = Counter(requirement.level for requirement in requirements)
        row["checks"] = sum(len(found.get(each.id, ())) for each in requirements)
        for release in releases:
            several = (each for each in requirements if release in dict(known.get(each.id, ())))
            row[f"{release} deviates"] = len(list(several))
        totals += row
        yield f"| [{area}]({area}.md) | {' | '.join(str(row[c]) for c in columns)} |"
    yield f"| **all** | {' | '.join(f'**{totals[c]}**' for c in columns)} |"
    yield ""
    yield "A check is a function here; most run with several parameters."


def _entry(
    requirement: Requirement, listed: Catalogue, found: Checks, known: Known
) -> Iterator[str]:
    yield f"## {requirement.id}"
    yield ""
    yield (
        f"**{requirement.level}** {plain(requirement.text)} "
        f"Source: [{plain(requirement.source)}]({requirement.url})."
    )
    yield ""
    if requirement.needs:
        needs = "; ".join(
            f"`{name}` ({plain(listed.features[name].text.rstrip('.'))})"
            for name in requirement.needs
        )
        yield f"- needs {needs}"
    judged = found.get(requirement.id, ())
    for path, function in judged:
        yield f"- check [`{function}`](../../{path})"
    if requirement.watch is not None:
        yield "- judged on [every exchange of a run](../../conformance/watch/alarms.py)"
    elif not judged:
        yield f"- untested: {plain(requirement.untested or 'no check yet')}"
    for release, entry in known.get(requirement.id, ()):
        some = entry.params or entry.check
        only = f" (`{some}`)" if some else ""
        reason = plain(entry.reason)
        yield f"- OpenEMR {release}{only}: {reason} [source]({entry.link})"
    yield ""
