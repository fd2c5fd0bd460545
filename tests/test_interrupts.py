"""Ctrl-C is deferred while something is created, removed or written."""

import os
import signal

import pytest

from fixtures.plugin import hooks
from fixtures.wire import signals
from tests.runs import heeding_interrupts


def test_first_interrupt_is_deferred():
    """The first Ctrl-C acts at the end of the block, a second one at once."""
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


def test_interrupt_of_a_nested_block_is_deferred_to_the_outer_one():
    """A Ctrl-C in an inner block acts at the end of the outer block."""
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


def test_interrupt_at_the_end_of_a_run_is_discarded():
    """The first Ctrl-C is discarded, the second one acts at once."""
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


def test_interrupt_without_a_line_number_can_be_reported():
    """A frame without a line number, in which Python can be interrupted, is left out."""
    nowhere = b"\xff" * 8  # the table of lines of a code object: none for 64 instructions
    code = compile("raise KeyboardInterrupt", "nowhere", "exec").replace(co_linetable=nowhere)
    with pytest.raises(KeyboardInterrupt) as interruption:
        exec(code)  # noqa: S102 - our own, two lines above
    with pytest.raises(TypeError):
        interruption.getrepr(funcargs=True)

    hooks.pytest_keyboard_interrupt(interruption)

    assert "KeyboardInterrupt" in str(interruption.getrepr(funcargs=True))
