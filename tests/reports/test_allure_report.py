"""Allure's report without Java: what is asked of npm, and that no page tracks anybody."""

import json
import re

import pytest

from reports import allure_report
from reports.render import allure

TRACKED = (
    '<script src="app.js"></script><script async src="https://www.googletagmanager.com/gtag/js">'
    "</script><script>gtag('js')</script>"
)


@pytest.fixture
def npx(tmp_path, monkeypatch):
    """Put a stand-in for npx into the path, which runs the given script."""

    def stand_in(script):
        program = tmp_path / "bin" / "npx"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    (tmp_path / "results/allure").mkdir(parents=True)
    (tmp_path / "results/allure/a-result.json").write_text("{}", "utf-8")
    monkeypatch.chdir(tmp_path)
    return stand_in


def test_the_report_is_written_without_tracker(npx, tmp_path, capsys):
    """Allure is asked for a tree by requirement; its tracker goes, its own script stays."""
    out = tmp_path / "results/allure-report"
    npx(f'cp "$5" "{tmp_path}/rc.json"; mkdir -p "{out}"; cat > "{out}/index.html" <<EOF\n'
        f"{TRACKED}\nEOF")  # fmt: skip

    assert allure_report.main([]) == 0
    assert "(2 tracking scripts taken out)" in capsys.readouterr().out
    assert (out / "index.html").read_text("utf-8") == '<script src="app.js"></script>\n'
    config = json.loads((tmp_path / "rc.json").read_text("utf-8"))
    assert config["plugins"]["awesome"]["options"]["groupBy"] == ["epic", "feature", "story"]
    assert config["historyPath"] == str(tmp_path / "results/allure-history.jsonl")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no network >&2; exit 1", "is the npm registry reachable?\nno network"),
        ("exit 0", "wrote no report"),
        ('mkdir -p "{out}"; echo "<a href=https://www.google-analytics.com>" > "{out}/index.html"',
         "a tracking script could not be taken out of index.html"),
    ],
)  # fmt: skip
def test_no_report_is_said(npx, tmp_path, capsys, script, said):
    """An error is one sentence, and no page with a tracker stays."""
    npx(script.format(out=tmp_path / "results/allure-report"))

    assert allure_report.main([]) == 4
    assert said in capsys.readouterr().err
    assert not (tmp_path / "results/allure-report/index.html").exists()


def test_what_is_missing_is_said(npx, tmp_path, monkeypatch, capsys):
    """Without Node or without results there is nothing to do, and it says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert allure_report.main([]) == 4
    assert "install Node.js" in capsys.readouterr().err
    assert allure_report.main([str(tmp_path / "nothing")]) == 4
    assert "run openemr-conformance first" in capsys.readouterr().err


def test_other_files_are_left_alone(npx, tmp_path, capsys):
    """A folder that holds something else than a report is not emptied for one."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/thesis.txt").write_text("mine")

    assert allure_report.main(["--output", str(tmp_path / "own")]) == 4
    assert "name another folder" in capsys.readouterr().err
    assert (tmp_path / "own/thesis.txt").exists()


def test_categories_are_told_apart():
    """The first category whose pattern fits is the one that was meant."""
    messages = {
        "XFAIL known deviation: It is so. https://e.org": "Known deviations",
        "XFAIL SHOULD not met\n\nAssertionError: x": "Warnings: a SHOULD or MAY not met",
        "Skipped: n/a: no portal": "Not applicable: not declared by the target",
        "AssertionError: T\n  source     x\n  stale      gone": "Stale deviations",
    }
    for message, name in messages.items():
        fitting = [
            each["name"]
            for each in allure.CATEGORIES
            if "messageRegex" in each and re.fullmatch(each["messageRegex"], message)
        ]
        assert fitting[:1] == [name]
    assert "(?" not in "".join(each.get("messageRegex", "") for each in allure.CATEGORIES)
