"""The table of releases: several runs, counted by area, MUST apart from the rest."""

import json

import pytest

from reports import releases


def requirement(area, level, verdict, message=""):
    """Return a requirement as conformance.json has it, without what the table does not read."""
    checks = [{"verdict": verdict, "message": message}] if message else []
    return {"id": "X", "area": area, "level": level, "verdict": verdict, "checks": checks}


def result(version, *requirements, partial=None):
    """Return a result of a run with these requirements."""
    return {
        "suite_version": "1",
        "exit_code": 0,
        "level": "MUST",
        "deviations": {"stale": []},
        "started": "2026-01-02T00:00:00+00:00",
        "run": {"partial": partial is not None, "partial_reason": partial},
        "target": {
            "name": "t",
            "kind": "url",
            "url": "http://t",
            "version": version,
            "declared_version": None,
        },
        "requirements": list(requirements),
    }


@pytest.fixture
def written(tmp_path):
    """Write results where runs would, each into a folder of its own."""

    def write(name, data):
        path = tmp_path / name / "conformance.json"
        path.parent.mkdir()
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return write


OLD = result(
    "7.0.3",
    requirement("portal", "MUST", "known"),
    requirement("token", "MUST", "fail"),
    requirement("token", "MUST", "known"),
    requirement("token", "SHOULD", "warn"),
    requirement("token", "MAY", "known"),
    requirement("token", "PRACTICE", "fail"),
    requirement("token", "MUST", "pass"),
    requirement("token", "MUST", "known", "could not be judged: no record"),
)
NEW = result("8.1", requirement("portal", "MUST", "n/a"), requirement("token", "MUST", "pass"))


def test_requirements_not_fulfilled_are_counted_by_area_and_release(written, capsys):
    """MUST and practice stand apart; what is blocked is named, what does not apply is no zero."""
    old, new = written("old", OLD), written("new", NEW)

    code = releases.main([f"{old}=tag v7_0_3_3", str(new.parent)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[2:] == [
        "| area | requirements | 7.0.3 | 8.1 |",
        "| --- | --- | --- | --- |",
        "| run on |  | tag v7_0_3_3 | t (url) |",
        "| date |  | 2026-01-02 | 2026-01-02 |",
        "| token | 1 or 7 | 2 / 2 / 1 (1 blocked) | 0 / 0 / 0 |",
        "| portal | 1 | 1 / 0 / 0 | n/a |",
        "| **all** | **2 or 8** | **3 / 2 / 1 (1 blocked)** | **0 / 0 / 0** |",
    ]


def test_a_partial_run_says_so(written, capsys):
    """Counts of less than everything are not mistaken for those of a release."""
    part = result("8.1", requirement("token", "MUST", "untested"), partial="narrowed by -k")
    path = written("part", part)

    assert releases.main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "| t (url), partial: narrowed by -k |" in printed
    assert "| token | 1 | untested |" in printed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not readable as conformance.json"),
        ("[]", "is no conformance.json"),
        ('{"a": 1}', "is no conformance.json"),
    ],
    ids=["broken", "list", "foreign"],
)
def test_what_is_no_result_is_refused(written, capsys, content, words):
    """One sentence names the file and what to do, and nothing is printed as a table."""
    path = written("bad", content)

    assert releases.main([str(path)]) == 4
    out, err = capsys.readouterr()
    assert (out, words in err, str(path) in err) == ("", True, True)


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    """A misspelt path ends in a sentence and not in a traceback."""
    assert releases.main([str(tmp_path / "none.json")]) == 4
    assert "there is no such file" in capsys.readouterr().err
