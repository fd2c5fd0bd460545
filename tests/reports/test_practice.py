"""Good practice: its own part of every report, and what its misses do to a run."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from reports import releases
from tests.reports.project import REQUIREMENTS, Project

PRACTICE = """
[[requirement]]
id = "T-practice"
text = "The fifth thing is so."
source = "OWASP ASVS 5.0 section 1.1"
url = "https://example.org/owasp"
level = "PRACTICE"
severity = "high"
"""
HARM = """
[[harm]]
text = "Somebody reads everything."
requirements = ["T-practice"]
"""
DEVIATION = """
[[deviation]]
requirement = "T-practice"
reason = "The fifth thing is otherwise."
link = "https://example.org/issue/5"
"""
CHECKS = """
    @requirement("T-must")
    def test_first():
        '''The first thing is so.'''


    @requirement("T-should")
    def test_second():
        '''The second thing is so.'''


    @requirement("T-practice")
    def test_fifth():
        '''The fifth thing is so.'''
        raise {error}
"""
MISS = 'Mismatch(expected="so", received=["otherwise"])'


@pytest.fixture
def project(tmp_path):
    """Lay out a project with a requirement of good practice, which is missed."""
    project = Project(tmp_path)
    project.write("conformance/requirements/token.toml", REQUIREMENTS + PRACTICE)
    project.check(CHECKS.format(error=MISS))
    return project


def grave(project):
    """Make the requirement critical."""
    text = REQUIREMENTS + PRACTICE.replace('"high"', '"critical"')
    project.write("conformance/requirements/token.toml", text)
    project.write("conformance/harms.toml", HARM)


def file(project, name):
    """Return the text of one file of the results."""
    return (project.results / name).read_text("utf-8")


def test_a_miss_fails_no_run_and_is_no_must(project):
    """It is counted apart, and the server conforms."""
    output = project.run()
    data = project.data()

    assert output.returncode == 0
    assert data["result"] == "conformant"
    assert data["misses"] == {
        "must": 0, "should": 0, "may": 0, "practice": 1, "critical": 0, "new": 0, "declared": 0,
    }  # fmt: skip
    assert data["gate"] == {"name": "new", "passed": True, "reasons": []}


@pytest.mark.parametrize(
    "arguments", [["--level=PRACTICE"], ["--level=practice"]], ids=["upper", "lower"]
)
def test_a_miss_fails_the_run_with_the_option(project, arguments):
    """The option takes the level in any case."""
    output = project.run(*arguments)

    assert output.returncode == 1
    assert project.data()["gate"]["reasons"] == ["1 new of good practice"]
    assert "gate not passed: 1 new of good practice" in output.stdout.lower()


@pytest.mark.parametrize("level", ["SHOULD", "MAY"])
def test_other_levels_leave_it_a_warning(project, level):
    """It is no weaker MAY, but something else."""
    assert project.run(f"--level={level}").returncode == 0


def test_a_critical_miss_fails_every_run(project):
    """It lets somebody in, whatever demands it; but it does not count as a MUST."""
    grave(project)

    output = project.run()
    data = project.data()

    assert output.returncode == 1
    assert data["gate"]["reasons"] == ["1 new of good practice"]
    assert (data["result"], data["misses"]["must"]) == ("conformant", 0)
    assert (data["misses"]["practice"], data["misses"]["critical"]) == (1, 1)
    assert "Somebody reads everything." in file(project, "statement.md")


def test_a_declared_critical_miss_passes_the_gate_of_what_is_new(project):
    """With --gate=all it does not, as any other miss that would fail the run."""
    grave(project)
    project.write("known.toml", DEVIATION)

    known = project.run("--deviations=known.toml")
    every = project.run("--deviations=known.toml", "--gate=all")

    assert (known.returncode, every.returncode) == (0, 1)
    assert "good practice that no specification demands" in known.stdout


def test_practice_that_could_not_be_judged_fails_no_run(project):
    """Unless it is asked for."""
    project.check(CHECKS.format(error="RuntimeError()"))

    quiet, asked = project.run(), project.run("--level=PRACTICE")

    assert (quiet.returncode, asked.returncode) == (0, 1)
    assert project.verdicts()["T-practice"] == "blocked"
    assert project.data()["gate"]["reasons"] == ["1 could not be judged"]


@pytest.mark.parametrize("known", [False, True], ids=["warned", "declared"])
def test_it_has_its_own_part_of_the_terminal_and_the_statement(project, known):
    """With its own number: it is neither among the warnings nor among the deviations."""
    project.write("known.toml", DEVIATION)
    arguments = ["--deviations=known.toml"] if known else []

    output = project.run(*arguments).stdout
    listed = project.run(*arguments, "--show=practice").stdout
    markdown, page = file(project, "statement.md"), file(project, "statement.html")

    line = "     1 practice good practice that no specification demands, not followed"
    assert f"{line}; --show=practice lists them" in output
    assert not re.search("^ +1 (warn|known) ", output, re.MULTILINE)
    assert "    T-practice (PRACTICE, high) The fifth thing is so." in listed
    section = markdown.partition("## practice: good practice that no specification demands")[2]
    assert "**T-practice** (PRACTICE, high)" in section.partition("\n## ")[0]
    assert re.search(r"^\| area \|( [a-z/]+ \|)* practice \|", markdown, re.MULTILINE)
    assert '<a class="count practice" href="#practice"' in page
    assert '<h2 id="practice">practice: good practice' in page
    assert '<h2 id="warn">' not in page
    assert '<h2 id="known">' not in page


def test_a_new_critical_miss_has_its_own_part_of_the_findings(project):
    """It stands behind what a specification demands."""
    grave(project)
    project.check(CHECKS.format(error=MISS).replace("The first thing is so.'''", "So.'''\n        "
                  "raise " + MISS, 1))  # fmt: skip

    lines = project.run().stdout.splitlines()

    heading = lines.index("good practice, which no specification demands:")
    assert lines.index("T-must (MUST, high) The first thing is so.") < heading
    assert heading < lines.index("T-practice (PRACTICE, critical) The fifth thing is so.")


def test_machines_find_it_by_its_level(project):
    """JUnit by a property, Allure by a tag and a category."""
    project.run("--junit-xml=results/junit.xml")

    case = ET.fromstring(file(project, "junit.xml")).find(".//testcase[@name='test_fifth']")  # noqa: S314
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    results = [
        json.loads(each.read_text()) for each in project.results.glob("allure/*-result.json")
    ]
    (fifth,) = (each for each in results if each["name"] == "test_fifth")
    categories = json.loads(file(project, "allure/categories.json"))
    message = fifth["statusDetails"]["message"]
    first = next(each for each in categories if re.match(each.get("messageRegex", ""), message))
    assert (properties["level"], properties["verdict"]) == ("PRACTICE", "warn")
    assert {"name": "tag", "value": "practice"} in fifth["labels"]
    assert first["name"] == "Good practice not followed"


def test_a_table_of_releases_counts_it_apart(project, capsys):
    """It is neither a MUST nor among the SHOULDs and MAYs."""
    project.run()

    releases.main([str(project.results)])

    assert "| token | 5 | 0 / 0 / 1 |" in capsys.readouterr().out


def test_badges_count_musts_alone(project):
    """A server that misses nothing else conforms, and its badge says so."""
    project.run()

    assert json.loads(file(project, "badge.json"))["message"].endswith("conformant")


def test_it_is_selected_by_its_mark(project):
    """As every level is."""
    project.run("-m", "practice")

    assert project.verdicts()["T-practice"] == "warn"
    assert project.verdicts()["T-must"] == "untested"
