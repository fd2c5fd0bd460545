"""The facts of each scope that checks noted (see conformance/routes/scope_table.py)."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

Facts = Mapping[str, Mapping[str, bool]]

#: The facts of a scope, in the order of the columns.
FACTS = {
    "advertised": "the discovery document lists it",
    "registrable": "a client can be registered for it",
    "granted": "a token that asked for it has it",
    "enforced": "its routes refuse a token without it",
}
WORDS = {True: "yes", False: "no", None: ""}


def fold(
    known: MutableMapping[str, dict[str, bool]], more: Mapping[str, Mapping[str, bool]]
) -> None:
    """Add the facts that a check noted; a fact that was once seen not to hold does not hold."""
    for scope, facts in more.items():
        before = known.setdefault(scope, {})
        for fact, value in facts.items():
            before[fact] = before.get(fact, True) and value


def as_data(known: Facts) -> list[dict[str, Any]]:
    """Return the scopes as they stand in conformance.json; null for a fact that no check saw."""
    seen = {fact for facts in known.values() for fact in facts}
    listed = []
    for scope in sorted(known):
        facts: dict[str, Any] = {fact: known[scope].get(fact) for fact in FACTS}
        if "advertised" in seen and facts["advertised"] is None:
            facts["advertised"] = False
        listed.append({"scope": scope, **facts})
    return listed


def rows(scopes: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return the rows of a table: the scope, and of each fact yes, no or nothing."""
    return [[str(each["scope"]), *(WORDS[each.get(fact)] for fact in FACTS)] for each in scopes]


def summary(scopes: Iterable[Mapping[str, Any]]) -> str:
    """Return in one line for how many scopes each fact holds, and for how many it does not."""
    listed = list(scopes)
    said = []
    for fact in FACTS:
        values = [each.get(fact) for each in listed]
        bad = values.count(False)
        said.append(f"{values.count(True)} {fact}" + (f" ({bad} not)" if bad else ""))
    return f"{len(listed)} scopes: {', '.join(said)}"
