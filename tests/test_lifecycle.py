"""The stored sequences of steps are those that Hypothesis finds."""

import pytest

from conformance.token_life import scripts
from conformance.token_life.scripts import ALWAYS, NEEDED, USUAL
from fixtures.given.token_life import Step


@pytest.mark.parametrize("usual", USUAL)
def test_kept_sequences_are_those_that_are_found(usual):
    """`python -m conformance.token_life.scripts` would write the same sequences."""
    assert scripts.read(usual) == scripts.choose(USUAL[usual])


@pytest.mark.parametrize("usual", USUAL)
def test_kept_sequences_judge_every_promise_about_access(usual):
    """A second login and another client occur, also where each login goes through the pages."""
    probes = [probe for script in scripts.scripts(USUAL[usual]) for _, probe in script]
    used = [probe for probe in probes if probe is not None and probe.step.act == "use"]

    assert any(probe.state == "dead" and probe.again for probe in used)
    assert any(probe.state == "alive" and probe.history[-1].startswith("other:") for probe in used)


def test_steps_that_show_nothing_new_are_left_out():
    """Shorter sequences replace the chosen ones if together they show as much."""
    login, logout = Step("password", "A", 1), Step("logout", "A", 1)
    elsewhere = Step("code", "B", 2)

    everything = ALWAYS | {*NEEDED}
    assert scripts.without_idle_steps([(login, logout), (login,), (elsewhere,)], everything) == [
        (login, logout),
        (elsewhere,),
    ]


def test_server_without_introspection_is_not_asked_for_it():
    """Other sequences are found for a server with fewer features."""
    played = scripts.scripts(ALWAYS | {"password", "logout"})

    assert played
    assert {step.act for script in played for step, _ in script} <= {
        "code", "password", "refresh", "logout", "use", "try_refresh"
    }  # fmt: skip
