"""Verdicts of a check and of a requirement, and the words of the catalogue that decide them."""

from collections import Counter
from collections.abc import Iterable

PASS = "pass"
FAIL = "fail"
WARN = "warn"
KNOWN = "known"
NOT_APPLICABLE = "n/a"
BLOCKED = "blocked"
UNTESTED = "untested"

#: The word for faults that the suite declares for a release and that are not there.
MENDED = "mended"

#: Good practice: no specification that the server claims demands it.
PRACTICE = "PRACTICE"
#: The levels of requirements, the strictest first.
LEVELS = ("MUST", "SHOULD", "MAY", PRACTICE)
#: The severities of requirements, the gravest first (docs/severity.md).
SEVERITIES = ("critical", "high", "medium", "low")
CRITICAL = SEVERITIES[0]
#: The severity of a server error (docs/severity.md).
SERVER_ERROR = "medium"
#: A SHOULD of these severities fails a run, as a MUST does.
GRAVE = frozenset(("critical", "high"))

#: The conditions of a gate (`--gate`): no miss is new, or there is none at all.
NEW, ALL = "new", "all"
GATES = (NEW, ALL)

#: From the gravest to the one that says least: a requirement's verdict is its gravest check's.
ORDER = (FAIL, BLOCKED, WARN, KNOWN, PASS, NOT_APPLICABLE, UNTESTED)

#: How the message of a finding starts that says nothing about the server.
NOT_JUDGED = "could not be judged"

#: A skip for a reason that starts so is due to the target; any other leaves a check untested.
NOT_APPLICABLE_PREFIX = "n/a: "


def gated(level: str, severity: str, gate: str) -> bool:
    """Return whether a miss fails a run whose option --level is `gate`."""
    if LEVELS.index(level) <= LEVELS.index(gate):
        return True
    if level == PRACTICE:
        return severity == CRITICAL
    return level == "SHOULD" and severity in GRAVE


def needed(level: str, severity: str, gate: str) -> bool:
    """Return whether a run fails that could not judge a requirement: of good practice, few."""
    return level != PRACTICE or gated(level, severity, gate)


def less_severe(severity: str, lowest: str | None) -> bool:
    """Return whether a requirement of this severity is left out by `--severity=lowest`."""
    return lowest is not None and SEVERITIES.index(severity) > SEVERITIES.index(lowest)


def of_miss(level: str, severity: str, gate: str, *, waived: bool) -> str:
    """Return the verdict of a check that found its requirement not fulfilled."""
    if waived:
        return KNOWN
    return FAIL if gated(level, severity, gate) else WARN


def of_skip(reason: str) -> str:
    """Return the verdict of a check that was skipped, by the reason given."""
    reason = reason.removeprefix("Skipped: ")
    return NOT_APPLICABLE if reason.startswith(NOT_APPLICABLE_PREFIX) else UNTESTED


def worst(verdicts: Iterable[str]) -> str:
    """Fold verdicts into the gravest of them; of none, into untested."""
    return min(verdicts, key=ORDER.index, default=UNTESTED)


def count(verdicts: Iterable[str]) -> dict[str, int]:
    """Count verdicts, naming also those that do not occur."""
    counter = Counter(verdicts)
    return {verdict: counter[verdict] for verdict in ORDER}
