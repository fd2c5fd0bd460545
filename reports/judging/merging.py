"""The parts of a run that several jobs judged (`--shard`), joined into one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports import verdicts
from reports.judging import (
    app_verdict,
    catalogue,
    causes,
    client_answers,
    outcome,
    requirement_results,
    scope_table,
)
from reports.judging.catalogue import WATCH

Data = Mapping[str, Any]

#: In what all parts of one run agree.
SHARED = ("schema_version", "suite_version", "level")


#: The exit code of a run of which no part has a check.
NOTHING_SELECTED = 5


class NotOneRun(ValueError):
    """The parts do not belong together; the message says why."""


def merge(parts: Sequence[Data]) -> dict[str, Any]:
    """Return the parts of one run as one run; raise NotOneRun if they are not."""
    shards = [part["run"].get("shard") for part in parts]
    _belong(parts, shards)
    of = shards[0][1]
    parts = [_with_own_ids(part, number) for part, (number, _) in zip(parts, shards, strict=True)]
    missing = [
        f"shard {number} of {of} is missing"
        for number in sorted(set(range(1, of + 1)) - {number for number, _ in shards})
    ]
    reasons = list(missing)
    for part, (number, _) in zip(parts, shards, strict=True):
        own = f"shard {number} of {of}"
        said = str(part["run"]["partial_reason"]).split("; ")
        reasons += [each for each in said if each != own and each not in reasons]
    requirements = [
        _requirement([part["requirements"][index] for part in parts], whole=not reasons)
        for index in range(len(parts[0]["requirements"]))
    ]
    stale = list({each["where"]: each for part in parts for each in _stale(part)}.values())
    causes.explain(requirements, catalogue.load().causes)
    bad = max(int(part["exit_code"]) for part in parts)
    if not any(map(_has_own_checks, requirements)):
        bad = max(bad, NOTHING_SELECTED)
    first = min(parts, key=lambda part: str(part["started"]))
    data = {
        **{key: first[key] for key in SHARED},
        "started": first["started"],
        "run": {
            "wall_seconds": max(part["run"]["wall_seconds"] for part in parts),
            "requests": sum(part["run"]["requests"] for part in parts),
            "waiting_seconds": round(sum(part["run"]["waiting_seconds"] for part in parts), 2),
            "workers": sum(part["run"]["workers"] for part in parts),
            "partial": bool(reasons),
            "partial_reason": "; ".join(reasons) or None,
            **{key: first["run"][key] for key in ("selection",) if key in first["run"]},
        },
        "target": first["target"],
        "deviations": {
            **first["deviations"],
            "stale": stale,
            "mended": list(_mended(parts, requirements)),
        },
        "counts": {
            "requirements": verdicts.count(each["verdict"] for each in requirements),
            "checks": verdicts.count(c["verdict"] for r in requirements for c in r["checks"]),
        },
        **_app(first, requirements),
        "scopes": _scopes(parts),
        "requirements": requirements,
        "answers": _answers(parts),
    }
    gate = first["gate"]["name"]
    return outcome.settle(data, status=bad if bad > 1 else 0, gate=gate, more=missing)


def _has_own_checks(requirement: Data) -> bool:
    """Return whether a check judged a requirement, and not only the watch over all exchanges."""
    return any(not check["id"].startswith(WATCH) for check in requirement["checks"])


def _with_own_ids(part: Data, number: int) -> dict[str, Any]:
    """Return a part whose exchanges have ids that no other part has: `2:gw0-17`."""

    def renamed(check: Data) -> Data:
        exchanges = check.get("exchanges", ())
        return {
            **check,
            "exchanges": [{**each, "id": f"{number}:{each['id']}"} for each in exchanges],
            "judged": [f"{number}:{each}" for each in check.get("judged", ())],
        }

    def with_renamed(requirement: Data) -> Data:
        checks = [
            renamed(check) if "exchanges" in check else check for check in requirement["checks"]
        ]
        return {**requirement, "checks": checks}

    return {**part, "requirements": list(map(with_renamed, part["requirements"]))}


def _belong(parts: Sequence[Data], shards: Sequence[Any]) -> None:
    for index, (part, shard) in enumerate(zip(parts, shards, strict=True), 1):
        if shard is None:
            raise NotOneRun(f"part {index} is a whole run and no shard; merge what --shard made")
        differs = [key for key in SHARED if part[key] != parts[0][key]]
        differs += [
            f"the target's {key}"
            for key in ("version", "features", "kind")
            if part["target"][key] != parts[0]["target"][key]
        ]
        if _declared(part) != _declared(parts[0]):
            differs.append("deviations")
        if part["gate"]["name"] != parts[0]["gate"]["name"]:
            differs.append("gate")
        differs += _differing_selection(parts[0], part)
        if [r["id"] for r in part["requirements"]] != [r["id"] for r in parts[0]["requirements"]]:
            differs.append("the requirements")
        if _described(part) != _described(parts[0]):
            differs.append("the app")
        if shard[1] != shards[0][1]:
            differs.append("the number of shards")
        if differs:
            raise NotOneRun(f"part {index} is of another run: other {', '.join(differs)}")
    numbers = [number for number, _ in shards]
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise NotOneRun(f"shard {twice} of {shards[0][1]} is there twice")


def _declared(part: Data) -> tuple[Any, ...]:
    return part["deviations"]["files"], part["deviations"].get("digest")


def _differing_selection(first: Data, part: Data) -> list[str]:
    """Return in words how two parts differ in what they were to judge."""
    one, other = (each["run"].get("selection", {}) for each in (first, part))
    names = [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
    shown = [
        f"{name} {' '.join(one.get(name, ['not given']))!r} and "
        f"{' '.join(other.get(name, ['not given']))!r}"
        for name in names
    ]
    return [f"selection ({', '.join(shown)})"] if shown else []


def _described(part: Data) -> tuple[Any, ...]:
    return tuple(part.get("app", {}).get(key) for key in ("name", "made"))


def _app(part: Data, requirements: Sequence[Data]) -> dict[str, Any]:
    """Judge the app again: each part has seen some of its checks."""
    name, made = _described(part)
    return {} if name is None else {"app": app_verdict.judged(name, made, requirements)}


def _stale(part: Data) -> Iterable[Data]:
    return list(part["deviations"]["stale"])


def _mended(parts: Sequence[Data], requirements: Sequence[Data]) -> Iterable[Data]:
    """Yield the deviations that are mended in all parts that have checks of them."""
    kept = [each for one in requirements for each in one.get("deviations", ())]
    found = {each["where"]: each for part in parts for each in part["deviations"].get("mended", ())}
    for each in found.values():
        if {key: each[key] for key in ("requirement", "reason", "link")} not in kept:
            yield each


def _requirement(entries: Sequence[Data], *, whole: bool) -> dict[str, Any]:
    """Join one requirement of all parts."""
    checks: dict[str, dict[str, Any]] = {}
    waivers: list[Data] = []
    for entry in entries:
        for original in entry["checks"]:
            check = _renumbered(original, entry, waivers)
            known = checks.get(check["id"])
            checks[check["id"]] = dict(check) if known is None else _check(known, check)
    watched = [name for name in checks if name.startswith(WATCH)]
    for name in watched:
        # No part saw everything and none raised an alarm: all of them together did see everything.
        if whole and checks[name]["verdict"] == verdicts.UNTESTED:
            checks[name] = {"id": name, "verdict": verdicts.PASS, "ms": 0}
    verdict = verdicts.worst(check["verdict"] for check in checks.values())
    # Of server errors alone a part has lowered the severity; another part may have seen more.
    entries = sorted(entries, key=requirement_results.gravity)
    data = {key: value for key, value in entries[0].items() if key not in NOT_SHARED}
    data |= {"verdict": verdict, "checks": [checks[name] for name in sorted(checks)]}
    for entry in entries:  # also those whose checks name none of theirs: the watch's
        waivers += [each for each in entry.get("deviations", ()) if each not in waivers]
    if waivers:
        data |= {"deviation": waivers[0], "deviations": waivers}
    reason = next((e["reason"] for e in entries if "reason" in e and e["verdict"] == verdict), None)
    if reason is not None:
        data["reason"] = reason
    if verdict == verdicts.UNTESTED and whole and data.get("reason") == "not run":
        data["reason"] = "no check"
    requirement_results.lower(data)
    return data


#: Keys of a requirement that differ between parts.
NOT_SHARED = frozenset(("reason", "deviation", "deviations", causes.EXPLAINED_BY))


def _renumbered(check: Data, entry: Data, waivers: list[Data]) -> Data:
    """Return a check that names its deviation by its place among those of all parts."""
    if "deviation" not in check:
        return check
    waiver = entry["deviations"][check["deviation"]]
    if waiver not in waivers:
        waivers.append(waiver)
    return {**check, "deviation": waivers.index(waiver)}


def _check(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Join what two parts say of one check: only the watch over all exchanges is in several."""
    verdict = verdicts.worst((one["verdict"], other["verdict"]))
    worse = other if verdict != one["verdict"] else one
    received = [
        line
        for each in (one, other)
        if each["verdict"] == verdict
        for line in each.get("received", ())
    ]
    joined = {**worse, "ms": round(one["ms"] + other["ms"], 1)}
    return joined | ({"received": list(dict.fromkeys(received))} if received else {})


def _scopes(parts: Sequence[Data]) -> list[dict[str, Any]]:
    known: dict[str, dict[str, bool]] = {}
    for part in parts:
        for each in part.get("scopes", ()):
            facts = {f: each[f] for f in scope_table.FACTS if each.get(f) is not None}
            scope_table.fold(known, {each["scope"]: facts})
    return scope_table.as_data(known)


def _answers(parts: Sequence[Data]) -> list[dict[str, Any]]:
    known: client_answers.Answers = {}
    for part in parts:
        for check, answer in client_answers.by_check(part.get("answers", ())):
            client_answers.fold(known, check, [client_answers.seen(answer)])
    return client_answers.as_data(known)
