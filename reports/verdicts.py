"""Verdicts of a check, of a requirement, and of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping

PASS = "pass"
FAIL = "fail"
WARN = "warn"
KNOWN = "known"
NOT_APPLICABLE = "n/a"
BLOCKED = "blocked"
UNTESTED = "untested"

#: The levels of requirements, the strictest first.
LEVELS = ("MUST", "SHOULD", "MAY")

#: From the gravest to the one that says least: a requirement's verdict is its gravest check's.
ORDER = (FAIL, BLOCKED, WARN, KNOWN, PASS, NOT_APPLICABLE, UNTESTED)

CONFORMANT = "conformant"
NOT_CONFORMANT = "not conformant"
PARTIAL = "partial run"

#: A skip for a reason that starts so is due to the target; any other leaves a check untested.
NOT_APPLICABLE_PREFIX = "n/a: "


def gated(level: str, gate: str) -> bool:
    """Return whether a miss of this level fails a run whose gate is at `gate`."""
    return LEVELS.index(level) <= LEVELS.index(gate)


def of_miss(level: str, gate: str, *, waived: bool) -> str:
    """Return the verdict of a check that found its requirement not fulfilled."""
    if waived:
        return KNOWN
    return FAIL if gated(level, gate) else WARN


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


def conforms(requirements: Mapping[str, int], stale: int) -> bool:
    """Return whether a run with these counts of requirements and stale deviations conforms."""
    return not (requirements[FAIL] or requirements[BLOCKED] or stale)


def result_line(requirements: Mapping[str, int], *, stale: int = 0, partial: bool = False) -> str:
    """Return the result of a run in one line."""
    if not conforms(requirements, stale):
        return NOT_CONFORMANT
    if partial:
        return PARTIAL
    known = requirements[KNOWN]
    if known:
        return f"{CONFORMANT} with {known} known deviation{'s' if known > 1 else ''}"
    return CONFORMANT


def exit_code(status: int, requirements: Mapping[str, int], *, stale: int = 0) -> int:
    """Return the exit code of a run that pytest would end with `status`.

    Codes above 1 (interrupted, internal, usage, nothing selected, no target) stay.
    """
    if status > 1:
        return status
    return 1 if status or not conforms(requirements, stale) else 0
