"""Alarms of the watch over all exchanges, folded into a check for each requirement it has."""

from collections.abc import Mapping
from typing import Any

from reports import verdicts
from reports.judging.catalogue import Catalogue, Requirement
from reports.judging.deviations import Deviations

#: An alarm may bring the exchange that raised it; so many are kept.
MOST_EXCHANGES = 3


def judge(
    requirement: Requirement,
    alarms: Mapping[str, Mapping[str, Any]],
    deviations: Deviations,
    level: str,
    *,
    partial: bool,
) -> tuple[str, dict[str, Any], list[str]]:
    """Return verdict, parts of the finding, and the deviations of a watched requirement.

    A run that asked for less than everything and raised no alarm leaves it untested.
    """
    if not alarms:
        if partial:
            return verdicts.UNTESTED, {"reason": "not run"}, []
        return verdicts.PASS, {}, []
    kind = str(requirement.watch)
    waived = {where: deviations.find(requirement.id, kind, where) for where in alarms}
    new = [alarm for where, alarm in sorted(alarms.items()) if waived[where] is None]
    shown = new or [alarm for _, alarm in sorted(alarms.items())]
    received = [f"{alarm['where']}: {alarm['what']}" for alarm in shown]
    parts: dict[str, Any] = {
        "expected": "no such answer in the whole run",
        "received": received,
        "in_answer": shown[0]["line"],
        "reproduce": shown[0]["reproduce"],
        "message": f"expected no such answer in the whole run, received {received[0]}",
    }
    exchanges = [alarm["exchange"] for alarm in shown[:MOST_EXCHANGES] if "exchange" in alarm]
    if exchanges:
        parts |= {"exchanges": exchanges, "judged": [each["id"] for each in exchanges]}
    verdict = verdicts.of_miss(requirement.level, requirement.severity, level, waived=not new)
    return verdict, parts, sorted({each.where for each in waived.values() if each is not None})


def watched(catalogue: Catalogue) -> list[Requirement]:
    """Return the requirements that are judged on every exchange of a run."""
    return [each for each in catalogue.requirements.values() if each.watch is not None]
