"""The outcome of a run: whether the server conforms, and whether the gate passed.

These are two questions. A server does not conform if it misses a MUST, declared or not. The gate
passes if nothing is new: all misses are declared (`--gate=new`), or there are none (`--gate=all`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reports import verdicts
from reports.judging import requirement_results

Data = Mapping[str, Any]

#: The answers to the first question.
CONFORMANT = "conformant"
NOT_CONFORMANT = "not conformant"
PARTIAL = "partial run"
UNDECIDED = "not decided"

#: Exit codes of a run that was ended early: its gate does not pass.
ENDED_EARLY = {2: "interrupted", 3: "internal error"}

#: The keys of conformance.json that stand before the outcome.
HEAD = ("schema_version", "suite_version", "started")


def settle(
    run: Data, *, status: int, gate: str = verdicts.NEW, more: Iterable[str] = ()
) -> dict[str, Any]:
    """Return conformance.json with the outcome of its run.

    `status` is the exit code of pytest, `more` are further reasons why the gate did not pass.
    """
    misses = counted(run["requirements"])
    reasons = [*_reasons(run, gate), *more]
    if status in ENDED_EARLY:
        reasons.append(ENDED_EARLY[status])
    if status == 1 and not reasons:
        reasons.append("a test that judges no requirement failed")
    head = {key: run[key] for key in HEAD if key in run}
    outcome = {
        "result": _result(run["requirements"], misses, partial=run["run"]["partial"]),
        "misses": misses,
        "gate": {"name": gate, "passed": not reasons, "reasons": reasons},
        # Interrupted, internal, usage, nothing selected, no target: these stay.
        "exit_code": status if status > 1 else int(bool(reasons)),
    }
    # The outcome stands first, where readers of the file look.
    return {**head, **outcome, **{key: run[key] for key in run if key not in outcome}}


def close(data: dict[str, Any], reason: str, code: int = 1) -> None:
    """Note in conformance.json one more reason why the gate did not pass."""
    gate = data["gate"]
    data["gate"] = {**gate, "passed": False, "reasons": [*gate["reasons"], reason]}
    data["exit_code"] = data["exit_code"] or code


def counted(requirements: Iterable[Data]) -> dict[str, int]:
    """Return how many requirements are missed: by level, of severity critical, and new."""
    missed = [each for each in requirements if requirement_results.is_missed(each)]
    levels = [each["level"] for each in missed]
    return {
        "must": levels.count("MUST"),
        "should": levels.count("SHOULD"),
        "may": levels.count("MAY"),
        "practice": levels.count(verdicts.PRACTICE),
        "critical": sum(1 for each in missed if each["severity"] == verdicts.CRITICAL),
        "new": sum(1 for each in missed if each["verdict"] == verdicts.FAIL),
        "declared": sum(1 for each in missed if each["verdict"] == verdicts.KNOWN),
    }


def _result(requirements: Iterable[Data], misses: Mapping[str, int], *, partial: bool) -> str:
    if misses["must"]:
        return NOT_CONFORMANT
    if partial:
        return PARTIAL
    musts = (each for each in requirements if each["level"] == "MUST")
    return UNDECIDED if any(map(requirement_results.is_blocked, musts)) else CONFORMANT


def _reasons(run: Data, gate: str) -> Iterator[str]:
    counts = Counter(map(requirement_results.group, run["requirements"]))
    if new := counts[verdicts.FAIL]:
        yield f"{new} new"
    if practice := sum(1 for each in run["requirements"] if _is_new_practice(each)):
        yield f"{practice} new of good practice"
    if blocked := sum(1 for each in run["requirements"] if _is_missing(each, run["level"])):
        yield f"{blocked} could not be judged"
    if stale := len(run["deviations"]["stale"]):
        yield f"{stale} stale deviation{'' if stale == 1 else 's'}"
    if gate == verdicts.ALL:
        declared = sum(1 for each in run["requirements"] if _counts_for_all(each, run["level"]))
        if declared:
            yield f"{declared} declared, which --gate=all does not accept"


def _is_new_practice(requirement: Data) -> bool:
    return requirement_results.is_practice(requirement) and requirement["verdict"] == verdicts.FAIL


def _is_missing(requirement: Data, level: str) -> bool:
    """Return whether a run fails because a requirement could not be judged."""
    named = requirement["level"], requirement["severity"], level
    return requirement["verdict"] == verdicts.BLOCKED and verdicts.needed(*named)


def _counts_for_all(requirement: Data, level: str) -> bool:
    """Return whether a declared miss would fail the run if it were not declared."""
    named = requirement["level"], requirement["severity"], level
    return requirement["verdict"] == verdicts.KNOWN and verdicts.gated(*named)


def conformance(data: Data) -> str:
    """Return in words whether the server conforms."""
    result, misses = data["result"], data["misses"]
    critical = _critical(misses)
    if result == NOT_CONFORMANT:
        must = misses["must"]
        said = f"{must} MUST is" if must == 1 else f"{must} MUSTs are"
        partial = " in this partial run" if data["run"]["partial"] else ""
        return f"{result}: {said} not fulfilled{partial}; {critical}"
    if result == UNDECIDED:
        return f"{result}: not all could be judged"
    fulfilled = "every MUST that was judged is fulfilled"
    should, practice = misses["should"] + misses["may"], _practice(misses)
    if not should + practice:
        return f"{result}: {fulfilled}"
    parts = [
        "1 recommendation" if should == 1 else f"{should} recommendations" if should else "",
        f"{practice} of good practice" if practice else "",
    ]
    said = " and ".join(filter(None, parts))
    return f"{result}: {fulfilled}; {said} {_are(should + practice)} not, and {critical}"


def _practice(misses: Mapping[str, int]) -> int:
    """Return how much good practice is not followed; older runs knew none."""
    return misses.get("practice", 0)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _critical(misses: Mapping[str, int]) -> str:
    number = misses["critical"]
    if number > 1:
        return f"{number} misses are critical (let somebody in or show somebody else's data)"
    return f"{number or 'no'} miss is critical (lets somebody in or shows somebody else's data)"


def gate(data: Data) -> str:
    """Return in words whether the gate passed, and why not."""
    found, misses = data["gate"], data["misses"]
    if not found["passed"]:
        return f"gate not passed: {', '.join(found['reasons'])}"
    declared = misses["declared"]
    levels = misses["must"] + misses["should"] + misses["may"] + _practice(misses)
    warned = levels - declared - misses["new"]
    said = [
        f"{number} {_are(number)} {words}"
        for number, words in ((declared, "declared"), (warned, "only warned of"))
        if number
    ]
    return f"gate passed: nothing is new{'; of the misses, ' if said else ''}{', '.join(said)}"


def line(data: Data) -> str:
    """Return both answers in one line."""
    passed = gate(data)
    return f"{conformance(data)}. {passed[0].upper()}{passed[1:]}"


def tone(data: Data) -> str:
    """Return the verdict in whose colour a run is shown; green is for a server without a miss."""
    misses = data["misses"]
    if not data["gate"]["passed"]:
        return verdicts.FAIL
    if misses["declared"]:
        return verdicts.KNOWN
    if data["result"] != CONFORMANT or misses["should"] + misses["may"] + _practice(misses):
        return verdicts.WARN
    return verdicts.PASS
