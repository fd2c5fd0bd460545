"""Options are written as everybody writes them, and none is silently without effect."""

import os
import shlex
import subprocess
import sys

import pytest

from fixtures.embedded.server import EmbeddedServer
from fixtures.target import files, releases
from reports.comparing import baselines
from tests.runs import ROOT, run, target_file

CHECK = "conformance/oauth/test_discovery.py"
CHECKS = ("--deviations=none", CHECK)
ISSUER = "OIDCD-3-issuer"
COMMAND = [sys.executable, "-m", "openemr_conformance", "-p", "no:cacheprovider", "-p"]


@pytest.fixture(scope="module")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


def command(folder, *words, **environment):
    """Run the installed command in a folder."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEMR_", "PYTEST_"))}
    return subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "no:randomly", *words],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", ["0", "1"])
def test_pytest_takes_a_blank_before_a_path_elsewhere(tmp_path, embedded, workers):
    """`pytest --target FILE` in a checkout judges, wherever the file and the results are."""
    path = target_file(tmp_path, embedded.url)
    (tmp_path / "results").mkdir()
    words = ["--target", path, "--results", str(tmp_path / "results"), "-n", workers, *CHECKS]

    finished = run(tmp_path / "results", *words)

    assert finished.exit_code == 0, finished.output
    assert finished.statement["target"]["url"] == embedded.url


def test_pytest_of_another_project_is_left_alone(tmp_path):
    """From a checkout, pytest still runs the tests of another project."""
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n", "utf-8")
    finished = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout
    assert "1 passed" in finished.stdout
    assert "judges" not in finished.stdout


def test_command_takes_a_blank(tmp_path, embedded):
    """`openemr-conformance --target FILE` judges, with a path relative to the caller's folder."""
    target_file(tmp_path, embedded.url)

    finished = command(tmp_path, "--target", "target.toml", "--results", "out", "-n0", *CHECKS)

    assert finished.returncode == 0, finished.stdout
    assert (tmp_path / "out" / "conformance.json").is_file()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"READONLY": "1"}, "READONLY is not a variable of the suite: did you mean"),
        ({"XYZ": "1"}, "XYZ is not a variable of the suite: take it out"),
        ({"READ_ONLY": "perhaps"}, "READ_ONLY is 'perhaps': give on or off"),
    ],
)
def test_variable_without_effect_is_a_usage_error(tmp_path, variables, message):
    """A misspelt variable, or one with an unclear value, judges nothing."""
    given = {f"OPENEMR_CONFORMANCE_{name}": value for name, value in variables.items()}

    finished = run(tmp_path, "--collect-only", CHECK, **given)

    assert finished.exit_code == 4
    assert f"OPENEMR_CONFORMANCE_{message}" in finished.output


@pytest.mark.parametrize(("value", "is_on"), [("off", False), ("on", True), ("No", False)])
def test_words_switch_an_option(tmp_path, value, is_on):
    """`off` is off, and `on` is on."""
    finished = run(
        tmp_path, f"{CHECK}::test_issuer_is_an_absolute_url", OPENEMR_CONFORMANCE_READ_ONLY=value
    )

    assert finished.exit_code == 0, finished.output
    assert ("only to be read" in finished.statement["run"]["partial_reason"]) == is_on


@pytest.mark.parametrize("option", ["--keep", "--kept=abc", "--fresh"])
@pytest.mark.parametrize("target", ["embedded", "https://emr.example.org"])
def test_options_of_containers_need_containers(tmp_path, option, target):
    """An option that a target cannot have is a usage error that names both."""
    finished = run(tmp_path, option, f"--target={target}", OPENEMR_ADMIN_PASSWORD="")

    assert finished.exit_code == 4
    name = option.partition("=")[0]
    assert (
        f"{name} is for containers that the suite starts, and the target {target} is of kind"
        in (finished.output)
    )


@pytest.mark.parametrize(
    ("name", "target", "baseline"),
    [
        ("7.0.3", "openemr-7.0.3", "7.0.3"),
        ("openemr-7.0.3", "openemr-7.0.3", "7.0.3"),
        ("8.1", "openemr-8.1.0", "8.1"),
        ("openemr-8.1.0", "openemr-8.1.0", "8.1"),
        ("8.1.1", None, "8.1"),
        ("8.0", "openemr-8.0.0", "8.0.0"),
        ("7.0", None, None),
        ("9.9", None, None),
    ],
)
def test_releases_have_the_same_names_for_every_option(name, target, baseline):
    """Each option takes each name of a release; a patch is never started in place of another."""
    assert baselines.shipped(name) == baseline
    if target is None:
        with pytest.raises(pytest.UsageError, match=f"there is no target '{name}'"):
            files.load(name, {})
    else:
        assert files.load(name, {}).name == target


def test_newest_of_several_patches_is_not_guessed():
    """A short name that several releases begin with stands for none of them."""
    assert releases.find("8.1", ["8.1.0", "8.1.1"]) is None


def test_address_below_a_folder_of_the_suite_is_no_target():
    """A path is never completed to a file that nobody named."""
    with pytest.raises(pytest.UsageError, match="there is no target"):
        files.load("../apps/system-proxy", {})


def test_read_only_needs_no_administrator(tmp_path, embedded):
    """`--read-only` judges what needs no administrator, and writes nothing."""
    finished = run(tmp_path, "--read-only", f"--target={embedded.url}", "-n0", *CHECKS)

    assert finished.exit_code == 0, finished.output
    assert finished.statement["counts"]["checks"]["pass"] > 10


def test_requirement_selects_its_checks(tmp_path):
    """`--requirement` takes ids and patterns, and makes the run a partial one."""
    finished = run(tmp_path, "-n0", f"--requirement={ISSUER}*", "--requirement", "RFC7009-2.1-*")

    judged = finished.verdicts("pass")
    assert finished.exit_code == 0, finished.output
    assert len(judged) > 1
    assert all(name.startswith((ISSUER, "RFC7009-2.1-")) for name in judged)
    assert "--requirement" in finished.statement["run"]["partial_reason"]


def test_watched_requirement_is_judged_in_all_checks(tmp_path):
    """A requirement of the watch leaves no check out."""
    finished = run(tmp_path, "-n0", "--requirement=WATCH-*", "--collect-only", "-q", CHECK)

    assert finished.exit_code == 0, finished.output
    assert "deselected" not in finished.output


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("OIDCD-3-isuer*", "there is no such one"),
        ("RFC7009-2.2-unknown-token", "did you mean"),
    ],
)
def test_unknown_requirement_is_a_usage_error(tmp_path, pattern, message):
    """A requirement that does not exist judges nothing."""
    finished = run(tmp_path, f"--requirement={pattern}", "-n0")

    assert finished.exit_code == 4
    assert f"--requirement={pattern}: there is no such one" in finished.output
    assert message in finished.output


def test_requirement_that_no_check_judges_says_why(tmp_path):
    """A requirement without a check is a usage error with the reason of the catalogue."""
    whole = run(tmp_path, "-n0", *CHECKS)
    reason = {r["id"]: r["reason"] for r in whole.statement["requirements"] if not r["checks"]}
    name = next(each for each, why in reason.items() if why not in {"not run", "no check"})

    finished = run(tmp_path, f"--requirement={name}", "-n0")

    assert finished.exit_code == 4
    assert f"no check can judge {name}: {reason[name]}" in finished.output


def test_finding_has_the_line_that_judges_only_it(tmp_path, embedded):
    """The line in a finding judges the same requirement on the same target, and no other."""
    url = f"{embedded.url}/~metadata_is_html"
    found = run(tmp_path, f"--target={url}", "-n0", CHECK, OPENEMR_ADMIN_PASSWORD="pass")
    failed = [each for each in found.statement["requirements"] if each["verdict"] == "fail"]
    line = failed[0]["checks"][0]["rerun"]

    words = shlex.split(line)
    again = command(tmp_path, "-n0", *words[1:], OPENEMR_ADMIN_PASSWORD="pass")

    assert words[0] == "openemr-conformance"
    assert again.returncode == 1, again.stdout
    assert "1 fail" in again.stdout


@pytest.mark.parametrize(
    "option",
    ["--target=nowhere", "--target=", "--app=nowhere", "--baseline=", "--level=", "--requirement="],
)
def test_wrong_option_keeps_the_results_of_an_earlier_run(tmp_path, option):
    """An option without a meaning is a usage error, and costs nothing."""
    (tmp_path / "conformance.json").write_text("of an earlier run", "utf-8")

    finished = run(tmp_path, "-n0", option, CHECK)

    assert finished.exit_code == 4, finished.output
    assert (tmp_path / "conformance.json").read_text("utf-8") == "of an earlier run"


def test_empty_target_of_the_environment_is_an_error(tmp_path):
    """A variable of a CI that is not set does not have the embedded server judged."""
    finished = run(tmp_path, CHECK, OPENEMR_CONFORMANCE_TARGET="")

    assert finished.exit_code == 4
    assert "OPENEMR_CONFORMANCE_TARGET is empty: name the server to judge" in finished.output


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize("module", ["pytest", "openemr_conformance"])
def test_assertions_that_are_switched_off_are_a_usage_error(tmp_path, how, module):
    """Without assertions every check would pass, or pytest would end with a traceback."""
    option = ["-O"] if how == "option" else []
    command = [sys.executable, *option, "-m", module, f"--results={tmp_path}"]
    optimized = {"PYTHONOPTIMIZE": "1"} if how == "variable" else {}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEMR_", "PYTEST_"))}
    finished = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env=inherited | optimized, capture_output=True, text=True, check=False
    )

    assert finished.returncode == 4
    assert "assertions are switched off, so nothing could be judged" in finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout
