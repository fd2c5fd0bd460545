"""The wheel runs the suite anywhere, whatever folders and files of the same names are there."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from openemr_conformance.command import PROGRAMS
from tests.runs import LONGEST_SECONDS, ROOT

CHECKS = "conformance/oauth/test_discovery.py"


def run(command, folder, **environment):
    """Run a command in a folder, without the options of these tests."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OPENEMR_", "PYTEST_"))}
    return subprocess.run(  # noqa: S603 - our own command
        [str(word) for word in command],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    built = run([*pip, "wheel", "--no-deps", f"--wheel-dir={folder}", ROOT], folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with the installed wheel, which is not writable, and its command."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    done = run([*pip, "install", "--no-deps", f"--target={folder}", wheel], folder)
    assert done.returncode == 0, done.stderr
    for path in [*folder.rglob("*"), folder]:
        path.chmod(path.stat().st_mode & ~0o222)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture
def foreign_project(tmp_path):
    """A project of somebody else, with a conftest.py and a package `fixtures` of its own."""
    for name in ("conftest.py", "fixtures/__init__.py", "conformance/__init__.py", CHECKS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"raise RuntimeError('{name} is not part of the suite')\n")
    return tmp_path


@pytest.fixture
def command(installed, foreign_project):
    """Runs the installed command in the foreign project: `command("--help")`."""

    def execute(*arguments):
        script = installed / "bin" / "openemr-conformance"
        environment = {
            "PYTHONPATH": str(installed),
            "XDG_CACHE_HOME": str(foreign_project / "cache"),
        }
        return run([sys.executable, script, *arguments], foreign_project, **environment)

    return execute


@pytest.mark.parametrize("workers", ["0", "2"])
def test_installed_command_judges_the_embedded_server(command, foreign_project, workers):
    """A target with a blank, a path of the suite, and results in the folder of the caller."""
    finished = command("--target", "embedded", "-n", workers, "-p", "no:randomly", CHECKS)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    data = json.loads((foreign_project / "results" / "conformance.json").read_text("utf-8"))
    assert data["counts"]["checks"]["pass"] > 10


def test_installed_command_collects_the_whole_suite(command):
    """Without a path, the checks of the suite are collected, and not the current folder."""
    finished = command("--collect-only", "-q", "-p", "no:randomly")

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "conformance/fhir/test_bulk.py" in finished.stdout


@pytest.mark.parametrize(
    "program",
    ["", *PROGRAMS],
)
def test_every_program_has_help(command, program):
    """`--help` shows what a program does, and starts nothing."""
    finished = command(*program.split(), "--help")

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.startswith("usage: ")
    assert program == "run" or finished.stdout.startswith(f"usage: openemr-conformance {program}")


def test_programs_work_where_they_are_installed(command, foreign_project):
    """The programs read and write files of the caller's folder, and data of the package."""
    assert command("compare", "7.0.3", "8.1").returncode == 1
    assert "| **all** |" in command("releases", "7.0.3", "openemr-8.1").stdout
    assert "requirements, " in command("catalogue").stdout
    assert command("--requirement=RFC7009-2-*", "-n0", "-p", "no:randomly").returncode == 0
    (foreign_project / "results" / "statement.md").unlink()
    assert command("statement", "results/conformance.json").returncode == 0
    assert (foreign_project / "results" / "statement.md").is_file()


def test_installed_package_is_not_written_to(command, installed, foreign_project):
    """A run leaves no cache in the folder of the package, even where it could."""
    (installed / "openemr_conformance").chmod(0o755)

    finished = command("-n0", "-p", "no:randomly", CHECKS)

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not (installed / "openemr_conformance" / ".pytest_cache").exists()
    assert list((foreign_project / "cache" / "openemr-conformance").iterdir())


@pytest.mark.parametrize("word", ["doctr", "cmpare", "mrge"])
def test_misspelt_program_is_explained(command, word):
    """A word that is nearly a program is no path to collect."""
    finished = command(word)

    assert finished.returncode == 4
    assert f"there is no program '{word}': did you mean " in finished.stderr


def test_plugin_leaves_other_projects_alone(installed, tmp_path):
    """Where the wheel is installed, pytest runs the tests of other projects as ever."""
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")

    finished = run(
        [sys.executable, "-m", "pytest", "-W", "error", "."], tmp_path, PYTHONPATH=str(installed)
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_image_and_wheel_have_every_folder_of_the_suite():
    """Each folder that the wheel packs is in the context of the image."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        build = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()

    assert [name for name in build["force-include"] if f"!{name}" not in ignored] == []
