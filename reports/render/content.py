"""What the statement says of a run, whatever form it has."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import verdicts
from reports.judging import app_verdict
from reports.judging.requirement_results import gravity

Data = Mapping[str, Any]

#: Findings, the gravest first; each with the heading of its section.
SECTIONS = {
    verdicts.FAIL: "Not fulfilled",
    verdicts.BLOCKED: "Could not be judged",
    verdicts.WARN: "Warnings",
    verdicts.KNOWN: "Known deviations",
    verdicts.NOT_APPLICABLE: "Not applicable",
    verdicts.UNTESTED: "Untested",
}
#: What a reader is to do about a section.
ADVICE = {
    verdicts.FAIL: "Each is to be mended in the server. Send the curl line to see it yourself, "
    "with your own token where it has one in brackets. What you accept for now, declare as a "
    "deviation; python -m reports.declare writes them for all of a run.",
    verdicts.BLOCKED: "What these checks need did not work, so that nothing is known of the "
    "requirement. Mend what is not fulfilled first, then run again.",
    verdicts.WARN: "A SHOULD or a MAY that is not met. It fails no run unless --level says so.",
    verdicts.KNOWN: "Declared, and found to be still so. A deviation that is gone fails the run "
    "until its entry is taken out.",
    verdicts.NOT_APPLICABLE: "The target does not have what these requirements are about.",
    verdicts.UNTESTED: "No check can judge these, or this run was not to.",
}
FOUND = (verdicts.FAIL, verdicts.BLOCKED, verdicts.WARN)
PARTS = {
    "expected": "expected",
    "received": "received",
    "in_answer": "in answer",
    "reproduce": "reproduce",
    "hint": "what to do",
}
#: What a verdict is called beside a number.
WORDS = {
    verdicts.FAIL: "not fulfilled",
    verdicts.BLOCKED: "blocked",
    verdicts.WARN: "warnings",
    verdicts.KNOWN: "known deviations",
    verdicts.PASS: "fulfilled",
    verdicts.NOT_APPLICABLE: "not applicable",
    verdicts.UNTESTED: "untested",
}


def facts(data: Data) -> dict[str, str]:
    """Return what a reader wants to know of a run before its findings."""
    target, run = data["target"], data["run"]
    found = {
        "target": f"{target['name']} ({target['kind']})",
        "url": str(target["url"]),
        "site": str(target["site"]),
        "version": version(target),
        "suite": f"openemr-conformance {data['suite_version']}",
        "started": f"{data['started']}, {run['wall_seconds']} s, {run['requests']} requests",
        "app": app_verdict.title(data["app"]) if "app" in data else "",
        "requirements": _counted(data["counts"]["requirements"]),
        "checks": _counted(data["counts"]["checks"]),
        "features": ", ".join(target["features"]) or "none",
        "not declared": ", ".join(target["not_declared"]),
        "deviations": ", ".join(data["deviations"]["files"]),
        "baseline": baseline(data),
        "partial": run["partial_reason"] or "",
    }
    return {label: value for label, value in found.items() if value}


def baseline(data: Data) -> str:
    """Return what came of the comparison with another run, and which run it was; empty if none."""
    found = data.get("baseline", {})
    origin = found.get("origin")
    return str(found.get("result", "")) + (f" (compared with {origin})" if origin else "")


def version(target: Data) -> str:
    """Return the version of a target, and the declared one where it differs."""
    found = str(target["version"] or "unknown")
    if target["declared_version"] not in {None, target["version"]}:
        found += f" (declared {target['declared_version']})"
    return found


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)


def sections(data: Data) -> Iterator[tuple[str, str, list[Data]]]:
    """Yield verdict, heading and requirements of all that is not simply fulfilled."""
    for verdict, heading in SECTIONS.items():
        found = [each for each in data["requirements"] if each["verdict"] == verdict]
        if found:
            found.sort(key=gravity)
            yield verdict, heading, found


def areas(data: Data) -> Iterator[tuple[str, list[Data]]]:
    """Yield each area with its requirements, in the order of the catalogue."""
    found: dict[str, list[Data]] = {}
    for each in data["requirements"]:
        found.setdefault(each["area"], []).append(each)
    yield from found.items()


def by_area(data: Data) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each area with the number of its requirements by verdict."""
    for area, entries in areas(data):
        yield area, Counter(each["verdict"] for each in entries)


def by_reason(requirements: Sequence[Data]) -> list[tuple[str, list[Data]]]:
    """Return requirements by the reason for which they are not judged, the commonest first."""
    found: dict[str, list[Data]] = {}
    for each in requirements:
        found.setdefault(str(each.get("reason", "")), []).append(each)
    return sorted(found.items(), key=lambda pair: -len(pair[1]))


def html_class(verdict: str) -> str:
    """Return the name by which the style sheet knows a verdict or a result."""
    known = verdict.startswith(f"{verdicts.CONFORMANT} ")
    return "conformant" if known else verdict.replace(" ", "-").replace("/", "-")
