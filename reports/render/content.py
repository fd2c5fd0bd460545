"""The content of a statement, prepared from conformance.json for the templates of all its forms."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import verdicts
from reports.judging import app_verdict, declarations, requirement_results, scope_table
from reports.judging.causes import EXPLAINED_BY
from reports.judging.requirement_results import gravity, group, telling

Data = Mapping[str, Any]

#: The section of the misses of good practice, whatever their verdicts are.
PRACTICE = verdicts.PRACTICE.lower()
#: The verdicts of a statement's sections, the gravest first.
SECTIONS = (
    verdicts.FAIL,
    verdicts.BLOCKED,
    verdicts.KNOWN,
    verdicts.WARN,
    PRACTICE,
    verdicts.NOT_APPLICABLE,
    verdicts.UNTESTED,
)
#: Advice to the reader of a section, or its meaning for the run.
ADVICE = {
    verdicts.FAIL: "Fix these in the server. To see an answer yourself, send the curl line, with "
    "a token of your own where it has a placeholder in angle brackets. If you accept a finding "
    "for now, declare it as a deviation; openemr-conformance declare writes the entries for a "
    "whole run.",
    verdicts.BLOCKED: "Something that these checks need did not work, so nothing is known about "
    "these requirements. Fix what is not fulfilled first, then run again.",
    verdicts.WARN: "These fail the run only if --level includes them.",
    verdicts.KNOWN: "The server does not fulfil these either, as the run confirmed. They are not "
    "new, so they fail the run only with --gate=all.",
    PRACTICE: "No specification that the server claims, and no document of OpenEMR, demands these: "
    "they say nothing about conformance. They fail the run only with --level=PRACTICE, or where "
    "they are critical and new.",
    verdicts.NOT_APPLICABLE: "They say nothing about this server.",
    verdicts.UNTESTED: "Nothing is known about them.",
}
#: Verdicts of which the checks are shown one by one.
FOUND = (verdicts.FAIL, verdicts.BLOCKED, verdicts.WARN)
#: The order of the numbers of a run: what says less stands below.
COUNTED = (*verdicts.ORDER[:4], PRACTICE, *verdicts.ORDER[4:])
#: Parts of a finding in conformance.json, with their labels.
DETAILS = {
    "expected": "expected",
    "received": "received",
    "in_answer": "in answer",
    "reproduce": "reproduce",
    "hint": "what to do",
    "rerun": "run again",
    "server_log": "server's error log",
}
#: The meanings of verdicts, for a place behind their numbers.
MEANINGS = {
    verdicts.FAIL: "not fulfilled, and new",
    verdicts.BLOCKED: "could not be judged",
    verdicts.WARN: "a SHOULD or MAY of medium or low severity, not fulfilled",
    verdicts.KNOWN: "not fulfilled, declared as deviations",
    PRACTICE: "good practice that no specification demands, not followed",
    verdicts.PASS: "fulfilled",
    verdicts.NOT_APPLICABLE: "the target does not have their features",
    verdicts.UNTESTED: "no check can judge them, or it did not run",
}
#: Details that are a command line.
COMMANDS = frozenset(("reproduce", "rerun"))
#: How many entries a reader may copy at a finding.
MOST_ENTRIES = 2


@dataclass(frozen=True)
class Detail:
    """A labelled part of a finding: one value, or several."""

    label: str
    values: Sequence[str]
    is_code: bool


@dataclass(frozen=True)
class Check:
    """A check that gave a requirement its verdict."""

    data: Data

    @property
    def id(self) -> str:
        """The node id in pytest."""
        return str(self.data["id"])

    @property
    def message(self) -> str:
        """The finding in one line; empty if there is none."""
        return str(self.data.get("message", ""))

    @property
    def details(self) -> list[Detail]:
        """The parts of the finding, or its message if it has no parts."""
        found = [
            Detail(label, [value] if isinstance(value, str) else value, key in COMMANDS)
            for key, label in DETAILS.items()
            if (value := self.data.get(key))
        ]
        return found or [Detail("found", [self.message], is_code=False)]


@dataclass(frozen=True)
class Deviation:
    """A declared deviation; `checks` is how many checks it waives, if it is one of several."""

    reason: str
    link: str
    checks: int | None


@dataclass(frozen=True)
class Finding:
    """A requirement with the checks that gave it its verdict, as many as a form shows."""

    requirement: Data
    checks: Sequence[Check]
    check_count: int
    #: Findings that this one explains (conformance/causes.toml).
    consequences: Sequence["Finding"] = ()

    @property
    def checks_left_out(self) -> int:
        """How many more checks there are."""
        return self.check_count - len(self.checks)

    @property
    def deviations(self) -> list[Deviation]:
        """The deviations that waive checks of the requirement."""
        found = requirement_results.deviations(self.requirement)
        return [
            Deviation(each["reason"], each["link"], number if len(found) > 1 < number else None)
            for each, number in found
        ]

    @property
    def entries_to_declare(self) -> tuple[str, int]:
        """The TOML that accepts the finding, and how many more entries that takes."""
        listed = declarations.entries(self.requirement)
        text = declarations.as_toml(listed[:MOST_ENTRIES]).strip()
        return text, max(0, len(listed) - MOST_ENTRIES)


@dataclass(frozen=True)
class Section:
    """The requirements of one verdict: with their findings, or by the reason for it."""

    verdict: str
    heading: str
    advice: str
    requirements: Sequence[Data]
    findings: Sequence[Finding]
    reasons: Sequence[tuple[str, Sequence[Data]]]


def facts(data: Data) -> dict[str, str]:
    """Return the facts of a run that a reader looks for before its findings, by label."""
    target, run = data["target"], data["run"]
    found = {
        "target": f"{target['name']} ({target['kind']})",
        "url": str(target["url"]),
        "site": str(target["site"]),
        "version": version(target),
        "suite": f"openemr-conformance {data['suite_version']}",
        "started": f"{data['started']}, {run['wall_seconds']} s, {run['requests']} requests",
        "app": app_verdict.title(data["app"]) if "app" in data else "",
        "requirements": _counted(counts(data)),
        "checks": _counted(data["counts"]["checks"]),
        "features": ", ".join(target["features"]) or "none",
        "not declared": ", ".join(target["not_declared"]),
        "deviations": ", ".join(data["deviations"]["files"]),
        "baseline": baseline(data),
        "partial": run["partial_reason"] or "",
    }
    return {label: value for label, value in found.items() if value}


def baseline(data: Data) -> str:
    """Return the result of the comparison with another run, and which run; empty if none."""
    found = data.get("baseline", {})
    origin = found.get("origin")
    return str(found.get("result", "")) + (f" (compared with {origin})" if origin else "")


def version(target: Data) -> str:
    """Return the version of a target, and the declared one where it differs."""
    found = str(target["version"] or "unknown")
    if target["declared_version"] not in {None, target["version"]}:
        found += f" (declared {target['declared_version']})"
    return found


def harms(data: Data) -> list[tuple[str, list[str]]]:
    """Return what the critical misses let happen, each with the requirements, most first."""
    found: dict[str, list[str]] = {}
    for each in data["requirements"]:
        if "harm" in each and requirement_results.is_missed(each):
            found.setdefault(each["harm"], []).append(each["id"])
    return sorted(found.items(), key=lambda pair: -len(pair[1]))


def mended(data: Data) -> str:
    """Return how many faults that the suite declares for the release are not there, in words."""
    number = len(data["deviations"].get(verdicts.MENDED, ()))
    files = [str(name).removesuffix(".toml") for name in data["deviations"]["files"]]
    release = " and ".join(name.removeprefix("openemr-") for name in files)
    noun = "fault" if number == 1 else "faults"
    verb = "is" if number == 1 else "are"
    return f"{number} {noun} of OpenEMR {release} {verb} mended here" if number else ""


def counts(data: Data) -> dict[str, int]:
    """Return the number of requirements by verdict; misses of good practice are counted apart."""
    counted = Counter(map(group, data["requirements"]))
    return {name: counted[name] for name in COUNTED if counted[name]}


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {verdict}" for verdict, number in numbers.items() if number)


def sections(data: Data, most_checks: int) -> Iterator[Section]:
    """Yield a section for each verdict other than pass, and one for good practice."""
    for verdict in SECTIONS:
        found = [each for each in data["requirements"] if group(each) == verdict]
        found.sort(key=gravity)
        shown = verdict in {*FOUND, verdicts.KNOWN, PRACTICE}
        findings = _findings(found, most_checks) if shown else []
        reasons = [] if shown else by_reason(found)
        if found:
            heading = f"{verdict}: {MEANINGS[verdict]}"
            yield Section(verdict, heading, ADVICE[verdict], found, findings, reasons)


def _findings(requirements: Sequence[Data], most_checks: int) -> list[Finding]:
    """Return the findings of one section, each with those of the section that it explains."""
    listed = {each["id"] for each in requirements}
    explained: dict[str, list[Finding]] = {}
    for each in requirements:
        if cause := each.get(EXPLAINED_BY):
            explained.setdefault(cause, []).append(_finding(each, most_checks))
    return [
        _finding(each, most_checks, explained.get(each["id"], ()))
        for each in requirements
        if each.get(EXPLAINED_BY) not in listed
    ]


def _finding(requirement: Data, most_checks: int, consequences: Sequence[Finding] = ()) -> Finding:
    checks = telling(requirement)
    shown = [Check(each) for each in checks[:most_checks]]
    return Finding(requirement, shown, len(checks), consequences)


def by_reason(requirements: Sequence[Data]) -> list[tuple[str, list[Data]]]:
    """Return requirements by the reason why they are not judged, the commonest first."""
    found: dict[str, list[Data]] = {}
    for each in requirements:
        found.setdefault(str(each.get("reason") or "no reason given"), []).append(each)
    return sorted(found.items(), key=lambda pair: -len(pair[1]))


def areas(data: Data) -> dict[str, list[Data]]:
    """Return the requirements by area, in the order of the catalogue."""
    found: dict[str, list[Data]] = {}
    for each in data["requirements"]:
        found.setdefault(each["area"], []).append(each)
    return found


def counts_by_area(data: Data) -> dict[str, Counter[str]]:
    """Return the number of requirements by area and verdict."""
    return {area: Counter(map(group, entries)) for area, entries in areas(data).items()}


def verdicts_shown(data: Data) -> list[str]:
    """Return the verdicts that some requirement has, the gravest first, for a filter."""
    return [verdict for verdict in verdicts.ORDER if data["counts"]["requirements"].get(verdict)]


def app(data: Data) -> dict[str, Any] | None:
    """Return what a statement shows of a vendor's app, if the run judged one."""
    if "app" not in data:
        return None
    judged = data["app"]
    return {
        "title": app_verdict.title(judged),
        "tone": app_verdict.tone(judged),
        "counted": app_verdict.counted(judged),
        "exceptions": [{**each, "where": app_verdict.where(each)} for each in judged["exceptions"]],
        "not_judged": judged["not_judged"],
    }


def scopes(data: Data) -> dict[str, Any]:
    """Return the table of the scopes, with its summary; without rows if there are none."""
    known = data.get("scopes", ())
    return {
        "summary": scope_table.summary(known),
        "facts": scope_table.FACTS,
        "rows": scope_table.rows(known),
    }
