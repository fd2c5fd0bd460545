"""Runs that go wrong: what they leave behind is valid, and says no more than was judged."""

import errno
import sys

import pytest

from reports.render import files
from tests.reports.checks import DEVIATION, GOOD, MIXED
from tests.reports.project import Project
from tests.runs import heeding_interrupts

INTERRUPTED = """
@requirement("T-must")
def test_last():
    import os, signal, time
    worker = "PYTEST_XDIST_WORKER" in os.environ
    os.kill(os.getppid() if worker else os.getpid(), signal.SIGINT)
    time.sleep(0.7)
"""


@pytest.fixture
def project(tmp_path):
    """Lay out an empty project."""
    return Project(tmp_path)


def test_errors_around_a_check_leave_it_blocked(project):
    """An error before or after a check is not a verdict on the server, deviation or not."""
    project.check("""
@pytest.fixture
def prepared():
    assert False, "not prepared"

@pytest.fixture
def untidy():
    yield
    raise RuntimeError("not tidied")

@requirement("T-must")
def test_first(prepared):
    pass

@requirement("T-should")
def test_second(untidy):
    pass
""")
    project.write("known.toml", DEVIATION)

    output = project.run("--deviations", "known.toml")

    assert output.returncode == 1
    assert project.verdicts()["T-must"] == project.verdicts()["T-should"] == "blocked"
    assert "could not be judged: AssertionError: not prepared" in output.stdout


def test_a_deviation_may_keep_checks_from_judging(project):
    """An entry that says so waives what is blocked, where it is prepared too, and nothing else."""
    project.check("""
class Blocked(Exception):
    pass

@pytest.fixture
def record():
    raise Blocked("no record")

@requirement("T-must")
def test_first(record):
    pass

@requirement("T-should")
def test_second():
    raise Blocked("no record")

@requirement("T-rest")
def test_third():
    raise KeyError("no record")
""")
    entries = [
        DEVIATION.replace("T-must", name) + "blocked = true\n"
        for name in ("T-must", "T-should", "T-rest")
    ]
    project.write("known.toml", "\n".join(entries))

    project.run("--deviations", "known.toml")

    found = project.verdicts()
    assert found["T-must"] == found["T-should"] == "known"
    assert found["T-rest"] == "blocked"


def test_a_crashed_worker_leaves_its_check_blocked(project):
    """The check that took a worker down is blocked, and the others are judged."""
    project.check("""
import os

@requirement("T-must")
def test_first():
    os._exit(1)

@requirement("T-rest")
@pytest.mark.parametrize("n", range(4))
def test_third(n):
    pass
""")

    output = project.run("-n2")

    assert output.returncode == 1
    assert project.verdicts() | {"T-must": "blocked", "T-rest": "pass"} == project.verdicts()


def test_checks_that_cannot_be_collected_make_the_run_partial(project):
    """A file of checks that cannot be imported is no word about the server."""
    project.check(GOOD)
    project.check("import nothing_of_this_name", "conformance/oauth/test_bad.py")

    output = project.run("-n1")

    assert output.returncode == 1
    assert project.data()["result"] == "partial run"
    assert "test_bad.py could not be collected" in project.data()["run"]["partial_reason"]


def test_a_stopped_run_leaves_valid_files(project):
    """After -x the files hold what was judged so far, marked partial."""
    project.check(MIXED)

    project.run("-x")

    assert project.data()["run"]["partial"]
    assert project.data()["result"] == "not conformant"
    assert (project.results / "statement.md").read_text("utf-8").startswith("# not conformant")


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_an_interrupted_run_leaves_valid_files(project, workers):
    """After Ctrl-C, twice, the files hold what was judged so far, and nothing is left over."""
    project.check(GOOD + INTERRUPTED)
    for _ in range(2):
        with heeding_interrupts():
            output = project.run(workers, facts={"name": "interrupted"})
        assert output.returncode == 2, output.stdout + output.stderr
        assert project.data()["result"] == "partial run"
        assert "interrupted" in project.data()["run"]["partial_reason"]
    names = {path.name for path in project.results.iterdir()}
    assert names == {
        "allure",
        "conformance.json",
        "junit.xml",
        "statement.html",
        "statement.md",
        "badge.json",
        "badge.svg",
    }


def test_a_target_that_cannot_be_reached_leaves_no_results(project):
    """Exit code 6 leaves nothing that could be taken for the result of the run."""
    project.check(GOOD)
    project.run()

    output = project.run(env={"UNREACHABLE": "1"})

    assert output.returncode == 6
    assert not (project.results / "conformance.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no such locks")
def test_two_runs_do_not_write_to_one_folder(project):
    """The second run ends at once; a run that was killed keeps no later one from its folder."""
    project.check(GOOD)
    project.run()
    release = files.lock(project.results)
    output = project.run()
    free = project.run("--results=others")
    release()

    assert output.returncode == 4
    assert f"another run is writing to {project.results}" in output.stderr
    assert project.data()["exit_code"] == 0, "the results of the first run are kept"
    assert free.returncode == project.run().returncode == 0


def test_folder_without_locks_is_written_to(project, monkeypatch):
    """A file system without locks breaks no run."""

    def refuse(*_):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    files.lock(project.folder)()
    files.lock(project.folder / "nowhere")()
