"""The GitHub action and the examples for CI systems work."""

import json
import os
import subprocess
import sys
import tomllib

import pytest
import yaml

from fixtures.embedded.server import EmbeddedServer
from tests.runs import ROOT, target_file

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
PARTS = ("conformance/oauth/test_token.py", "conformance/oauth/test_expiry.py")


def step(name):
    """Return the step of the action with this id or name."""
    steps = ACTION["runs"]["steps"]
    return next(each for each in steps if name in {each.get("id"), each.get("name")})


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
    programs = {"python": "", "openemr-conformance": "-m openemr_conformance"}
    for name, module in programs.items():
        (scripts / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (scripts / name).chmod(0o755)
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
        lines = output.read_text("utf-8").splitlines() if output.exists() else []
        outputs = dict(line.split("=", 1) for line in lines)
        return finished, outputs, summary.read_text("utf-8") if summary.exists() else ""

    run_step.workspace, run_step.temporary = workspace, temporary
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


def test_action_refuses_an_unbalanced_quote(embedded, runner):
    """Arguments that cannot be read are an error: the run would write without `--read-only`."""
    target_file(runner.workspace, embedded.url)

    finished, outputs, _ = runner("judge", target="target.toml", args="--read-only -k 'token")

    assert finished.returncode == 4
    assert outputs == {"result": "no statement", "exit-code": "4"}
    assert "args: ValueError: No closing quotation" in finished.stderr
    assert "judges" not in finished.stdout


def test_action_passes_arguments_as_a_shell_would(embedded, runner):
    """Quotes keep words together, and nothing in them is run or expanded."""
    target_file(runner.workspace, embedded.url)
    hostile = "$(touch pwned) `touch pwned`; touch pwned\n* and $HOME"

    finished, _, _ = runner(
        "judge", target="target.toml", args=f"-n 0 --deselect '{hostile}' {PARTS[0]} -m ''"
    )

    assert finished.returncode in {0, 1}, finished.stdout + finished.stderr
    assert not list(runner.workspace.rglob("pwned"))


@pytest.mark.parametrize("target", ["", "--collect-only", "-h", "$(touch pwned)", "a\nb", ".."])
def test_action_judges_no_other_target(runner, target):
    """A target that does not exist is an error, and never an option or another server."""
    finished, outputs, _ = runner("judge", target=target, args="")

    assert finished.returncode == 4, finished.stdout
    assert outputs == {"result": "no statement", "exit-code": "4"}
    assert list(runner.workspace.iterdir()) == []


@pytest.mark.parametrize("results", ["", ".", "..", "a/../../b", "/tmp/results", "-x"])  # noqa: S108
def test_action_writes_only_into_the_workspace(runner, results):
    """The folder of results is one in the workspace."""
    (runner.workspace / "badge.svg").write_text("of the repository", "utf-8")

    finished, outputs, _ = runner("judge", target="embedded", results=results, args=PARTS[0])

    assert finished.returncode == 4
    assert outputs["exit-code"] == "4"
    assert "results: name a folder" in finished.stderr
    assert [path.name for path in runner.workspace.iterdir()] == ["badge.svg"]


def test_action_does_not_report_an_earlier_statement(runner):
    """The statement of an earlier run is not the result of one that could not start."""
    folder = runner.workspace / "openemr-conformance"
    folder.mkdir()
    (folder / "conformance.json").write_text('{"result": "conformant"}', "utf-8")
    os.utime(folder / "conformance.json", (1, 1))
    (folder / "statement.html").touch()
    (folder / "own.txt").touch()

    _, outputs, _ = runner("judge", target="embedded", args="--level=SHALL")

    assert outputs == {"result": "no statement", "exit-code": "4"}
    assert [path.name for path in folder.iterdir()] == ["own.txt"], "the rest is not uploaded"


def test_action_takes_lines_of_windows(embedded, runner):
    """A list of files with line ends of Windows is read as it is meant."""
    target_file(runner.workspace, embedded.url)
    for name in ("one file.toml", "two.toml"):
        (runner.workspace / name).write_text("", "utf-8")

    finished, _, _ = runner(
        "judge",
        target="target.toml",
        deviations="one file.toml\r\n\r\ntwo.toml\r\n",
        args=f"-n 0 {PARTS[0]}",
    )

    assert "deviations: one file.toml, two.toml" in finished.stdout, finished.stderr


@pytest.mark.skipif(not os.environ.get("CI"), reason="installs all packages; set CI=1")
def test_action_installs_the_wheel(runner):
    """The installation puts the package itself into its environment, and judges with it."""
    for path in (runner.temporary / "openemr-conformance").rglob("*"):
        if path.is_file():
            path.unlink()
    finished, _, _ = runner("Install")
    assert finished.returncode == 0, finished.stderr

    for name in ("conftest.py", "fixtures/__init__.py", "conformance/oauth/test_token.py"):
        path = runner.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise RuntimeError('not part of the suite')\n", "utf-8")
    finished, outputs, _ = runner("judge", target="embedded", args=f"-n 0 {PARTS[0]}")

    assert outputs == {"result": "partial run", "exit-code": "0"}, finished.stdout
    installed = runner.temporary / "openemr-conformance" / "lib"
    assert list(installed.glob("*/site-packages/openemr_conformance/conformance/expect.py"))


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
    command = next(line for line in script if line.startswith("openemr-conformance"))
    narrowed = command.replace("-n auto", f"-n 0 --deviations=none {PARTS[0]}")
    narrowed = narrowed.replace("openemr-", f"{sys.executable} -m openemr_", 1)
    (tmp_path / "targets").mkdir()
    target_file(tmp_path / "targets", embedded.url)

    finished = subprocess.run(  # noqa: S603 - a command of our own example
        ["/bin/bash", "-ec", narrowed],
        env={**os.environ, "TARGET": "targets/target.toml"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert (tmp_path / job["openemr-conformance"]["artifacts"]["reports"]["junit"]).exists()


@pytest.mark.parametrize(("tag", "code"), [(VERSION, 0), ("2020.1.0", 1), (f"{VERSION}-x", 1)])
def test_release_needs_the_tag_of_its_version(tag, code):
    """The workflow releases nothing whose tag is not the version in pyproject.toml."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    steps = workflow["jobs"]["wheel"]["steps"]
    compare = next(each for each in steps if each.get("name") == "Compare the tag with the version")
    python = f"python() {{ '{sys.executable}' \"$@\"; }}\n"

    finished = subprocess.run(  # noqa: S603 - a step of our own workflow
        ["/bin/bash", "-e", "-o", "pipefail", "-c", python + compare["run"]],
        env={**os.environ, "TAG": tag},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == code, finished.stdout


def test_release_runs_no_text_of_an_event_as_a_command():
    """Names of tags reach a script as environment variables only."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert not any("${{" in step.get("run", "") for step in steps)


def entry_point(folder, user, owner, *, namespace=False):
    """Run the entry point of the image with these ids, and return what it would run."""
    programs = {
        "id": f'[ "$2" = conformance ] && echo 10001 || echo {user}',
        "stat": f"echo {owner}",
        "grep": f"exit {int(namespace)}",
        "chown": 'echo "chown $*"',
        "setpriv": 'echo "setpriv $*"',
        "openemr-conformance": 'echo "openemr-conformance $*"',
    }
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        (folder / name).chmod(0o755)
    finished = subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(ROOT / "docker-entrypoint.sh"), "--target", "a b"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.splitlines()


def test_image_runs_as_the_owner_of_the_results(tmp_path):
    """The suite runs as the owner of its results, and gets a folder that belongs to root."""
    plain = ["openemr-conformance --target a b"]
    of_root = entry_point(tmp_path, user=0, owner=0)
    of_user = entry_point(tmp_path, user=0, owner=1000)

    assert of_root[0] == "chown -R conformance:conformance /results"
    assert "--reuid=10001 --regid=10001" in of_root[1]
    assert ["--reuid=1000 --regid=1000" in line for line in of_user] == [True]
    assert entry_point(tmp_path, user=1000, owner=0) == plain
    assert entry_point(tmp_path, user=0, owner=0, namespace=True) == plain


def test_image_has_its_entry_point():
    """The image has the entry point, which is in the context of the build and executable."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    name = "docker-entrypoint.sh"

    assert f'ENTRYPOINT ["{name}"]' in text
    assert f"!{name}" in (ROOT / ".dockerignore").read_text("utf-8").split()
    assert os.access(ROOT / name, os.X_OK)
