"""Sequences of steps that are worth playing: each new situation of a token is asked for once.

A login costs a real server a second. Hypothesis finds the sequences in the model alone; those for a
server with everything are kept in `lifecycle.json`, because to find them takes seconds as well.
`python -m conformance.lifecycle_scripts` finds them anew, and a self-test compares.
"""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

from conformance.lifecycle_model import LOOKING, Look, Plan, Script, script
from fixtures.lifecycle import Step

KEPT = Path(__file__).with_name("lifecycle.json")
#: What a server can do, by the feature that it needs.
NEEDED = {
    "password": "oauth.password_grant",
    "logout": "oauth.logout",
    "disable": "administration",
    "enable": "administration",
    "introspect": "oauth.introspection",
}
ALWAYS = frozenset({"code", "refresh"})


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

    kept = possible == ALWAYS | {*NEEDED} and not thorough
    played = []
    for plan in read() if kept else choose(possible, thorough=thorough):
        played.append(script(plan, new))
        seen |= _situations(played[-1], thorough=thorough)
    return tuple(sorted(played, key=_length))


def choose(possible: frozenset[str], *, thorough: bool = False) -> list[Plan]:
    """Let Hypothesis find sequences, and take those that show the most for what they cost."""
    from conformance.lifecycle_games import plans  # noqa: PLC0415 - takes long, and seldom needed

    def known(look: Look) -> bool:
        return look.step.act != "introspect" or "introspect" in possible

    found = plans(possible, *((1500, 10) if thorough else (400, 7)))
    shown = {plan: _situations(script(plan, known), thorough=thorough) for plan in found}
    chosen: list[Plan] = []
    seen: set[object] = set()
    for _ in range(100 if thorough else 9):
        best = max(found, key=lambda plan: len(shown[plan] - seen) / _cost(plan))
        if not shown[best] - seen:
            break
        chosen.append(best)
        seen |= shown[best]
    return chosen


def read() -> list[Plan]:
    """Return the sequences that are kept for a server with everything."""
    return [tuple(Step(**step) for step in plan) for plan in json.loads(KEPT.read_text("utf-8"))]


def _situations(played: Script, *, thorough: bool) -> set[object]:
    looks = (look for _, look in played)
    return {look.situation(thorough=thorough) for look in looks if look is not None}


def _length(played: Script) -> int:
    return sum(step.act not in LOOKING for step, _ in played)


def _cost(plan: Plan) -> int:
    return 4 + sum({"code": 20, "password": 3}.get(step.act, 1) for step in plan)


def main() -> None:
    """Find the sequences for a server with everything, and keep them."""
    found = [[asdict(step) for step in plan] for plan in choose(ALWAYS | {*NEEDED})]
    plans = ",\n".join(json.dumps(plan) for plan in found)
    KEPT.write_text(f"[\n{plans}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
