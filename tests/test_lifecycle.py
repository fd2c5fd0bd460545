"""The sequences of steps that are kept are those that Hypothesis finds."""

from conformance import lifecycle_scripts
from conformance.lifecycle_scripts import ALWAYS, NEEDED
from fixtures.lifecycle import Step


def test_kept_sequences_are_those_that_are_found():
    """What `python -m conformance.lifecycle_scripts` would write is there already."""
    assert lifecycle_scripts.read() == lifecycle_scripts.choose(ALWAYS | {*NEEDED})


def test_steps_that_show_nothing_new_are_left_out():
    """Shorter sequences stand for the chosen ones, if they show as much together."""
    login, logout = Step("password", "A", 1), Step("logout", "A", 1)
    elsewhere = Step("code", "B", 2)

    everything = ALWAYS | {*NEEDED}
    assert lifecycle_scripts.without_idle_steps(
        [(login, logout), (login,), (elsewhere,)], everything
    ) == [(login, logout), (elsewhere,)]


def test_server_without_introspection_is_not_asked_for_it():
    """Other sequences are found for a server that can do less."""
    played = lifecycle_scripts.scripts(ALWAYS | {"password", "logout"})

    assert played
    assert {step.act for script in played for step, _ in script} <= {
        "code", "password", "refresh", "logout", "use", "try_refresh"
    }  # fmt: skip
