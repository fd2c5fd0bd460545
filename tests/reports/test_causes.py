"""Causes: which miss is shown with which, and what is wrong with the table."""

import pytest

from reports.judging import catalogue, causes, requirement_results
from reports.render import content, terminal
from tests.reports.project import Project
from tests.reports.statement_data import failed, missed, result


def explained(table, **verdicts):
    """Return which miss explains which, for requirements with these verdicts."""
    listed = [
        {"id": name, "verdict": verdict, "checks": [], "explained_by": "stale"}
        for name, verdict in verdicts.items()
    ]
    causes.explain(listed, table)
    return {each["id"]: each["explained_by"] for each in listed if "explained_by" in each}


def test_a_consequence_is_shown_with_its_cause_if_both_are_missed():
    """A cause that is fulfilled explains nothing."""
    table = {"a": ["b", "c"]}

    assert explained(table, a="fail", b="fail", c="pass") == {"b": "a"}
    assert explained(table, a="pass", b="fail", c="fail") == {}
    assert explained(table, a="blocked", b="blocked") == {}


def test_a_new_miss_is_never_shown_with_a_declared_one():
    """It would be overlooked there."""
    assert explained({"a": ["b"]}, a="known", b="fail") == {}


def test_the_first_cause_of_a_chain_explains_all():
    """But only as far as every link of it was missed."""
    table = {"b": ["c"], "a": ["b"]}

    assert explained(table, a="fail", b="fail", c="fail") == {"b": "a", "c": "a"}
    assert explained(table, a="fail", b="pass", c="fail") == {}


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({"a": ["x"]}, "cause a: there is no requirement 'x'"),
        ({"x": ["a"]}, "cause x: there is no requirement 'x'"),
        ({"a": ["b", "b"]}, "cause a: b is listed twice"),
        ({"a": ["a"]}, "cause a: its consequences lead back to it"),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, "cause b: its consequences lead back to it"),
        ({"c": ["grave"]}, "cause c: grave is more severe than its cause"),
    ],
    ids=["consequence", "cause", "twice", "itself", "ring", "severity"],
)
def test_what_is_wrong_with_the_table_is_named(table, error):
    """Ids exist, there is no ring, and no grave miss hides below a lesser one."""
    ranks = {"a": 1, "b": 1, "c": 1, "grave": 0}

    assert error in list(causes.errors(table, ranks))


def test_the_files_of_causes_and_harms_are_checked(tmp_path):
    """Every critical requirement has one harm, and errors name the file."""
    project = Project(tmp_path)
    text = (project.folder / "conformance/requirements/token.toml").read_text("utf-8")
    project.write("conformance/requirements/token.toml", text.replace('"high"', '"critical"', 1))
    project.write(
        "conformance/harms.toml", '[[harm]]\ntext = "So."\nrequirements = ["T-rest", "T-x"]\n'
    )
    project.write(
        "conformance/causes.toml",
        '[[cause]]\nrequirement = "T-must"\nconsequences = ["T-no"]\nreason = "So."\n',
    )

    with pytest.raises(catalogue.CatalogueError) as caught:
        catalogue.load(project.folder)

    lines = str(caught.value).splitlines()
    for entry in ("requirement 1 (T-must)", "requirement 3 (T-rest)"):
        where = f"conformance/requirements/token.toml: {entry}"
        assert f"{where}: harms.toml has each critical requirement, and no other" in lines
    assert "conformance/harms.toml: there is no requirement 'T-x'" in lines
    assert "conformance/causes.toml: cause T-must: there is no requirement 'T-no'" in lines


def test_consequences_follow_their_cause_in_statement_and_terminal():
    """They have no finding of their own, and are counted with the others."""
    data = result()
    data["requirements"] = [failed(name, missed(f"c::{name}")) for name in ("F", "G", "H")]
    causes.explain(data["requirements"], {"G": ["F"]})

    (section,) = content.sections(data, 8)
    lines = list(terminal.found(data))

    assert [each.requirement["id"] for each in section.findings] == ["G", "H"]
    assert [each.requirement["id"] for each in section.findings[0].consequences] == ["F"]
    assert "  explains   1 more miss: F" in lines
    assert not any(line.startswith("F (") for line in lines)


@pytest.mark.parametrize(
    ("answers", "severity"),
    [
        (["GET /x -> 500 text/html, empty", "GET /x -> 503"], "medium"),
        (["GET /x -> 500 text/html", "GET /x -> 200 text/html"], "critical"),
        (["GET /x -> 200 text/5500"], "critical"),
        ([""], "critical"),
    ],
)
def test_server_errors_alone_let_nobody_in(answers, severity):
    """A server error is no refusal, so the requirement is missed, but its harm does not follow."""
    found = {
        "id": "R", "verdict": "fail", "severity": "critical", "harm": "Somebody gets in.",
        "checks": [{"id": "c", "verdict": "fail", "in_answer": each} for each in answers],
    }  # fmt: skip

    requirement_results.lower(found)

    assert found["severity"] == severity
    assert ("harm" in found) is (severity == "critical")
