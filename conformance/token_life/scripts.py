"""Sequences of steps that are worth playing: each new situation of a token is asked for once.

A login costs a real server up to a second. Hypothesis finds the sequences in the model alone; those
for a server with everything, and for one without the password grant as it is after an installation,
are kept in `scripts.json`, because to find them takes seconds too.
`python -m conformance.token_life.scripts` finds them anew, and a self-test compares.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from conformance.token_life.model import LOGINS, LOOKING, Look, Model, Plan, Script, script
from fixtures.given.token_life import Step

KEPT = Path(__file__).with_name("scripts.json")
#: What a server can do, by the feature that it needs.
NEEDED = {
    "password": "oauth.password_grant",
    "logout": "oauth.logout",
    "disable": "administration",
    "enable": "administration",
    "introspect": "oauth.introspection",
}
ALWAYS = frozenset({"code", "refresh"})
#: The servers for which sequences are kept, by what they can do.
USUAL = {
    "everything": ALWAYS | {*NEEDED},
    "without_password": (ALWAYS | {*NEEDED}) - {"password"},
}
#: What steps take OpenEMR 7.0.3, in tenths of a second, and what a refresh token adds to a login.
COSTS = {
    "code": 6.3, "password": 2.0, "refresh": 4.4, "logout": 0.3, "disable": 0.2, "enable": 0.2
}  # fmt: skip
REFRESH_TOKEN = 1.7
Situations = frozenset[object]
#: The situations that a plan shows on the way, and those of the refresh tokens to try at its end.
Shown = tuple[Situations, tuple[object, ...]]


def acts(features: frozenset[str]) -> frozenset[str]:
    """Return what can be done at a server with these features."""
    return ALWAYS | {act for act in NEEDED if NEEDED[act] in features}


@cache
def scripts(possible: frozenset[str], *, thorough: bool = False) -> tuple[Script, ...]:
    """Return what to play, the shortest first; every situation of a token is looked at once."""
    seen: set[object] = set()

    def new(look: Look) -> bool:
        return look.situation(thorough=thorough) not in seen and (
            look.step.act != "introspect" or "introspect" in possible
        )

    kept = next((name for name, acts in USUAL.items() if acts == possible and not thorough), None)
    played = []
    for plan in read(kept) if kept else choose(possible, thorough=thorough):
        played.append(script(plan, new))
        seen |= _situations(played[-1], thorough=thorough)
    return tuple(sorted(played, key=_length))


def choose(possible: frozenset[str], *, thorough: bool = False) -> list[Plan]:
    """Let Hypothesis find sequences, and take those that show the most for what they cost.

    Steps that show nothing new are left out, except for the thorough, who want long sequences.
    """
    from conformance.token_life.sequences import plans  # noqa: PLC0415 - takes long, and seldom needed

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
    """Spare the dearest step without which the sequences still show as much, as often as can."""
    shown = {plan: _shown(plan, possible, thorough=False) for plan in plans}
    wanted, costs = _all(plans, shown)
    while True:
        shorter = [
            [*plans[:place], *([less] if less else []), *plans[place + 1 :]]
            for place, plan in enumerate(plans)
            for less in _spared(plan, possible)
            if playable(less)
        ]
        for less in (plan for each in shorter for plan in each if plan not in shown):
            shown[less] = _shown(less, possible, thorough=False)
        judged = ((each, *_all(each, shown)) for each in shorter)
        found = [(each, cost) for each, seen, cost in judged if seen == wanted and cost < costs]
        if not found:
            return plans
        plans, costs = min(found, key=lambda each: each[1])


def _spared(plan: Plan, possible: frozenset[str]) -> Iterator[Plan]:
    """Give the plan without one of its steps, or with a password for a walk through pages."""
    for number, step in enumerate(plan):
        before, after = plan[:number], plan[number + 1 :]
        yield before + after
        if step.act == "code" and "password" in possible:
            yield (*before, replace(step, act="password"), *after)


def playable(plan: Plan) -> bool:
    """Tell whether the model allows each step of a plan, which may be a part of another one."""
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


def _situations(played: Script, *, thorough: bool) -> set[object]:
    looks = (look for _, look in played)
    return {look.situation(thorough=thorough) for look in looks if look is not None}


def _length(played: Script) -> int:
    return sum(step.act not in LOOKING for step, _ in played)


def _shown(plan: Plan, possible: frozenset[str], *, thorough: bool) -> Shown:
    """Return the situations that a plan shows on the way, and those of the tokens to try at last.

    Of the latter only one can be asked for: what a refresh token gives disturbs all others.
    """
    quiet: set[object] = set()
    tried: list[object] = []
    model = Model()
    for number, step in enumerate(plan, 1):
        model.do(step)
        for look in model.looks():
            situation = look.situation(thorough=thorough)
            if look.step.act != "try_refresh":
                if look.step.act != "introspect" or "introspect" in possible:
                    quiet.add(situation)
            elif number == len(plan):
                tried.append(situation)
    return frozenset(quiet), tuple(tried)


def _new(shown: Shown, seen: Situations) -> Situations:
    quiet, tried = shown
    return (quiet - seen) | {*[each for each in tried if each not in seen][:1]}


def _all(plans: list[Plan], shown: dict[Plan, Shown]) -> tuple[Situations, float]:
    seen: Situations = frozenset()
    costs = 0.0
    for plan in plans:
        costs += _cost(plan, shown, seen)
        seen |= _new(shown[plan], seen)
    return seen, costs


def _cost(plan: Plan, shown: dict[Plan, Shown], seen: Situations) -> float:
    """Return about how many tenths of a second a plan takes a real server."""
    refreshed = not seen.issuperset(shown[plan][1]) or any(step.act == "refresh" for step in plan)
    more = REFRESH_TOKEN if refreshed else 0  # see Player.play
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
