"""A run as a file of deviations: it waives what was missed, and nothing else."""

import json

import pytest

from reports import declare
from reports.judging import declarations, deviations
from tests.reports.test_compare import run

ODD = 'say "no" \\ to\nsquare[brackets] \x7f'


@pytest.mark.parametrize(
    "checks",
    [
        {"a": "fail", "b": "fail"},
        {"a": "fail", "b": "pass"},
        {"a-[x]*": "warn", "a-xy": "pass", "c": "known"},
        {"a": "fail", "b": "blocked", "c": "n/a"},
    ],
)
def test_exactly_the_missed_checks_are_waived(tmp_path, capsys, checks):
    """The file is read as it is written, whatever stands in messages and parameters."""
    data = run(("r", checks))
    for check in data["requirements"][0]["checks"]:
        check["message"] = ODD
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(data), "utf-8")

    assert declare.main([str(path)]) == 0
    file = tmp_path / "ours.toml"
    file.write_text(capsys.readouterr().out, "utf-8")
    known = deviations.choose([str(file)], version=None, known={"r"}, base=tmp_path)
    waived = {each for each in checks if known.find("r", "test_thing", each)}
    assert waived == {each for each, verdict in checks.items() if verdict in declarations.MISSED}


def test_nothing_to_declare_is_an_empty_file(tmp_path, capsys):
    """A conformant run has no deviations, and what is no run is refused."""
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(run(("r", {"a": "pass"}))), "utf-8")

    assert declare.main([str(path)]) == 0
    assert "[[deviation]]" not in capsys.readouterr().out
    assert declare.main([str(tmp_path / "none.json")]) == 4


def test_the_watch_is_declared_as_a_whole():
    """The routes at which an alarm is raised differ from run to run."""
    data = run(("w", {"x": "fail"}))["requirements"][0]
    data["checks"][0]["id"] = "conformance/watch/alarms.py::html"

    assert [list(entry) for entry in declarations.entries(data)] == [
        ["requirement", "reason", "link"]
    ]
