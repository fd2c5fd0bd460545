"""Sequences of steps that Hypothesis finds in the model, the same for every server and run."""

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    multiple,
    rule,
    run_state_machine_as_test,
)

from conformance.deterministic import steady
from conformance.token_life.model import LOGINS, Model, Plan
from fixtures.given.token_life import Step


class TokenLifeMachine(RuleBasedStateMachine):
    """Makes sequences of the steps that the model allows."""

    sessions: Bundle[tuple[str, int]] = Bundle("sessions")
    clients = st.sampled_from(["A", "A", "A", "B"])
    possible: frozenset[str]
    longest: int
    found: list[Plan]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()

    def _try(self, step: Step) -> bool:
        full = len(self.model.plan) == self.longest
        # The login pages take long: once is enough where the password grant is there as well.
        known = "password" in self.possible and step.act == "code"
        if known and any(each.act == "code" for each in self.model.plan):
            return False
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
    """Return sequences that Hypothesis finds: for the same acts always the same ones."""
    found: list[Plan] = []
    chosen = {"possible": possible, "longest": longest, "found": found}
    run_state_machine_as_test(
        type("TokenLifeMachine", (TokenLifeMachine,), chosen),
        # Three times as many steps as are wanted, because many of them are not allowed.
        settings=steady(examples, stateful_step_count=3 * longest),
    )
    return sorted({plan for plan in found if plan}, key=lambda plan: (len(plan), str(plan)))
