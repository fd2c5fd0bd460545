"""The command: its programs have one scheme of exit codes, and name what an installed user has."""

import importlib
import re

import pytest

from openemr_conformance import command
from tests.runs import ROOT

#: Names that only a checkout has.
CHECKOUT = re.compile(r"python -m (?:reports|fixtures)|\b(?:fixtures|reports)/\w|\brun pytest\b")


@pytest.fixture(params=[name for name in command.PROGRAMS if name != "run"])
def program(request):
    """The name of a program around a run."""
    return request.param


def test_help_names_the_installed_command(program, capsys):
    """The help of a program gives the line that works without a checkout too."""
    with pytest.raises(SystemExit) as end:
        command.main([program, "--help"])
    shown = capsys.readouterr().out

    assert end.value.code == 0
    assert shown.startswith(f"usage: openemr-conformance {program} ")
    assert CHECKOUT.findall(shown) == []


def test_usage_errors_have_one_exit_code(program, capsys):
    """An unknown option is exit code 4, as in a run: 2 is an interruption."""
    assert command.main([program, "--nonsense"]) == 4
    assert f"usage: openemr-conformance {program} " in capsys.readouterr().err


def test_usage_error_of_a_run_names_the_command(capfd):
    """The usage line gives the command that was called."""
    assert command.main(["--gate", "nonsense"]) == 4
    assert "usage: openemr-conformance [options]" in capfd.readouterr().err


def test_interrupted_programs_have_one_exit_code(program, monkeypatch, capsys):
    """Ctrl-C ends a program in one line."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupt)

    assert command.main([program]) == 2
    assert capsys.readouterr().err.startswith("interrupted (exit code 2)")


def test_messages_name_nothing_that_only_a_checkout_has():
    """Messages and help texts, in quotes, give advice that an installed user can follow."""
    found = []
    for folder in ("fixtures", "reports", "openemr_conformance"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.relative_to(ROOT).as_posix() in MAINTENANCE:
                continue
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                texts = re.findall(r'"[^"]*"', line) if '"""' not in line else []
                found += [f"{path}:{number}: {each}" for each in texts if CHECKOUT.search(each)]

    assert found == []


#: Programs that write into the checkout itself.
MAINTENANCE = {
    *("reports/docs.py", "reports/documents.py", "reports/schemas.py", "reports/baselines.py"),
    "reports/pictures.py",
}
