"""Facts of a requirement, from conformance.json."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from reports import verdicts

Data = Mapping[str, Any]

#: How the line of an exchange shows that it was answered with a server error.
SERVER_ERROR = re.compile(r"-> 5\d\d\b")

#: Verdicts of a requirement that the server does not fulfil, whether that was known or not.
MISSED = frozenset((verdicts.FAIL, verdicts.WARN, verdicts.KNOWN))


def is_blocked(requirement: Data) -> bool:
    """Return whether nothing was judged of a requirement, also if a deviation declares that."""
    if requirement["verdict"] != verdicts.KNOWN:
        return bool(requirement["verdict"] == verdicts.BLOCKED)
    known = [each for each in requirement["checks"] if each["verdict"] == verdicts.KNOWN]
    return bool(known) and all(
        str(each.get("message", "")).startswith(verdicts.NOT_JUDGED) for each in known
    )


def is_missed(requirement: Data) -> bool:
    """Return whether the server was seen not to fulfil a requirement."""
    return requirement["verdict"] in MISSED and not is_blocked(requirement)


def is_practice(requirement: Data) -> bool:
    """Return whether a requirement is good practice that the server was judged not to follow."""
    return requirement["level"] == verdicts.PRACTICE and requirement["verdict"] in MISSED


def group(requirement: Data) -> str:
    """Return the part of a report for a requirement: its verdict, or that of good practice."""
    return verdicts.PRACTICE.lower() if is_practice(requirement) else str(requirement["verdict"])


def lower(requirement: dict[str, Any]) -> None:
    """Lower the severity of a miss that consists of server errors alone, and drop its harm.

    A server error refuses nothing, so the requirement is missed; but it lets nobody in.
    """
    answers = [str(check.get("in_answer", "")) for check in telling(requirement)]
    if is_missed(requirement) and answers and all(map(SERVER_ERROR.search, answers)):
        severities = requirement["severity"], verdicts.SERVER_ERROR
        requirement["severity"] = max(severities, key=verdicts.SEVERITIES.index)
        requirement.pop("harm", None)


def gravity(requirement: Data) -> tuple[int, int]:
    """Return the sort key of a finding: its severity, then its level."""
    severity, level = requirement["severity"], requirement["level"]
    return verdicts.SEVERITIES.index(severity), verdicts.LEVELS.index(level)


def telling(requirement: Data) -> list[Data]:
    """Return the checks that gave a requirement its verdict."""
    return [c for c in requirement["checks"] if c["verdict"] == requirement["verdict"]]


def deviations(requirement: Data) -> list[tuple[Data, int]]:
    """Return the deviations that waive checks of a requirement, each with the number of these."""
    first = [requirement["deviation"]] if "deviation" in requirement else []
    found = requirement.get("deviations", first)
    counts = Counter(check["deviation"] for check in requirement["checks"] if "deviation" in check)
    return [(each, counts[index]) for index, each in enumerate(found)]
