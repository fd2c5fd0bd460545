"""Collection: properties and marks of a check, and why it does not apply to the target."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reports import verdicts
from reports.judging.catalogue import Catalogue, Requirement
from reports.judging.deviations import Deviation, Deviations, closest
from reports.options import Options


@dataclass
class Judged:
    """A check before it runs, and its verdict so far."""

    requirement: Requirement
    deviation: Deviation | None
    options: Options
    #: Whether the check fails if it passes in spite of its deviation.
    strict: bool = True
    verdict: str = verdicts.UNTESTED
    #: Parameters and tags, for conformance.json.
    described: dict[str, Any] = field(default_factory=dict)


#: Marks that say how pytest runs a check, and not what it is about.
PYTEST_MARKS = frozenset(
    ("parametrize", "skip", "skipif", "usefixtures", "filterwarnings", "xfail")
)

JUDGED = pytest.StashKey[Judged]()


@dataclass
class Collected:
    """The result of collection in one process."""

    #: The requirement of every check, by its node id.
    collected: dict[str, str] = field(default_factory=dict)
    #: The deviations that a check belongs to.
    matched: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    deselected: int = 0
    #: How many checks are to run, those of other shards included.
    selected: int = 0

    def forget(self, items: Iterable[pytest.Item]) -> None:
        """Leave out checks of another shard: the run misses nothing without them."""
        for item in items:
            del item.stash[JUDGED]
            del self.collected[item.nodeid]

    def as_json(self) -> str:
        """Return the checks by requirement."""
        checks: dict[str, list[str]] = {}
        for nodeid, requirement in self.collected.items():
            checks.setdefault(requirement, []).append(nodeid)
        return json.dumps(checks, indent=1)


def prepare(
    items: Iterable[pytest.Item],
    known: Catalogue,
    waived: Deviations,
    options: Options,
    target: Any,
    found: Collected,
) -> None:
    """Give every check its requirement, marks and deviation, and note what was found."""
    for item in items:
        requirement = requirement_of(item, known, found.errors)
        if requirement is None:
            continue
        found.collected[item.nodeid] = requirement.id
        function = getattr(item, "originalname", None) or item.name
        callspec = getattr(item, "callspec", None)
        named = (requirement.id, function, None if callspec is None else callspec.id)
        matching = {entry.where for entry in waived.entries if entry.matches(*named)}
        found.matched += sorted(matching.difference(found.matched))
        deviation = waived.find(*named)
        strict = deviation is None or deviation.strict
        mark(item, known, Judged(requirement, deviation, options, strict))
        skip_unless_applicable(item, requirement, target)


def requirement_of(item: pytest.Item, known: Catalogue, errors: list[str]) -> Requirement | None:
    """Return the one requirement that a check names, or note what is wrong with its mark."""
    named = [mark.args for mark in item.iter_markers("requirement")]
    if len(named) != 1 or len(named[0]) != 1:
        errors.append(f"{item.nodeid}: a check carries exactly one @requirement(id)")
        return None
    name = str(named[0][0])
    if name not in known.requirements:
        advice = closest(name, known.requirements.keys())
        errors.append(f"{item.nodeid}: there is no requirement {name!r}; {advice}")
        return None
    requirement = known.requirements[name]
    for feature in needed(item, requirement):
        if feature not in known.features:
            advice = closest(feature, known.features.keys())
            errors.append(f"{item.nodeid}: there is no feature {feature!r}; {advice}")
            return None
    return requirement


def mark(item: pytest.Item, known: Catalogue, judged: Judged) -> None:
    """Give a check the properties that its reports carry and the marks that select it."""
    requirement, deviation = judged.requirement, judged.deviation
    item.stash[JUDGED] = judged
    item.user_properties += [
        ("requirement", requirement.id),
        ("level", requirement.level),
        ("severity", requirement.severity),
        ("area", requirement.area),
    ]
    features = [known.features[name].mark for name in needed(item, requirement)]
    own = (requirement.level.lower(), requirement.severity, requirement.area)
    for name in dict.fromkeys([*own, *features]):
        item.add_marker(_named(name))
    judged.described = _described(item, set(own))
    if deviation is not None:
        item.user_properties.append(("deviation", deviation.where))


def _described(item: pytest.Item, known: set[str]) -> dict[str, Any]:
    """Return the parameters of a check as text, and its tags beside its level and area."""
    callspec = getattr(item, "callspec", None)
    params = {} if callspec is None else callspec.params
    tags = {
        mark.name
        for mark in item.iter_markers()
        if not (mark.args or mark.kwargs or mark.name in PYTEST_MARKS or mark.name in known)
    }
    return {
        "parameters": {name: _shown(value) for name, value in params.items()},
        "tags": sorted(tags),
    }


def _shown(value: Any) -> str:
    """Return a parameter as text, a string in single quotes, as allure-pytest does."""
    return f"'{value}'" if isinstance(value, str) else repr(value)


@functools.cache  # checks share them, and pytest looks each up among all that are registered
def _named(name: str) -> pytest.MarkDecorator:
    return getattr(pytest.mark, name)  # type: ignore[no-any-return]


def reason(deviation: Deviation) -> str:
    """Return why a check is expected not to pass, as pytest's reports show it."""
    return f"known deviation: {deviation.reason} {deviation.link}"


def needed(item: pytest.Item, requirement: Requirement) -> list[str]:
    """Return the features that a check needs: its requirement's, and those of its parameter."""
    own = [name for mark in item.iter_markers("needs") for name in mark.args]
    return list(dict.fromkeys([*requirement.needs, *own]))


def skip_unless_applicable(item: pytest.Item, requirement: Requirement, target: Any) -> None:
    """Skip a check that needs what the target does not declare, or that would write to it."""
    if target is None:
        return
    reasons = [
        target.missing_features.get(name, f"the target does not declare {name}")
        for name in needed(item, requirement)
        if name not in target.features
    ]
    if target.read_only and item.get_closest_marker("writes"):
        reasons.append("the check writes, and the target is only to be read")
    if reasons:
        reason = verdicts.NOT_APPLICABLE_PREFIX + "; ".join(reasons)
        item.add_marker(pytest.mark.skip(reason=reason))
