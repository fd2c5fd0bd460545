"""What Allure shows of a check: what allure-pytest would, and what the check itself adds."""

import json

import pytest

from tests.reports.project import Project

CHECKS = '''
import allure


@pytest.fixture
def attached():
    """Attach something before the check and after it."""
    allure.attach("before", "first")
    yield
    allure.attach("after", "last")


@requirement("T-must")
@allure.severity("trivial")
@allure.title("Thing {thing}")
@pytest.mark.parametrize("thing", ["http://[::1]/"])
def test_marked(attached, thing):
    """Something is so."""
    with allure.step("outer"):
        with allure.step("inner"):
            allure.attach("body", "within")
    allure.dynamic.label("owner", "somebody")
    allure.dynamic.suite("of its own")
    print("said aloud")


@pytest.fixture
def broken():
    """Break when the check is over."""
    yield
    raise RuntimeError("over")


@requirement("T-rest")
def test_breaks_at_its_end(broken):
    """It ends badly."""


@requirement("T-rest")
@pytest.mark.xfail(reason="not yet")
def test_expected():
    """It is expected to fail."""
    assert False


@requirement("T-must")
def test_stopped():
    """It is interrupted."""
    raise KeyboardInterrupt
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results by the function of the check, of a run that was interrupted."""
    project = Project(tmp_path_factory.mktemp("allure"))
    project.check(CHECKS)
    project.run("-pno:xdist")
    found = [
        json.loads(path.read_text("utf-8"))
        for path in (project.results / "allure").glob("*-result.json")
    ]
    return {each["fullName"].partition("#")[2]: each for each in found}


def labels(result):
    """Return the labels of a result, without those that many a check has several of."""
    return {each["name"]: each["value"] for each in result["labels"] if each["name"] != "tag"}


def test_what_marks_say_is_shown(results):
    """Title, description, parameters and severity are the check's own."""
    marked = results["test_marked"]

    assert marked["name"] == "Thing http://[::1]/"
    assert marked["description"] == "Something is so."
    assert marked["parameters"] == [{"name": "thing", "value": "'http://[::1]/'"}]
    assert labels(marked)["severity"] == "trivial"
    assert labels(marked)["parentSuite"] == "conformance.oauth"
    assert labels(marked)["package"] == "conformance.oauth.test_things"
    assert marked["titlePath"] == ["conformance", "oauth", "test_things.py"]
    assert {"must", "token"} <= {e["value"] for e in marked["labels"] if e["name"] == "tag"}


def test_what_a_check_adds_is_shown(results):
    """Steps, attachments and labels that a check or its fixtures add are in its result."""
    marked = results["test_marked"]
    (outer,) = marked["steps"]
    (inner,) = outer["steps"]

    assert (outer["name"], inner["name"]) == ("outer", "inner")
    assert [each["name"] for each in inner["attachments"]] == ["within"]
    assert [each["name"] for each in marked["attachments"]] == ["first", "last", "stdout"]
    assert (labels(marked)["owner"], labels(marked)["suite"]) == ("somebody", "of its own")


def test_outcomes_are_told_apart(results):
    """A check that breaks at its end is broken, one that is expected to fail is skipped."""
    broken, expected = results["test_breaks_at_its_end"], results["test_expected"]

    assert broken["status"] == "broken"
    assert "over" in broken["statusDetails"]["message"]
    assert expected["status"] == "skipped"
    assert expected["statusDetails"]["message"].startswith("XFAIL not yet\n\n")
    assert results["test_marked"]["start"] <= results["test_marked"]["stop"]


def test_an_interrupted_check_is_filed(results):
    """What was running at Ctrl-C has a result, with all that files it."""
    stopped = results["test_stopped"]

    assert stopped["status"] == "passed"
    assert labels(stopped)["story"] == "T-must"
    assert stopped["historyId"]
