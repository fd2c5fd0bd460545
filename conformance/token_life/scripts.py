"""The sequences of steps that are worth running: each situation of a token is probed once.

A login takes a real server up to a second. Hypothesis finds the sequences in the model alone. Those
for a server with all features, and for one without the password grant as it is after an
installation, are kept in `scripts.json`, because finding them takes seconds too.
`python -m conformance.token_life.scripts` finds them again, and a self-test compares.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from conformance.token_life.model import LOGINS, PROBES, Model, Plan, Probe, Script, script
from fixtures.given.token_life import Step

KEPT = Path(__file__).with_name("scripts.json")
#: The features that acts need.
NEEDED = {
    "password": "oauth.password_grant",
    "logout": "oauth.logout",
    "disable": "administration",
    "enable": "administration",
    "introspect": "oauth.introspection",
}
ALWAYS = frozenset({"code", "refresh"})
#: The servers for which sequences are kept, and the acts that they allow.
USUAL = {
    "everything": ALWAYS | {*NEEDED},
    "without_password": (ALWAYS | {*NEEDED}) - {"password"},
}
#: The time of each act on OpenEMR 7.0.3, in tenths of a second, and what a refresh token adds to
#: a login.
COSTS = {
    "code": 6.3, "password": 2.0, "refresh": 4.4, "logout": 0.3, "disable": 0.2, "enable": 0.2
}  # fmt: skip
REFRESH_TOKEN = 1.7
Situations = frozenset[object]
#: The situations on the way of a plan, and those of the refresh tokens to try at its end.
Shown = tuple[Situations, tuple[object, ...]]


def acts(features: frozenset[str]) -> frozenset[str]:
    """Return the acts that a server with these features allows."""
    return ALWAYS | {act for act in NEEDED if NEEDED[act] in features}


@cache
def scripts(possible: frozenset[str], *, thorough: bool = False) -> tuple[Script, ...]:
    """Return the sequences to run, the shortest first; each situation is probed once."""
    seen: set[object] = set()

    def new(probe: Probe) -> bool:
        return probe.situation(thorough=thorough) not in seen and (
            probe.step.act != "introspect" or "introspect" in possible
        )

    kept = next((name for name, acts in USUAL.items() if acts == possible and not thorough), None)
    found = []
    for plan in read(kept) if kept else choose(possible, thorough=thorough):
        found.append(script(plan, new))
        seen |= _situations(found[-1], thorough=thorough)
    return tuple(sorted(found, key=_length))


def choose(possible: frozenset[str], *, thorough: bool = False) -> list[Plan]:
    """Find sequences with Hypothesis, and choose those that show the most for their cost.

    Steps that show nothing new are left out, except in a thorough run, which wants long sequences.
    """
    from conformance.token_life.sequences import plans  # noqa: PLC0415 - slow to load, rarely needed

    shown = {
        plan: _shown(plan, possible, thorough=thorough)
        for plan in plans(possible, *((1500, 10) if thorough else (400, 7)))
    }
    chosen: list[Plan] = []
    seen: Situations = frozenset()
    for _ in range(100 if thorough else 9):
        best = max(shown, key=lambda plan: len(_new(shown[plan], seen)) / _cost(plan, shown, seen))
        if not _new(shown[best], seen):
            break
        chosen.append(best)
        seen |= _new(shown[best], seen)
    return chosen if thorough else without_idle_steps(chosen, possible)


def without_idle_steps(plans: list[Plan], possible: frozenset[str]) -> list[Plan]:
    """Leave out the most expensive step that shows nothing new, until every step is needed."""
    shown = {plan: _shown(plan, possible, thorough=False) for plan in plans}
    wanted, costs = _all(plans, shown)
    while True:
        shorter = [
            [*plans[:place], *([less] if less else []), *plans[place + 1 :]]
            for place, plan in enumerate(plans)
            for less in _shortened(plan, possible)
            if is_possible(less)
        ]
        for less in (plan for each in shorter for plan in each if plan not in shown):
            shown[less] = _shown(less, possible, thorough=False)
        judged = ((each, *_all(each, shown)) for each in shorter)
        found = [(each, cost) for each, seen, cost in judged if seen == wanted and cost < costs]
        if not found:
            return plans
        plans, costs = min(found, key=lambda each: each[1])


def _shortened(plan: Plan, possible: frozenset[str]) -> Iterator[Plan]:
    """Yield the plan without one of its steps, or with a password in place of the login pages."""
    for number, step in enumerate(plan):
        before, after = plan[:number], plan[number + 1 :]
        yield before + after
        if step.act == "code" and "password" in possible:
            yield (*before, replace(step, act="password"), *after)


def is_possible(plan: Plan) -> bool:
    """Tell whether the model allows each step of a plan, which may be part of another plan."""
    model = Model()
    for step in plan:
        refers = step.act in {"refresh", "logout"}
        if (refers and step.session not in model.tokens) or not model.allows(step):
            return False
        model.do(step)
    return True


def read(name: str) -> list[Plan]:
    """Return the sequences that are kept for one of the usual servers."""
    kept = json.loads(KEPT.read_text("utf-8"))
    return [tuple(Step(**step) for step in plan) for plan in kept[name]]


def _situations(steps: Script, *, thorough: bool) -> set[object]:
    probes = (probe for _, probe in steps)
    return {probe.situation(thorough=thorough) for probe in probes if probe is not None}


def _length(steps: Script) -> int:
    return sum(step.act not in PROBES for step, _ in steps)


def _shown(plan: Plan, possible: frozenset[str], *, thorough: bool) -> Shown:
    """Return the situations on the way of a plan, and those of the tokens to try at its end.

    Only one of the latter can be probed: new tokens change the state of the others.
    """
    on_the_way: set[object] = set()
    tried: list[object] = []
    model = Model()
    for number, step in enumerate(plan, 1):
        model.do(step)
        for probe in model.probes():
            situation = probe.situation(thorough=thorough)
            if probe.step.act != "try_refresh":
                if probe.step.act != "introspect" or "introspect" in possible:
                    on_the_way.add(situation)
            elif number == len(plan):
                tried.append(situation)
    return frozenset(on_the_way), tuple(tried)


def _new(shown: Shown, seen: Situations) -> Situations:
    on_the_way, tried = shown
    return (on_the_way - seen) | {*[each for each in tried if each not in seen][:1]}


def _all(plans: list[Plan], shown: dict[Plan, Shown]) -> tuple[Situations, float]:
    seen: Situations = frozenset()
    costs = 0.0
    for plan in plans:
        costs += _cost(plan, shown, seen)
        seen |= _new(shown[plan], seen)
    return seen, costs


def _cost(plan: Plan, shown: dict[Plan, Shown], seen: Situations) -> float:
    """Return roughly how many tenths of a second a plan takes on a real server."""
    refreshed = not seen.issuperset(shown[plan][1]) or any(step.act == "refresh" for step in plan)
    more = REFRESH_TOKEN if refreshed else 0  # see SequenceRunner.run
    clients = len({step.client for step in plan})
    logins = sum(COSTS[step.act] + more for step in plan if step.act in LOGINS)
    return clients + logins + sum(COSTS[step.act] for step in plan if step.act not in LOGINS)


def main() -> None:
    """Find the sequences for the usual servers, and keep them."""
    kept = []
    for name, possible in USUAL.items():
        found = [[asdict(step) for step in plan] for plan in choose(possible)]
        plans = ",\n".join(json.dumps(plan) for plan in found)
        kept.append(f"{json.dumps(name)}: [\n{plans}\n]")
    KEPT.write_text("{\n" + ",\n".join(kept) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
