"""The gate of a run: mended faults of a release, severities, and a quiet terminal."""

import pytest

from reports.render import terminal
from tests.reports.checks import DEVIATION, GOOD, MIXED
from tests.reports.project import Project
from tests.reports.statement_data import failed, missed, result


@pytest.fixture
def project(tmp_path):
    """Lay out an empty project."""
    return Project(tmp_path)


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_mended_faults_of_a_release_are_good_news(project, workers):
    """A shipped deviation that is not there fails nothing, unless the run is strict."""
    project.check(GOOD)
    second = DEVIATION + "params = '2'\n"
    project.write(
        "fixtures/target/deviations/openemr-9.toml", f'versions = ["9.0*"]\n{second}{DEVIATION}'
    )

    output = project.run(workers)
    data = project.data()
    listed = project.run(workers, "--show=mended")
    strict = project.run(workers, "--strict-deviations")

    assert (output.returncode, strict.returncode) == (0, 1)
    assert data["result"] == "conformant"
    assert [each["where"] for each in data["deviations"]["mended"]] == [
        "openemr-9.toml: deviation 1 (T-must)", "openemr-9.toml: deviation 2 (T-must)",
    ]  # fmt: skip
    assert "2 faults of OpenEMR 9 are mended here; --show=mended lists them" in output.stdout
    assert "    T-must: The first thing is otherwise." in listed.stdout
    assert project.data()["gate"]["reasons"] == ["2 stale deviations"]


def test_a_fault_that_is_partly_there_is_not_mended(project):
    """An entry that some check still confirms is neither mended nor stale."""
    project.check(
        '@requirement("T-must")\n@pytest.mark.parametrize("n", [1, 2])\n'
        'def test_first(n):\n    """The first thing is so."""\n    assert n == 1\n'
    )
    project.write("fixtures/target/deviations/openemr-9.toml", 'versions = ["9.0*"]\n' + DEVIATION)

    output = project.run()

    assert output.returncode == 0
    assert (
        project.data()["deviations"] | {"mended": [], "stale": []} == project.data()["deviations"]
    )


def test_severity_selects(project):
    """--severity judges what is of this severity and graver; -m knows it as well."""
    project.check(GOOD)

    project.run("--severity=high")
    grave = project.verdicts()
    project.run("-m", "medium")

    assert (grave["T-must"], grave["T-should"]) == ("pass", "untested")
    assert project.verdicts()["T-should"] == "pass"
    assert project.verdicts()["T-must"] == "untested"
    assert project.data()["result"] == "partial run"


def test_the_terminal_is_quiet(project):
    """Findings stand once; what is known, n/a and untested has a line each, and its option."""
    project.check(MIXED)
    project.write("known.toml", DEVIATION)

    output = project.run("--deviations=known.toml", "-ra").stdout
    shown = project.run("--deviations=known.toml", "--show=known", "--show=n/a").stdout

    for word in ("XFAIL", "SKIPPED", "FAILURES", "short test summary"):
        assert word not in output
    assert "  1 known    not fulfilled, declared as deviations; --show=known lists them" in output
    assert output.count("T-rest (MUST, high)") == 1
    assert "1 blocked" in output.splitlines()[-2]
    assert "    T-must (MUST, high) The first thing is so.: The first thing is otherwise." in shown
    assert "    switched off: T-portal" in shown


def test_tracebacks_are_shown_if_asked(project):
    """With --tb=long pytest shows failures in its own section, captured output included."""
    project.check(MIXED)

    output = project.run("--tb=long").stdout

    assert "= FAILURES =" in output
    assert "def test_first(secret):" in output


def test_the_verdict_for_an_app_comes_first():
    """A vendor who judges an app looks for its verdict."""
    data = result()
    data["app"] = {"name": "Mine", "verdict": "works", "exceptions": [], "not_judged": []}

    first, second, *_ = terminal.summary(data)

    assert first == "the app 'Mine' works"
    assert second.startswith("not conformant: ")


def test_many_findings_have_a_line_each():
    """The first twenty are shown whole, and no terminal is flooded by the others."""
    data = result()
    data["requirements"] = [failed(f"F{number}", missed("c::d")) for number in range(150)]

    lines = list(terminal.found(data))

    assert sum(line.startswith("  source ") for line in lines) == terminal.MOST_WHOLE
    assert lines[-1] == "and 50 more, in the statement"
    assert len(lines) < 20 * 13 + 100
