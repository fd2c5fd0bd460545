"""The GitHub action and the examples for CI systems work."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from fixtures.embedded.server import EmbeddedServer
from tests.runs import ROOT, target_file

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
PARTS = ("conformance/oauth/test_token.py", "conformance/oauth/test_expiry.py")


def step(identifier):
    """Return the step of the action with this id."""
    return next(each for each in ACTION["runs"]["steps"] if each.get("id") == identifier)


@pytest.fixture(scope="module")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def runner(tmp_path):
    """Runs a step of the action in a workspace, as a runner of GitHub does."""
    workspace, temporary = tmp_path / "workspace", tmp_path / "temp"
    scripts = temporary / "openemr-conformance" / "bin"
    for folder in (workspace, scripts):
        folder.mkdir(parents=True)
    # Not a link: Python would look for its packages in the folder of the link.
    (scripts / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (scripts / "python").chmod(0o755)
    output, summary = tmp_path / "output", tmp_path / "summary"

    def run_step(identifier, **inputs):
        given = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        environment = {
            "SUITE": str(ROOT),
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temporary),
            **{name.upper(): value for name, value in given.items()},
        }
        finished = subprocess.run(  # noqa: S603 - a step of our own action
            ["/bin/bash", "-e", "-o", "pipefail", "-c", step(identifier)["run"]],
            env={**os.environ, **environment},
            cwd=workspace,
            capture_output=True,
            text=True,
            check=False,
        )
        outputs = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
        return finished, outputs, summary.read_text("utf-8") if summary.exists() else ""

    run_step.workspace = workspace
    return run_step


def test_action_judges_a_target_of_the_repository(embedded, runner):
    """The action judges files of the repository, and sets its outputs and the summary."""
    target_file(runner.workspace, embedded.url)
    (runner.workspace / "ours.toml").write_text("", "utf-8")

    finished, outputs, summary = runner(
        "judge",
        target="target.toml",
        deviations="ours.toml\n",
        app="system-proxy",
        args=" ".join([*PARTS, "conformance/app"]),
    )

    assert (finished.returncode, outputs["exit-code"]) == (0, "0"), finished.stdout
    statement = runner.workspace / "openemr-conformance" / "conformance.json"
    assert outputs["result"] == json.loads(statement.read_text("utf-8"))["result"] == "partial run"
    assert "partial run" in summary
    assert "## The app system-to-system proxy: works" in summary


def test_action_fails_without_a_server(runner):
    """A target that cannot be reached fails the step with its exit code, without a statement."""
    target_file(runner.workspace, "http://127.0.0.1:1")

    finished, outputs, _ = runner("judge", target="target.toml", args="")

    assert finished.returncode == 6
    assert outputs == {"result": "no statement", "exit-code": "6"}


def test_inputs_of_the_action_are_never_commands():
    """An input reaches a script as an environment variable only."""
    scripts = [each["run"] for each in ACTION["runs"]["steps"] if "run" in each]

    assert not any("${{" in script for script in scripts)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "ci").glob("*.yml")), ids=lambda p: p.name)
def test_example_names_existing_inputs(path):
    """The examples are YAML, and pass to the action only inputs that it has."""
    document = yaml.safe_load(path.read_text("utf-8"))
    jobs = document.get("jobs", {})
    steps = [each for job in jobs.values() for each in job["steps"]]
    own = [each for each in steps if "openemr-conformance@" in each.get("uses", "")]

    assert all(set(each["with"]) <= set(ACTION["inputs"]) for each in own)
    assert own or "openemr-conformance" in document


def test_gitlab_job_judges(embedded, tmp_path):
    """The last command of the GitLab job judges a target of the project."""
    job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab-ci.yml").read_text("utf-8"))
    script = job["openemr-conformance"]["script"]
    command = next(line for line in script if "pytest" in line)
    narrowed = command.replace("-n auto", f"-n 0 --deviations=none {PARTS[0]}")
    narrowed = narrowed.replace("python ", f"{sys.executable} ")
    (tmp_path / "targets").mkdir()
    target_file(tmp_path / "targets", embedded.url)

    finished = subprocess.run(  # noqa: S603 - a command of our own example
        ["/bin/bash", "-ec", narrowed],
        env={**os.environ, "CI_PROJECT_DIR": str(tmp_path), "TARGET": "targets/target.toml"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout
    assert (tmp_path / job["openemr-conformance"]["artifacts"]["reports"]["junit"]).exists()


def test_image_runs_the_installed_command():
    """The image has the wheel and its command, and runs it as an unprivileged user."""
    text = (ROOT / "Dockerfile").read_text("utf-8")

    assert 'ENTRYPOINT ["openemr-conformance"]' in text
    assert "USER conformance" in text
