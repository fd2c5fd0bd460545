"""The sequences of steps that are kept are those that Hypothesis finds."""

from conformance import lifecycle_scripts
from conformance.lifecycle_scripts import ALWAYS, NEEDED


def test_kept_sequences_are_those_that_are_found():
    """What `python -m conformance.lifecycle_scripts` would write is there already."""
    assert lifecycle_scripts.read() == lifecycle_scripts.choose(ALWAYS | {*NEEDED})


def test_server_without_introspection_is_not_asked_for_it():
    """Other sequences are found for a server that can do less."""
    played = lifecycle_scripts.scripts(ALWAYS | {"password", "logout"})

    assert played
    assert {step.act for script in played for step, _ in script} <= {
        "code", "password", "refresh", "logout", "use", "try_refresh"
    }  # fmt: skip
