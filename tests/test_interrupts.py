"""Ctrl-C is deferred while something is created, removed or written."""

import os
import signal
import subprocess
import sys

import pytest

from fixtures.plugin import hooks
from fixtures.wire import signals
from openemr_conformance import command
from tests.runs import ROOT, heeding_interrupts, run


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

    list(hooks.pytest_keyboard_interrupt(interruption))

    assert "KeyboardInterrupt" in str(interruption.getrepr(funcargs=True))


#: A plugin that sends one signal when the first check is over, and another one in a later hook.
SIGNALS = """
import os
import signal
import subprocess
import sys

import pytest

sent = []

def pytest_runtest_logreport(report):
    if report.when == "call" and not sent:
        sent.append(report)
        os.kill(os.getpid(), signal.{first})

@pytest.hookimpl({order})
def {hook}():
    os.kill(os.getpid(), signal.{second})
"""


@pytest.mark.parametrize(
    ("first", "second", "hook", "order"),
    [
        ("SIGINT", "SIGINT", "pytest_keyboard_interrupt", "trylast=True"),
        ("SIGTERM", "SIGINT", "pytest_keyboard_interrupt", "trylast=True"),
        ("SIGHUP", "SIGTERM", "pytest_keyboard_interrupt", "trylast=True"),
        ("SIGINT", "SIGINT", "pytest_sessionfinish", "tryfirst=True"),
        ("SIGINT", "SIGINT", "pytest_unconfigure", "tryfirst=True"),
    ],
)
def test_second_signal_keeps_the_run_interrupted(tmp_path, first, second, hook, order):
    """Wherever a second signal comes, the run is interrupted, and ends without a traceback."""
    finished = _signalled(tmp_path, first=first, second=second, hook=hook, order=order)

    assert finished.exit_code == 2, finished.output
    _assert_interrupted(finished)
    assert "Traceback" not in finished.output


def test_signal_before_pytest_handles_the_first_keeps_the_run_interrupted(tmp_path):
    """Pytest calls the hook outside of every `try`: an exception there ends it at once."""
    plugin = """
import pytest

class Late:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_keyboard_interrupt(self):
        raise KeyboardInterrupt
        yield

def pytest_collection_finish(session):
    session.config.pluginmanager.register(Late())  # the outermost wrapper: the last registered
"""
    finished = _signalled(tmp_path, plugin, first="SIGINT", second="SIGINT", hook="never", order="")

    assert finished.exit_code == 2, finished.output
    _assert_interrupted(finished)
    assert hooks.INTERRUPTED_AGAIN in finished.output
    assert "Traceback" not in finished.output


def test_signal_while_results_are_written_costs_no_result(tmp_path):
    """All checks were judged: the run is what it would have been."""
    never = "SIGINT if False else 0"
    finished = _signalled(
        tmp_path, first=never, second="SIGINT", hook="pytest_sessionfinish", order="tryfirst=True"
    )

    assert finished.exit_code == 0, finished.output
    assert finished.statement["gate"]["passed"]
    assert "interrupted" not in finished.statement["run"]["partial_reason"]


@pytest.mark.parametrize("hook", ["pytest_configure", "pytest_sessionstart", "pytest_collectstart"])
def test_signal_before_the_first_check_leaves_nothing_misleading(tmp_path, hook):
    """One sentence says that nothing was judged, and no junit.xml has zero failures."""
    never = "SIGINT if False else 0"
    order = "trylast=True"
    finished = _signalled(tmp_path, first=never, second="SIGINT", hook=hook, order=order)

    assert finished.exit_code == 2, finished.output
    assert "nothing was judged" in finished.output
    assert "Traceback" not in finished.output
    assert list(finished.results.glob("*.*")) == []


def test_signal_before_pytest_is_imported_gets_a_sentence(monkeypatch, capsys):
    """The command imports what takes long where it can handle Ctrl-C."""
    monkeypatch.setattr(command, "judge", _interrupt)
    with heeding_interrupts():
        assert command.main([]) == 2

    assert capsys.readouterr().err == "interrupted (exit code 2): nothing was judged or written\n"
    program = "import sys, openemr_conformance.command; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0  # noqa: S603


def _interrupt(_arguments):
    raise KeyboardInterrupt


def _signalled(folder, more="", **values):
    """Return a run of a few checks that gets signals, as the plugin sends them."""
    (folder / "sends_signals.py").write_text(SIGNALS.format(**values) + more, "utf-8")
    check = "conformance/oauth/test_discovery.py"
    with heeding_interrupts():
        return run(
            folder / "results",
            "-psends_signals",
            "-n0",
            check,
            PYTHONPATH=f"{folder}{os.pathsep}{ROOT}",
        )


def _assert_interrupted(finished):
    data = finished.statement
    assert data["exit_code"] == 2
    assert "interrupted" in data["gate"]["reasons"]
    assert "interrupted" in data["run"]["partial_reason"]
