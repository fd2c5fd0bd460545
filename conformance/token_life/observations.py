"""Observations of tokens: sequences of steps are run on a server, and each outcome is judged.

Of a sequence with a wrong outcome the shortest part that still shows it is reported, in numbered
steps.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from conformance.mismatch import fail
from conformance.token_life.model import ISSUING, PROBES, SAFE, Probe, Script, script
from conformance.token_life.scripts import acts, is_possible, scripts
from fixtures.given.token_life import Outcome, Step
from fixtures.wire.client import Blocked

RunSequence = Callable[[Sequence[Step]], list[Outcome]]
#: `agrees` is for introspection: it gives the same as the API just before.
Expected = Literal["works", "refused", "agrees"]
WORDS = {"works": "it works", "refused": "it is refused", "agrees": "the two agree"}
#: How many shorter sequences are tried to report a failure.
MOST_SHORTER, MOST_SHORTER_THOROUGH = 6, 60


@dataclass(frozen=True)
class Selection:
    """The probes that a check judges: those of some acts, of tokens that a predicate holds for."""

    acts: tuple[str, ...]
    predicate: Callable[[Probe], bool]

    def covers(self, probe: Probe | None) -> bool:
        """Return whether a check judges this probe."""
        return probe is not None and probe.step.act in self.acts and self.predicate(probe)


@dataclass(frozen=True)
class Observation:
    """The outcome of one step of a sequence that was run on a server."""

    script: Script
    outcomes: Sequence[Outcome]
    place: int

    def is_as(self, expected: Expected) -> bool:
        """Return whether the outcome is the expected one."""
        granted = self.outcomes[self.place].granted
        if expected == "agrees":
            return granted == self.outcomes[self.place - 1].granted
        return granted == (expected == "works")


@dataclass(frozen=True)
class Observations:
    """The outcomes of all selected probes, in the order of the sequences."""

    selection: Selection
    found: list[Observation]
    run: RunSequence
    most_shorter: int

    def expect(self, expected: Expected, because: str) -> None:
        """Expect each outcome to be as expected; `because` says why it matters."""
        __tracebackhide__ = True
        for observation in self.found:
            if not observation.is_as(expected):
                _fail(self._shortest(observation, expected), expected, because)

    def _shortest(self, observation: Observation, expected: Expected) -> Observation:
        """Run parts of a sequence, the shortest first, until one has a wrong outcome as well.

        The whole sequence need not be run again: probes on the way are not reported.
        """
        steps = [step for step, _ in observation.script[: observation.place + 1]]
        plan = tuple(step for step in steps if step.act not in PROBES)
        parts = (
            part
            for length in range(1, len(plan))
            for part in itertools.combinations(plan, length)
            if is_possible(part)
        )

        def wanted(probe: Probe) -> bool:
            paired = expected == "agrees" and probe.step.act in SAFE
            return self.selection.covers(probe) or paired

        shorter = (script(part, wanted, late=True) for part in parts)
        asking = (
            part for part in shorter if any(self.selection.covers(probe) for _, probe in part)
        )
        for part in itertools.islice(asking, self.most_shorter):
            outcomes = self.run([step for step, _ in part])
            for place, (_, probe) in enumerate(part[: len(outcomes)]):
                again = Observation(part, outcomes, place)
                if self.selection.covers(probe) and not again.is_as(expected):
                    return again
        return observation


def observe(
    run: RunSequence,
    features: frozenset[str],
    probed: str | tuple[str, ...],
    predicate: Callable[[Probe], bool],
    *,
    thorough: bool = False,
) -> Observations:
    """Run all sequences that a server with these features allows, and observe some of their steps.

    `probed` are the acts and `predicate` the tokens to observe. Raises Blocked if no sequence
    reached such a token.
    """
    selection = Selection((probed,) if isinstance(probed, str) else probed, predicate)
    found: list[Observation] = []
    for each in scripts(acts(features), thorough=thorough):
        places = [place for place, (_, probe) in enumerate(each) if selection.covers(probe)]
        outcomes = run([step for step, _ in each]) if places else []
        found += [Observation(each, outcomes, place) for place in places if place < len(outcomes)]
    if not found:
        raise Blocked("no sequence of steps reached a token that could be judged")
    return Observations(selection, found, run, MOST_SHORTER_THOROUGH if thorough else MOST_SHORTER)


def _fail(observation: Observation, expected: Expected, because: str) -> None:
    """Report a wrong outcome in numbered steps."""
    __tracebackhide__ = True
    place, outcomes = observation.place, observation.outcomes
    judged = [place - 1, place] if expected == "agrees" else [place]
    names: dict[tuple[int, int], int] = {}
    known: list[str] = []
    lines: list[str] = []
    for number, (step, _) in enumerate(observation.script[: place + 1]):
        if step.act in PROBES and number not in judged:
            continue
        if step.client not in known:
            known.append(step.client)
            lines.append(f"register client {step.client}, enabled by the administrator")
        if step.act in ISSUING:
            names[step.session, sum(key[0] == step.session for key in names)] = len(names) + 1
        lines.append(_words(step, names, outcomes[number]))
    responses = [outcomes[number].response for number in reversed(judged)]
    fail(
        f"after step {len(lines)} that {WORDS[expected]}: {because}",
        [f"{number}. {line}" for number, line in enumerate(lines, 1)],
        [response for response in responses if response is not None],
    )


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
