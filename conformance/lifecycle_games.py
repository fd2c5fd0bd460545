"""Sequences of steps that are worth playing, found by Hypothesis in the model alone.

They are the same for every server and every run. The server is then asked for each new situation
of a token once, because a login costs a real one a second.
"""

from functools import cache
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    multiple,
    rule,
    run_state_machine_as_test,
)

from conformance.lifecycle_model import LOGINS, LOOKING, Look, Model, Plan, Script, script
from fixtures.lifecycle import Step


class Steady(PrimitiveProvider):
    """Draws the same in every run; what Hypothesis draws itself depends on the modules loaded."""

    def __init__(self, _: object, /) -> None:
        """Begin anew with every search."""
        super().__init__(None)
        self._random = Random(20261122)  # noqa: S311 - nothing secret is made of it

    def draw_boolean(self, p: float = 0.5) -> bool:
        """Draw a truth value."""
        return self._random.random() < p

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **_: Any
    ) -> int:
        """Draw a number between bounds; the games draw no others."""
        return self._random.randint(min_value or 0, max_value or 0)

    def draw_float(self, **_: Any) -> float:
        """Draw what no game asks for."""
        raise NotImplementedError

    def draw_string(self, *_: Any, **__: Any) -> str:
        """Draw what no game asks for."""
        raise NotImplementedError

    def draw_bytes(self, *_: Any, **__: Any) -> bytes:
        """Draw what no game asks for."""
        raise NotImplementedError


AVAILABLE_PROVIDERS["steady"] = f"{__name__}.{Steady.__name__}"


class Game(RuleBasedStateMachine):
    """Hypothesis makes sequences of steps out of what the model allows."""

    sessions: Bundle[tuple[str, int]] = Bundle("sessions")
    clients = st.sampled_from(["A", "A", "A", "B"])
    possible: frozenset[str]
    longest: int
    found: list[Plan]

    def __init__(self) -> None:
        """Begin with a server that knows nothing."""
        super().__init__()
        self.model = Model()

    def _try(self, step: Step) -> bool:
        full = len(self.model.plan) == self.longest
        if full or step.act not in self.possible or not self.model.allows(step):
            return False
        self.model.do(step)
        return True

    @rule(target=sessions, client=clients, way=st.sampled_from(LOGINS))
    def log_in(self, client: str, way: str) -> tuple[str, int] | MultipleResults[tuple[str, int]]:
        """The user logs in."""
        number = len(self.model.tokens) + 1
        if self._try(Step(way, client, number)):
            return client, number
        return multiple()

    @rule(session=sessions)
    def refresh(self, session: tuple[str, int]) -> None:
        """The client refreshes."""
        self._try(Step("refresh", *session))

    @rule(session=sessions)
    def log_out(self, session: tuple[str, int]) -> None:
        """The user logs out."""
        self._try(Step("logout", *session))

    @rule(client=clients, act=st.sampled_from(["disable", "enable"]))
    def administer(self, client: str, act: str) -> None:
        """The administrator disables or enables the client."""
        self._try(Step(act, client))

    def teardown(self) -> None:
        """Keep the sequence."""
        self.found.append(tuple(self.model.plan))


def acts(features: frozenset[str]) -> frozenset[str]:
    """Return what can be done at a server with these features."""
    needed = {
        "password": "oauth.password_grant",
        "logout": "oauth.logout",
        "disable": "administration",
        "enable": "administration",
        "introspect": "oauth.introspection",
    }
    return frozenset({"code", "refresh"} | {act for act in needed if needed[act] in features})


@cache
def scripts(possible: frozenset[str], *, thorough: bool = False) -> tuple[Script, ...]:
    """Return what to play, the shortest first; every situation of a token is looked at once."""
    found = _plans(possible, *((1500, 10) if thorough else (400, 7)))
    seen: set[object] = set()

    def new(look: Look) -> bool:
        return look.situation(thorough=thorough) not in seen and (
            look.step.act != "introspect" or "introspect" in possible
        )

    def situations(played: Script) -> set[object]:
        looks = (look for _, look in played)
        return {look.situation(thorough=thorough) for look in looks if look is not None}

    shown = {plan: situations(script(plan, new)) for plan in found}
    chosen: list[Script] = []
    for _ in range(100 if thorough else 9):
        best = max(found, key=lambda plan: len(shown[plan] - seen) / _cost(plan))
        if not shown[best] - seen:
            break
        chosen.append(script(best, new))
        seen |= situations(chosen[-1])
    return tuple(sorted(chosen, key=_length))


def _plans(possible: frozenset[str], examples: int, longest: int) -> list[Plan]:
    """Let Hypothesis play; the same sequences come for the same acts, whatever the server."""
    found: list[Plan] = []
    chosen = {"possible": possible, "longest": longest, "found": found}
    run_state_machine_as_test(
        type("Game", (Game,), chosen),
        settings=settings(
            max_examples=examples,
            stateful_step_count=3 * longest,  # many a step is not allowed
            backend="steady",
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return sorted({plan for plan in found if plan}, key=lambda plan: (len(plan), str(plan)))


def _length(played: Script) -> int:
    return sum(step.act not in LOOKING for step, _ in played)


def _cost(plan: Plan) -> int:
    return 4 + sum({"code": 20, "password": 3}.get(step.act, 1) for step in plan)
