"""What collection adds to a check: properties, marks, and why it does not apply."""

import functools
from dataclasses import dataclass
from typing import Any

import pytest

from reports import allure, verdicts
from reports.catalogue import Catalogue, Requirement
from reports.deviations import Deviation, closest
from reports.options import Options


@dataclass
class Judged:
    """What is known of a check before it runs, and its verdict so far."""

    requirement: Requirement
    deviation: Deviation | None
    options: Options
    verdict: str = verdicts.UNTESTED


JUDGED = pytest.StashKey[Judged]()


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
        ("area", requirement.area),
    ]
    features = [known.features[name].mark for name in needed(item, requirement)]
    for name in dict.fromkeys([requirement.level.lower(), requirement.area, *features]):
        item.add_marker(_named(name))
    allure.label(item, requirement)
    if deviation is not None:
        item.user_properties.append(("deviation", deviation.where))
        strict, why = not deviation.sometimes, reason(deviation)
        item.add_marker(pytest.mark.xfail(strict=strict, raises=AssertionError, reason=why))


@functools.cache  # checks share them, and pytest looks each up among all that are registered
def _named(name: str) -> pytest.MarkDecorator:
    return getattr(pytest.mark, name)  # type: ignore[no-any-return]


def reason(deviation: Deviation) -> str:
    """Say in the reports of pytest why a check is expected not to pass."""
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
