"""Two runs compared: which requirements regressed, were fixed, or moved otherwise.

The server is compared, not the suite: of a requirement only those checks count that both runs have.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from reports import verdicts
from reports.comparing import answer_changes
from reports.comparing.baselines import NotComparable
from reports.judging import causes, outcome
from reports.judging.requirement_results import deviations, gravity

Data = Mapping[str, Any]

SCHEMA_VERSION = 1
BAD = frozenset((verdicts.FAIL, verdicts.BLOCKED, verdicts.KNOWN, verdicts.WARN))
MOST_CHECKS = 20
#: The sections in their order, each with its heading and one sentence.
SECTIONS = {
    "regressed": ("Regressed", "Fulfilled before, and not any more."),
    "warned": ("New warnings", "A SHOULD or a MAY that was met before, and is not any more."),
    verdicts.PRACTICE.lower(): (
        "Good practice",
        "No specification demands it. It was followed before, and is not any more.",
    ),
    "fixed": ("Fixed", "Not fulfilled before, fulfilled now."),
    "not_applicable": ("No longer applicable", "The target does not have the feature any more."),
    "applicable": ("Newly applicable", "The target did not have the feature before."),
    "deviations_new": ("Newly declared deviations", "Not fulfilled, and declared to be so."),
    "deviations_gone": ("Deviations no longer declared", "Still not fulfilled."),
    "new_in_suite": (
        "New in the suite",
        "The older run did not judge these: they say nothing about a change of the server.",
    ),
    "gone_from_suite": ("No longer in the suite", "Only the older run judged these."),
}


def compare(old: Data, new: Data) -> dict[str, Any]:
    """Return the comparison as plain data, or raise NotComparable with the reason.

    `old` and `new` are parsed conformance.json.
    """
    before = {each["id"]: each for each in old["requirements"]}
    after = {each["id"]: each for each in new["requirements"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SECTIONS}
    compared = 0
    for name, requirement in after.items():
        if name not in before:
            found["new_in_suite"].append(_entry(requirement, None, requirement["verdict"], []))
            continue
        pairs = _pairs(before[name], requirement)
        if not pairs:
            continue
        compared += 1
        section, moved = _classify(requirement, pairs, old, new)
        if section is not None:
            was, now = (verdicts.worst(pair[side]["verdict"] for pair in pairs) for side in (0, 1))
            found[section].append(_entry(requirement, was, now, moved))
    if not compared:
        raise NotComparable("the two runs have no judged check in common; run both with everything")
    for name in before.keys() - after.keys():
        requirement = before[name]
        found["gone_from_suite"].append(_entry(requirement, requirement["verdict"], None, []))
    for entries in found.values():
        # A requirement is blocked because of another one that failed.
        entries.sort(key=lambda entry: (entry["new"] == verdicts.BLOCKED, gravity(entry)))
        entries[:] = causes.grouped(entries)
    regressed = len(found["regressed"])
    return {
        "schema_version": SCHEMA_VERSION,
        "result": _result(found),
        "exit_code": 1 if regressed else 0,
        "compared": compared,
        "old": _side(old),
        "new": _side(new),
        "features": {
            "gone": sorted(set(old["target"]["features"]) - set(new["target"]["features"])),
            "new": sorted(set(new["target"]["features"]) - set(old["target"]["features"])),
        },
        "requirements": found,
        "changes": answer_changes.between(old, new),
        "answers_kept": bool(old.get("answers")) and bool(new.get("answers")),
    }


def _pairs(old: Data, new: Data) -> list[tuple[Data, Data]]:
    """Return the checks that both runs came to judge, or know not to apply."""
    before = {check["id"]: check for check in old["checks"]}
    return [
        (before[check["id"]], check)
        for check in new["checks"]
        if check["id"] in before
        and verdicts.UNTESTED not in {check["verdict"], before[check["id"]]["verdict"]}
    ]


def _classify(
    requirement: Data, pairs: Sequence[tuple[Data, Data]], old: Data, new: Data
) -> tuple[str | None, list[tuple[Data, Data]]]:
    """Return the section of a requirement, and the checks that put it there."""
    # Deviations of the user are accepted; those that the suite ships for a release are not.
    declared = [not run["deviations"].get("shipped", False) for run in (old, new)]
    worse = [(a, b) for a, b in pairs if a["verdict"] == verdicts.PASS and b["verdict"] in BAD]
    if worse:
        undeclared = [p for p in worse if p[1]["verdict"] != verdicts.KNOWN or not declared[1]]
        if not undeclared:
            return "deviations_new", worse
        if verdicts.gated(requirement["level"], requirement["severity"], new["level"]):
            return "regressed", undeclared
        is_practice = requirement["level"] == verdicts.PRACTICE
        return (verdicts.PRACTICE.lower() if is_practice else "warned"), undeclared
    now = verdicts.worst(b["verdict"] for _, b in pairs)
    found: dict[str | None, list[tuple[Data, Data]]] = {}
    for a, b in pairs:
        found.setdefault(_moved(a["verdict"], b["verdict"]), []).append((a, b))
    # A release without a shipped file of deviations neither added nor removed any.
    for section, by_user in zip(("deviations_gone", "deviations_new"), declared, strict=True):
        if not by_user:
            found.pop(section, None)
    for section in SECTIONS:
        # Fixed only if nothing of it is wrong any more.
        if section in found and not (section == "fixed" and now in BAD):
            return section, found[section]
    return None, []


def _moved(was: str, now: str) -> str | None:
    """Return the section for what became of one check that did not get worse."""
    if was == now:
        return None
    if verdicts.NOT_APPLICABLE in (was, now):
        return "applicable" if was == verdicts.NOT_APPLICABLE else "not_applicable"
    if now == verdicts.PASS:
        return "fixed"
    if now == verdicts.KNOWN:
        return "deviations_new"
    return "deviations_gone" if was == verdicts.KNOWN else None


def _entry(
    requirement: Data, was: str | None, now: str | None, moved: Sequence[tuple[Data, Data]]
) -> dict[str, Any]:
    """Return a requirement as it stands in a comparison, with the checks that moved."""
    keys = ("id", "level", "severity", "area", "text", "source", "url")
    telling = ("message", "in_answer", "reproduce", "hint")
    data = {key: requirement[key] for key in keys} | {"old": was, "new": now}
    if causes.EXPLAINED_BY in requirement:
        data[causes.EXPLAINED_BY] = requirement[causes.EXPLAINED_BY]
    if listed := [deviation for deviation, _ in deviations(requirement)]:
        data |= {"deviation": listed[0], "deviations": listed}
    data["check_count"] = len(moved)
    data["checks"] = [
        {"id": b["id"], "old": a["verdict"], "new": b["verdict"]}
        | {key: b[key] for key in telling if b.get(key)}
        | ({"reason": b["reason"]} if b.get("reason") else {})
        | ({"was": a["message"]} if a.get("message") and not b.get("message") else {})
        for a, b in moved[:MOST_CHECKS]
    ]
    return data


def _side(data: Data) -> dict[str, Any]:
    target = data["target"]
    names = ("name", "kind", "url", "version")
    return {key: target[key] for key in names} | {
        "suite_version": data["suite_version"],
        "started": data["started"],
        "result": outcome.line(data),
        "partial_reason": data["run"]["partial_reason"],
    }


def _result(found: Mapping[str, Sequence[Any]]) -> str:
    number = len(found["regressed"])
    said = f"{number} requirement{'s' if number != 1 else ''} regressed"
    return f"{said if number else 'nothing regressed'}, {len(found['fixed'])} fixed"


def title(data: Data) -> str:
    """Return the result of a comparison in one line."""
    return f"{data['result']}: {side_name(data['old'])} to {side_name(data['new'])}"


def side_name(side: Data) -> str:
    """Return what a comparison calls one of its two runs."""
    if side["kind"] == "embedded":
        return "the embedded server"
    return f"OpenEMR {side['version'] or 'of unknown version'}"
