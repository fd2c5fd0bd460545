"""Ctrl-C cuts nothing in two: neither what is made nor what is taken back or written down."""

import os
import signal

import pytest

from fixtures.plugin import hooks
from fixtures.wire import signals
from tests.runs import heeding_interrupts


def test_interruption_waits_until_what_was_made_is_remembered():
    """Ctrl-C takes effect when the block is over, a second one at once."""
    made = []

    def make(interrupts_meanwhile):
        with signals.defer_interrupts():
            for _ in range(interrupts_meanwhile):
                os.kill(os.getpid(), signal.SIGINT)
            made.append(interrupts_meanwhile)

    with heeding_interrupts():
        for times in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                make(times)

    assert made == [1]


def test_interruption_of_a_part_waits_for_the_whole():
    """What is held within a block that is held too ends that block, and not what comes in it."""
    made = []

    @signals.defer_interrupts()
    def make_first():
        os.kill(os.getpid(), signal.SIGINT)
        made.append("the first")

    @signals.defer_interrupts()
    def make_all():
        make_first()
        made.append("the second")

    with heeding_interrupts(), pytest.raises(KeyboardInterrupt):
        make_all()

    assert made == ["the first", "the second"]


def test_interruption_at_the_end_is_dropped():
    """What ends the run anyway is not broken off by the first Ctrl-C, and by the second at once."""
    written = []

    @signals.defer_interrupts(discard=True)
    def write(interrupts_meanwhile):
        for _ in range(interrupts_meanwhile):
            os.kill(os.getpid(), signal.SIGINT)
        written.append(interrupts_meanwhile)

    with heeding_interrupts():
        write(1)
        with pytest.raises(KeyboardInterrupt):
            write(2)

    assert written == [1]


def test_interruption_between_two_lines_can_be_shown():
    """Python can be interrupted where there is no line, and pytest counts from one."""
    nowhere = b"\xff" * 8  # the table of lines of a code object: none for 64 instructions
    code = compile("raise KeyboardInterrupt", "nowhere", "exec").replace(co_linetable=nowhere)
    with pytest.raises(KeyboardInterrupt) as interruption:
        exec(code)  # noqa: S102 - our own, two lines above
    with pytest.raises(TypeError):
        interruption.getrepr(funcargs=True)

    hooks.pytest_keyboard_interrupt(interruption)

    assert "KeyboardInterrupt" in str(interruption.getrepr(funcargs=True))
