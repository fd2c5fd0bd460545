"""Causes: a miss that explains other misses of the same run.

A consequence is shown with its cause only if the run missed the cause itself, with the same
verdict. So a new miss is never shown with a declared one, and nothing is explained by a fault that
the server does not have.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.judging import requirement_results

Causes = Mapping[str, Sequence[str]]

#: In conformance.json: the key of a requirement that names the miss which explains it.
EXPLAINED_BY = "explained_by"


def errors(causes: Causes, severities: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong with causes; `severities` has the rank of every requirement, 0 worst."""
    for cause, consequences in causes.items():
        for name in (cause, *consequences):
            if name not in severities:
                yield f"cause {cause}: there is no requirement {name!r}"
        for name in consequences:
            if consequences.count(name) > 1:
                yield f"cause {cause}: {name} is listed twice"
            # Otherwise the graver miss would be shown below the other one.
            if severities.get(name, 0) < severities.get(cause, 0):
                yield f"cause {cause}: {name} is more severe than its cause"
    for cause in causes:
        if cause in _explained(causes, cause):
            yield f"cause {cause}: its consequences lead back to it"


def _explained(causes: Causes, cause: str) -> set[str]:
    """Return all that a cause explains, by whatever number of steps."""
    found: set[str] = set()
    left = list(causes.get(cause, ()))
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += causes.get(name, ())
    return found


def grouped(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries with each consequence behind its cause, if that is among them.

    A cause that is not among them is no longer named.
    """
    ids = {each["id"] for each in entries}
    for each in entries:
        if each.get(EXPLAINED_BY) not in ids:
            each.pop(EXPLAINED_BY, None)
    return [
        each
        for cause in entries
        if EXPLAINED_BY not in cause
        for each in (cause, *(one for one in entries if one.get(EXPLAINED_BY) == cause["id"]))
    ]


def explain(requirements: Sequence[dict[str, Any]], causes: Causes) -> None:
    """Note with each requirement of a run which miss explains its own, if one does."""
    missed = {
        each["id"]: each["verdict"] for each in requirements if requirement_results.is_missed(each)
    }
    parents: dict[str, str] = {}
    for cause, consequences in causes.items():
        for name in consequences:
            if cause in missed and missed[cause] == missed.get(name):
                parents.setdefault(name, cause)
    for each in requirements:
        each.pop(EXPLAINED_BY, None)
        if each["id"] in parents:
            root = parents[each["id"]]
            # Of a chain, the first cause explains everything behind it.
            while root in parents:
                root = parents[root]
            each[EXPLAINED_BY] = root
