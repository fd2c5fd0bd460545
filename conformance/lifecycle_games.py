"""Hypothesis plays the model alone: sequences of steps, the same for every server and every run."""

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

from conformance.lifecycle_model import LOGINS, Model, Plan
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


def plans(possible: frozenset[str], examples: int, longest: int) -> list[Plan]:
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
