"""Whole runs of a small project: verdicts, files, exit codes, and what no file may contain."""

import json
import xml.etree.ElementTree as ET

import pytest

from reports.comparing import gate
from tests.reports.checks import DEVIATION, GOOD, INTERRUPTED, MIXED
from tests.reports.project import Project

SECRET = "s3cr3t-t0ken-of-the-test"


@pytest.fixture
def project(tmp_path):
    """Lay out an empty project."""
    return Project(tmp_path)


def exchanges(project):
    """Return the exchanges of the first check of the last run."""
    return project.data()["requirements"][0]["checks"][0]["exchanges"]


@pytest.fixture(scope="module", params=["-n2", "-pno:xdist"])
def mixed(request, tmp_path_factory):
    """Judge with a verdict of every sort, in one process and in several."""
    project = Project(tmp_path_factory.mktemp("mixed"))
    project.check(MIXED)
    project.output = project.run(request.param)
    return project


def test_verdicts_are_folded_over_checks(mixed):
    """A requirement has the gravest verdict of its checks."""
    expected = {"T-must": "fail", "T-should": "warn", "T-rest": "blocked", "T-portal": "n/a"}

    assert expected == mixed.verdicts()
    assert mixed.output.returncode == 1
    assert mixed.data()["result"] == "not conformant"
    assert mixed.data()["counts"]["checks"]["pass"] == 1


def test_a_miss_is_told_in_parts(mixed):
    """conformance.json says what was expected and received, and the exchanges."""
    check = mixed.data()["requirements"][0]["checks"][0]

    assert check["expected"] == "x to be 1"
    assert check["received"] == ["x is 2 <access_token>", "y"]
    assert check["reproduce"] == "curl -d token=<access_token>"
    assert check["judged"] == ["main-2"]
    assert [each["id"] for each in check["exchanges"]] == ["main-1", "main-2", "main-3"]
    assert check["exchanges"][1]["response"]["body"] == "the body"


def test_a_failure_is_told_before_any_traceback(mixed):
    """The terminal shows the finding in at most twelve lines, and no stack of the suite."""
    output = mixed.output.stdout

    assert (
        "T-must (MUST, high) The first thing is so.\n  source     RFC 1 section 2  https" in output
    )
    assert "  reproduce  curl -d token=<access_token>\n  hint       look at x\n" in output
    assert "def test_first" not in output
    assert output.splitlines()[-1] == "judged stand-in at http://emr.test, OpenEMR 9.0.0"


def test_no_secret_leaves_the_process(mixed):
    """Neither the terminal nor any file holds a secret."""
    assert SECRET not in mixed.output.stdout + mixed.output.stderr + mixed.everything()


def test_junit_carries_requirement_and_verdict(mixed):
    """Every test case of junit.xml names its requirement, level and verdict."""
    cases = ET.parse(mixed.results / "junit.xml").iter("testcase")  # noqa: S314 - our own file
    properties = [{p.get("name"): p.get("value") for p in case.iter("property")} for case in cases]

    assert sorted(p["verdict"] for p in properties) == ["blocked", "fail", "n/a", "pass", "warn"]
    assert {p["requirement"] for p in properties} == set(mixed.verdicts())
    assert all(
        set(p) == {"requirement", "level", "severity", "area", "verdict"} for p in properties
    )


def test_the_judged_exchange_comes_first(mixed):
    """Files of JUnit and Allure show the exchange that was judged before the others."""
    cases = ET.parse(mixed.results / "junit.xml").iter("testcase")  # noqa: S314 - our own file
    junit = next(case.findtext("system-out") for case in cases if case.get("name") == "test_first")
    attached = next((mixed.results / "allure").glob("*-attachment.txt")).read_text("utf-8")

    for text in (junit, attached):
        assert text.startswith("judged: GET /x -> 200 text/html\n> GET http://emr.test/x\n")
        assert "< Content-Type: text/html\n\nthe body" in text
        assert text.endswith("GET /before -> 200 text/html\nGET /after -> 200 text/html")


def test_junit_elsewhere_is_completed_too(project):
    """--junitxml and --junit-prefix are pytest's, and a property of the check stays."""
    project.check("""
@requirement("T-must")
def test_first(request):
    request.node.user_properties.append(("own", "kept"))
    assert False
""")

    project.run("--junitxml=own.xml", "--junit-prefix=x")

    case = ET.parse(project.folder / "own.xml").find(".//testcase")  # noqa: S314 - our own file
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert case.get("classname") == "x.conformance.oauth.test_things"
    assert properties["own"] == "kept"
    assert properties["verdict"] == "fail"
    assert case.findtext("system-out").startswith("judged: GET /x -> 200")
    assert not (project.results / "junit.xml").exists()


def test_allure_results_are_labelled(mixed):
    """Allure files a check by area, topic and requirement, and broken differs from failed."""
    found = [
        json.loads(path.read_text("utf-8"))
        for path in (mixed.results / "allure").glob("*-result.json")
    ]
    by_story = {
        label["value"]: each
        for each in found
        for label in each["labels"]
        if label["name"] == "story"
    }
    labels = {label["name"]: label["value"] for label in by_story["T-must"]["labels"]}

    assert (labels["epic"], labels["feature"], labels["severity"]) == (
        "token",
        "things",
        "normal",
    )
    assert by_story["T-must"]["links"][0]["url"] == "https://example.org/rfc1#2"
    assert by_story["T-must"]["status"] == "failed"
    assert by_story["T-rest"]["status"] == "broken"
    assert "version=9.0.0" in (mixed.results / "allure/environment.properties").read_text("utf-8")


def test_a_conforming_server_is_called_conformant(project):
    """A run of everything without findings is conformant, and the step summary says so."""
    project.check(GOOD)

    summary = project.folder / "summary.md"
    output = project.run(env={"GITHUB_STEP_SUMMARY": str(summary)}, facts={"kind": "embedded"})

    assert output.returncode == 0
    assert project.data()["result"] == "conformant"
    assert summary.read_text("utf-8").startswith("# conformant: every MUST")
    assert output.stdout.splitlines()[-1] == "judged the embedded server and nothing else"


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_selection_is_a_partial_run(project, workers):
    """A run of less than everything is never called conformant."""
    project.check(GOOD)

    output = project.run("-m", "must and token and rest", workers)

    assert output.returncode == 0
    assert project.data()["result"] == "partial run"
    assert project.verdicts()["T-rest"] == "pass"
    assert project.data()["run"]["partial_reason"] == "narrowed by -m; 4 checks deselected"


def test_a_check_that_skips_itself_makes_the_run_partial(project):
    """Only the target's word makes a requirement not applicable."""
    project.check('@requirement("T-must")\ndef test_x():\n    pytest.skip("not today")\n')

    project.run()

    assert project.verdicts()["T-must"] == "untested"
    assert project.data()["result"] == "partial run"


def test_a_target_that_is_only_read_is_not_written_to(project):
    """Checks that write are not applicable to a read-only target."""
    project.check(GOOD)

    project.run(facts={"read_only": True})

    assert project.verdicts()["T-rest"] == "n/a"


def test_a_known_deviation_is_allowed(project):
    """A check with a deviation may fail: the server does not conform, and nothing is new."""
    project.check(MIXED.partition('@requirement("T-should")')[0])
    project.write("known.toml", DEVIATION)

    output = project.run("--deviations", "known.toml")

    assert output.returncode == 0
    assert project.data()["result"] == "not conformant"
    assert project.data()["gate"] == {"name": "new", "passed": True, "reasons": []}
    assert project.run("--deviations", "known.toml", "--gate=all").returncode == 1
    assert project.data()["requirements"][0]["deviation"]["link"] == "https://example.org/issues/1"


def test_every_known_deviation_is_told(project):
    """Where several entries waive a requirement, each check shows its own."""
    project.check(
        '@requirement("T-must")\n@pytest.mark.parametrize("n", [1, 2, 3])\n'
        'def test_first(n):\n    """The first thing is so."""\n    assert n == 0\n'
    )
    second = DEVIATION.replace("issues/1", "issues/2")
    project.write("known.toml", DEVIATION + "params = '[13]'\n" + second + "params = '2'\n")

    project.run("--deviations", "known.toml")

    requirement = project.data()["requirements"][0]
    assert [each["link"][-1] for each in requirement["deviations"]] == ["1", "2"]
    assert [each["deviation"] for each in requirement["checks"]] == [0, 1, 0]
    assert "issues/2" in (project.folder / "results/statement.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ([], 2),
        (["--requirement=T-must"], 1),
        (["-k", "first"], 1),
        (["-n1", "--requirement=T-must"], 1),
        # The check may be in a file that is not collected.
        (["conformance/oauth"], 0),
        (["--ignore=conformance/other"], 0),
    ],
)
def test_an_entry_of_an_unknown_check_is_stale(project, arguments, number):
    """The names of checks are known at collection: a narrowed run looks at what it judges."""
    project.check(GOOD)
    unknown = DEVIATION + "check = 'test_nothing_such'\n"
    project.write("known.toml", unknown + unknown.replace("T-must", "T-rest"))

    output = project.run("--deviations=known.toml", *arguments)

    stale = [each["why"] for each in project.data()["deviations"]["stale"]]
    assert stale == ["no check belongs to it"] * number
    assert output.returncode == bool(number)


def test_a_stale_deviation_fails_the_run(project):
    """A deviation that is fulfilled, expired, or without a check, fails the run."""
    project.check(GOOD)
    project.write(
        "known.toml",
        DEVIATION
        + "check = 'test_f*'\nparams = '2'\n"
        + DEVIATION
        + "check = 'test_other'\n"
        + DEVIATION.replace("T-must", "T-rest")
        + "expires = 2020-01-01\n",
    )

    output = project.run(env={"OPENEMR_CONFORMANCE_DEVIATIONS": "known.toml"})

    stale = [each["why"] for each in project.data()["deviations"]["stale"]]
    assert output.returncode == 1
    assert project.verdicts()["T-must"] == "pass"
    assert stale == [
        "fulfilled now by a check that it waives",
        "no check belongs to it",
        "expired on 2020-01-01",
    ]
    assert "delete the entry" in output.stdout
    assert "the server fulfils this requirement now" in project.everything()
    suite = ET.parse(project.results / "junit.xml").find("testsuite")  # noqa: S314 - our own file
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == [
        f"known.toml: deviation {n}" for n in ("1 (T-must)", "2 (T-must)", "3 (T-rest)")
    ]
    assert (suite.get("tests"), suite.get("failures")) == ("8", "3")


def test_an_interrupted_run_calls_no_deviation_stale(project):
    """Workers report at their end which deviations have a check: without them nothing is known."""
    project.check(INTERRUPTED)
    project.write("known.toml", DEVIATION + "check = 'test_f*'\n")

    output = project.run("-n1", "--deviations", "known.toml")

    assert output.returncode == 2
    assert "interrupted" in project.data()["run"]["partial_reason"]
    assert project.data()["deviations"]["stale"] == []


def test_a_run_is_held_against_a_baseline(project):
    """A baseline is read before the results, which it may be part of, are removed."""
    project.check(GOOD)
    project.run()
    project.check(MIXED)

    output = project.run("--baseline=results")

    assert "baseline: 1 requirement regressed, 0 fixed" in output.stdout
    assert "regressed T-rest" in output.stdout
    assert output.returncode == 1


def test_a_baseline_that_is_no_run_is_a_usage_error(tmp_path):
    """Nothing is judged if it could not be compared in the end."""
    with pytest.raises(pytest.UsageError, match="there is no such file"):
        gate.read("7.0.0-none", tmp_path)


def test_shipped_deviations_are_chosen_by_version(project):
    """The files that name the target's version apply, unless `none` is asked for."""
    project.check(MIXED.partition('@requirement("T-should")')[0])
    project.write("fixtures/target/deviations/openemr-9.toml", 'versions = ["9.0*"]\n' + DEVIATION)

    shipped = project.run()
    without = project.run("--deviations", "none")

    assert "deviations: openemr-9.toml" in shipped.stdout
    assert (shipped.returncode, without.returncode) == (0, 1)


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_a_wrong_mark_is_a_usage_error(project, workers):
    """A check that names no requirement, two, or an unknown one, stops the run."""
    project.check(
        '@requirement("T-mist")\ndef test_unknown(): pass\n'
        "def test_none(): pass\n"
        '@requirement("T-must")\n@requirement("T-rest")\ndef test_two(): pass\n'
    )

    output = project.run(workers)

    assert output.returncode == 4
    assert "did you mean 'T-must'?" in output.stderr
    assert "test_none: a check carries exactly one @requirement(id)" in output.stderr
    assert "test_two: a check carries exactly one @requirement(id)" in output.stderr
    assert not (project.results / "conformance.json").exists()


def test_wrong_options_are_usage_errors(project):
    """A wrong deviation, level or folder is an error of one sentence, and nothing is judged."""
    project.check(GOOD)
    project.write("known.toml", DEVIATION.replace("T-must", "T-mast"))

    deviation = project.run("--deviations", "known.toml")
    level = project.run(env={"OPENEMR_CONFORMANCE_LEVEL": "SHALL"})
    folder = project.run("--results", "known.toml")

    assert (deviation.returncode, level.returncode, folder.returncode) == (4, 4, 4)
    assert "known.toml cannot be made (File exists): name a folder" in folder.stderr
    assert "known.toml, line 2: deviation 1 (T-mast): there is no such" in deviation.stderr
    assert "OPENEMR_CONFORMANCE_LEVEL is 'SHALL'; give MUST, SHOULD, MAY" in level.stderr


def test_self_tests_are_left_alone(project):
    """A session without checks has pytest's own exit code and writes no results."""
    project.write("tests/test_own.py", "def test_own():\n    assert 1 == 2\n")

    output = project.run("tests")

    assert output.returncode == 1
    assert "assert 1 == 2" in output.stdout
    assert not project.results.exists()


def test_level_moves_the_gate(project):
    """With --level SHOULD a SHOULD that is not met fails the run."""
    project.check('@requirement("T-should")\ndef test_second():\n    assert False\n')

    assert project.run().returncode == 0
    assert project.run("--level", "should").returncode == 1
    assert project.verdicts()["T-should"] == "fail"


def test_bodies_stay_out_if_asked(project):
    """With --bodies none neither body nor exchange text leaves the run."""
    project.check(MIXED)

    output = project.run("--bodies", "none")

    assert "- exchanges -" not in output.stdout
    assert "the body" not in output.stdout + project.everything()
    assert [each["id"] for each in exchanges(project)] == ["main-1", "main-2", "main-3"]


def test_deviation_that_shows_sometimes_is_not_strict(project):
    """A deviation by data or settings of an installation may not show on another one."""
    project.check(GOOD)
    project.write("known.toml", DEVIATION + "sometimes = true\n")
    finished = project.run("--deviations", "known.toml")

    assert finished.returncode == 0, finished.stdout
    assert project.data()["deviations"]["stale"] == []


def test_a_worker_keeps_no_reports_of_earlier_checks(project):
    """A worker hands its reports over: it has no terminal reporter, which would keep them all."""
    project.check(
        '@requirement("T-must")\ndef test_first():\n    assert False\n'
        '@requirement("T-rest")\ndef test_second(request):\n'
        "    plugins = request.config.pluginmanager\n"
        "    assert plugins.get_plugin('terminalreporter') is None\n"
    )

    project.run("-n1")

    assert project.verdicts() | {"T-must": "fail", "T-rest": "pass"} == project.verdicts()
