"""Allure's results: written from conformance.json, under the ids that allure-pytest gives."""

import json

import pytest

from reports.render import allure
from tests.reports.checks import DEVIATION, MIXED
from tests.reports.project import Project

CHECKS = '''
class Thing:
    def __repr__(self):
        return "Thing()"


@requirement("T-must")
@pytest.mark.parametrize("thing", ["http://[1]/", 1, None, Thing()], ids=str)
@pytest.mark.parametrize("other", ["x"])
@pytest.mark.writes
def test_parameters(thing, other):
    """Something is so."""


class TestGroup:
    @requirement("T-rest")
    def test_in_a_class(self):
        pass


@requirement("T-should")
def test_breaks_at_its_end(broken):
    """It ends badly."""


@pytest.fixture
def broken():
    """Break when the check is over."""
    yield
    raise RuntimeError("over")
'''


def results(folder):
    """Return the results in a folder by the name of the check."""
    found = [json.loads(path.read_text("utf-8")) for path in folder.glob("*-result.json")]
    return {each["name"]: each for each in found}


def labels(result):
    """Return the labels of a result as a sorted list, without those of the process."""
    own = {"host", "thread", "tag"}
    return sorted((e["name"], e["value"]) for e in result["labels"] if e["name"] not in own)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Judge checks of all sorts, with Allure's own results beside ours."""
    project = Project(tmp_path_factory.mktemp("allure"))
    project.check(CHECKS)
    project.run("-pno:xdist", "--alluredir=own")
    return project


def test_ids_and_parameters_are_those_of_allure_pytest(project):
    """History and trend go on: a check has the ids that allure-pytest itself gives it."""
    ours, theirs = results(project.results / "allure"), results(project.folder / "own")

    assert len(ours) == 6
    assert ours.keys() == theirs.keys()
    for name, result in ours.items():
        same = ("fullName", "testCaseId", "historyId", "titlePath", "status")
        assert {key: result[key] for key in same} == {key: theirs[name][key] for key in same}
        by_name = [sorted(e.get("parameters", ()), key=str) for e in (result, theirs[name])]
        assert by_name[0] == by_name[1]
        places = {"parentSuite", "suite", "subSuite", "package", "framework", "language"}
        assert [e for e in labels(theirs[name]) if e[0] in places] == [
            e for e in labels(result) if e[0] in places
        ]
        theirs_tags, tags = (
            {e["value"] for e in each["labels"] if e["name"] == "tag"}
            for each in (theirs[name], result)
        )
        assert tags == theirs_tags


def test_colons_in_a_parameter_are_no_place():
    """A parameter with two colons, which a node id has between its parts, stays a parameter."""
    place = allure.Place("conformance/oauth/test_things.py::TestX::test_y[http://[::1]/]")

    assert place.full_name == "conformance.oauth.test_things.TestX#test_y"
    assert place.name == "test_y[http://[::1]/]"


def test_own_results_of_allure_pytest_may_not_be_mixed_with_ours(project):
    """The folder of the suite's own results is refused as --alluredir."""
    output = project.run("--alluredir=results/allure")

    assert output.returncode == 4
    assert "--alluredir: the suite itself writes the results there" in output.stderr


def test_outcomes_are_told_apart(tmp_path):
    """Each outcome has the status, and the message by which Allure puts it into a category."""
    project = Project(tmp_path)
    project.check(MIXED)
    project.write(
        "known.toml", DEVIATION + DEVIATION.replace("T-must", "T-should") + "params='1'\n"
    )

    project.run("-pno:xdist", "--deviations=known.toml")

    told = {
        name: (each["status"], each.get("statusDetails", {}).get("message", "").split("\n")[0])
        for name, each in results(project.results / "allure").items()
    }
    known = "known deviation: The first thing is otherwise. https://example.org/issues/1"
    assert told == {
        "test_first": ("skipped", f"XFAIL {known}"),
        "test_second[1]": ("failed", "T-should (SHOULD, medium) The second thing is so."),
        "test_second[2]": ("skipped", "XFAIL SHOULD not met"),
        "test_third": ("broken", "T-rest (MUST, high) The third thing is so."),
        "test_fourth": ("skipped", "Skipped: n/a: switched off"),
    }
    stale = results(project.results / "allure")["test_second[1]"]["statusDetails"]["message"]
    assert "\n  stale  " in stale
