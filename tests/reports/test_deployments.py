"""The page of many deployments: one row for each, the gravest first, linked to its statement."""

import json
import time

import pytest

from reports import releases
from reports.judging import outcome
from tests.reports import browser
from tests.reports.markup import Elements
from tests.reports.test_compare import run

HARM = "A login can be hijacked."


def deployed(name, *, verdict="pass", started="2026-01-02T03:04:05+00:00", critical=False):
    """Return a run of a deployment with one requirement."""
    data = run(("r", {"a": verdict}))
    data["requirements"][0] |= {"verdict": verdict}
    if critical:
        data["requirements"][0] |= {"severity": "critical", "harm": HARM}
    data["target"] |= {"name": name, "url": f"https://{name}.example.org"}
    return outcome.settle({**data, "started": started}, status=0)


@pytest.fixture
def results(tmp_path):
    """Write results where runs would, each into a folder of its own; return the folders."""

    def write(**runs):
        folders = []
        for name, data in runs.items():
            folder = tmp_path / "results" / name
            folder.mkdir(parents=True)
            (folder / "conformance.json").write_text(json.dumps(data), "utf-8")
            (folder / "statement.html").write_text("x", "utf-8")
            folders.append(str(folder))
        return folders

    return write


def rows(path):
    """Return the rows of the page as text without its markup, spaces folded."""
    body = path.read_text("utf-8").partition("<tbody>")[2].partition("</tbody>")[0]
    text = [row.partition("</tr>")[0] for row in body.split("<tr>")[1:]]
    return [" ".join("".join(part.partition(">")[2] for part in each.split("<")).split())
            for each in text]  # fmt: skip


def test_the_gravest_deployment_comes_first(tmp_path, results, capsys):
    """A gate that did not pass comes before declared misses, and these before none."""
    folders = results(
        good=deployed("good"), known=deployed("known", verdict="known", critical=True),
        bad=deployed("bad", verdict="fail"),
    )  # fmt: skip
    page = tmp_path / "fleet.html"

    assert releases.main(["--page", str(page), *folders, str(page)]) == 0

    text = page.read_text("utf-8")
    said = "3 deployments: 1 gate not passed, 1 with critical misses"
    assert capsys.readouterr().out == f"{said}\nwritten: {page}\n"
    assert f'<header class="fail"><h1>{said}</h1>' in text
    assert [row.partition("http")[0] for row in rows(page)] == ["bad", "known", "good"]
    assert '<a href="results/known/statement.html">known</a>' in text
    assert "gate passed: nothing is new; of the misses, 1 is declared" in rows(page)[1]
    assert HARM in rows(page)[1]
    Elements(text)


def test_runs_of_one_deployment_are_compared(tmp_path, results):
    """The newest is shown, with what is missed and mended since the one before."""
    folders = results(
        new=deployed("north", verdict="fail", started="2026-01-03T00:00:00+00:00"),
        old=deployed("north"),
        same=deployed("south"),
        again=deployed("south", started="2026-01-09T00:00:00+00:00"),
    )  # fmt: skip
    page = tmp_path / "fleet.html"

    releases.main(["--page", str(page), *folders])

    north, south = rows(page)
    assert "1 missed since 2026-01-02, 0 mended" in north
    assert "missed sincer" in north
    assert "nothing since 2026-01-02" in south
    assert 'href="results/again/statement.html"' in page.read_text("utf-8")


def test_a_baseline_says_what_changed(tmp_path, results):
    """A deployment of which only one run is named shows the comparison of that run."""
    data = deployed("north")
    data["baseline"] = {"result": "nothing regressed, 2 fixed", "regressed": []}
    page = tmp_path / "fleet.html"

    releases.main(["--page", str(page), *results(north=data)])

    assert "nothing regressed, 2 fixed" in rows(page)[0]


def test_what_has_no_result_is_on_the_page(tmp_path, results, capsys):
    """A deployment that could not be judged is not forgotten, and the others are shown."""
    folders = results(north=deployed("north"), broken={"requirements": 1})
    (tmp_path / "empty").mkdir()
    page = tmp_path / "fleet.html"

    assert releases.main(["--page", str(page), *folders, str(tmp_path / "empty")]) == 4

    text = page.read_text("utf-8")
    assert "Without a result (2)" in text
    assert len(rows(page)) == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert releases.main(["--page", str(tmp_path / "no" / "x" / "y"), *folders[:1]]) == 0
    assert releases.main(["--page", str(tmp_path), *folders[:1]]) == 4


def test_fifty_deployments_take_less_than_five_seconds(tmp_path, results):
    """Results as large as those of whole runs; seconds of this process, not of a busy machine."""
    check = {"id": "c", "verdict": "fail", "ms": 1, "message": "x" * 3000}
    data = run(*((f"r{number}", {"a": "fail"}) for number in range(800)))
    for each in data["requirements"]:
        each["checks"] = [dict(check, id=f"c{place}") for place in range(4)]
    folders = results(**{f"d{n}": {**data, "target": {**data["target"], "name": f"d{n}"}}
                         for n in range(50)})  # fmt: skip

    began = time.process_time()
    assert releases.main(["--page", str(tmp_path / "fleet.html"), *folders]) == 0
    assert time.process_time() - began < 5


def test_axe_finds_nothing_on_the_page(tmp_path, results, tmp_path_factory):
    """The page of deployments is accessible too."""
    browser.find()
    axe = browser.fetch_axe(tmp_path_factory.mktemp("axe"))
    folders = results(bad=deployed("bad", verdict="fail", critical=True), good=deployed("good"))
    page = tmp_path / "fleet.html"
    releases.main(["--page", str(page), *folders, str(tmp_path / "none")])

    for options, width in (([], 1280), ([browser.DARK], 400)):
        found = browser.violations(page.read_text("utf-8"), axe, tmp_path, *options, width=width)
        assert found == []
