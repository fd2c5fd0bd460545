"""Promises about the life of tokens, judged by playing sequences of steps on a server.

A sequence that breaks a promise is cut to the shortest part of it that still does, and told in
numbered steps.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conformance.expect import Mismatch
from conformance.token_life.model import BIRTHS, LOOKING, QUIET, Look, Script, script
from conformance.token_life.scripts import acts, playable, scripts
from fixtures.given.token_life import Outcome, Step
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

Play = Callable[[Sequence[Step]], list[Outcome]]


@dataclass(frozen=True)
class Promise:
    """What comes of some acts on every token that is in such a state, in every sequence.

    The outcome is `works`, `refused`, or `agrees` (of introspection: with the API just before).
    """

    acts: tuple[str, ...]
    outcome: str
    holds_for: Callable[[Look], bool]
    why: str

    def covers(self, look: Look | None) -> bool:
        """Tell whether the promise says what comes of this look."""
        return look is not None and look.step.act in self.acts and self.holds_for(look)

    def wants(self, look: Look) -> bool:
        """Tell whether a look is needed to judge."""
        paired = self.outcome == "agrees" and look.step.act in QUIET
        return self.covers(look) or paired

    def broken(self, outcomes: Sequence[Outcome], number: int) -> bool:
        """Tell whether the outcome of a step breaks the promise."""
        granted = outcomes[number].granted
        if self.outcome == "agrees":
            return granted != outcomes[number - 1].granted
        return granted != (self.outcome == "works")


def judge(
    play: Play, features: frozenset[str], promise: Promise, *, thorough: bool = False
) -> None:
    """Play until the promise is broken, and say then in which shortest sequence it is.

    Blocked if the server came nowhere to where it could be judged.
    """
    __tracebackhide__ = True
    judged = 0
    for played in scripts(acts(features), thorough=thorough):
        asked = [n for n, (_, look) in enumerate(played) if promise.covers(look)]
        outcomes = play([step for step, _ in played]) if asked else []
        reached = [number for number in asked if number < len(outcomes)]
        judged += len(reached)
        for number in reached:
            if promise.broken(outcomes, number):
                found = (promise, played, outcomes, number)
                raise _told(*_shortest(play, *found, most=60 if thorough else 6))
    if not judged:
        raise Blocked("no sequence of steps came to a token that could be judged")


Found = tuple[Promise, Script, Sequence[Outcome], int]


def _shortest(
    play: Play,
    promise: Promise,
    played: Script,
    outcomes: Sequence[Outcome],
    number: int,
    *,
    most: int,
) -> Found:
    """Play the parts of a sequence, the shortest first, until one of them breaks the promise.

    The whole of it need not be played again: looks on the way are not told.
    """
    plan = tuple(step for step, _ in played[: number + 1] if step.act not in LOOKING)
    parts = (
        part
        for length in range(1, len(plan))
        for part in itertools.combinations(plan, length)
        if playable(part)
    )
    shorter = (script(part, promise.wants, late=True) for part in parts)
    asking = (part for part in shorter if any(promise.covers(look) for _, look in part))
    for part in itertools.islice(asking, most):
        again = play([step for step, _ in part])
        for place, (_, look) in enumerate(part[: len(again)]):
            if promise.covers(look) and promise.broken(again, place):
                return promise, part, again, place
    return promise, played, outcomes, number


def _told(promise: Promise, played: Script, outcomes: Sequence[Outcome], number: int) -> Mismatch:
    """Say in numbered steps how the promise is broken."""
    names: dict[tuple[int, int], int] = {}
    known: list[str] = []
    lines: list[str] = []
    for place, (step, _) in enumerate(played[: number + 1]):
        judged = place == number or (place == number - 1 and promise.outcome == "agrees")
        if step.act in LOOKING and not judged:
            continue
        if step.client not in known:
            known.append(step.client)
            lines.append(f"register client {step.client}, enabled by the administrator")
        if step.act in BIRTHS:
            names[step.session, sum(key[0] == step.session for key in names)] = len(names) + 1
        lines.append(_words(step, names, outcomes[place]))
    response = outcomes[number].response
    expected = {"works": "it works", "refused": "it is refused", "agrees": "the two agree"}
    error = Mismatch(
        f"after step {len(lines)} that {expected[promise.outcome]}: {promise.why}",
        [f"{place}. {line}" for place, line in enumerate(lines, 1)],
    )
    if response is not None:
        error.in_answer = exchange_line(response.request, response)
    return error


def _words(step: Step, names: dict[tuple[int, int], int], outcome: Outcome) -> str:
    name = names.get((step.session, step.generation), 0)
    newest = max((n for key, n in names.items() if key[0] == step.session), default=0)
    client = f"client {step.client}"
    answered = "" if outcome.response is None else f" ({outcome.response.status_code})"
    came = f"token {newest}{answered}" if outcome.granted else f"refused{answered}"
    words = {
        "code": f"log in to {client} through login and consent pages: {came}",
        "password": f"log in to {client} with the password: {came}",
        "refresh": f"refresh with refresh token {newest - 1}: {came}",
        "logout": f"log out of {client} with its ID token{answered}",
        "disable": f"disable {client} as the administrator",
        "enable": f"enable {client} as the administrator",
        "use": f"use access token {name} at the API: "
        f"{'accepted' if outcome.granted else 'refused'}{answered}",
        "introspect": f"introspect access token {name}: "
        f"{'active' if outcome.granted else 'not active'}{answered}",
        "try_refresh": f"refresh with refresh token {name}: "
        f"{'new tokens' if outcome.granted else 'refused'}{answered}",
    }
    return words[step.act]
