"""The statement: rendered from conformance.json alone, safe whatever a server says."""

import json
import xml.etree.ElementTree as ET

import pytest

from reports import allure_report, statement
from reports.comparing import baselines
from reports.judging import declarations
from reports.render import badge, markdown, page
from reports.verdicts import count
from tests.reports.statement_data import result, with_text

EVIL = "<script>alert(1)</script> | **x** [y](http://z)"


@pytest.fixture
def data():
    """Return a result with a finding that quotes a hostile server."""
    return with_text(result(), EVIL)


def test_the_first_line_is_the_result(data):
    """A reader learns the result before anything else."""
    said = "not conformant: 2 MUSTs are not fulfilled; no miss is critical"
    assert markdown.render(data).splitlines()[0].startswith(f"# {said}")
    assert markdown.render(data).splitlines()[0].endswith(" Gate not passed: 1 new")
    assert f'<header class="fail"><h1>{said}' in page.render(data)
    assert '<p class="gate">gate not passed: 1 new</p>' in page.render(data)


def test_an_apps_verdict_is_among_the_first_things(data):
    """Whether an app works, what not, and on which side to change it stand before the areas."""
    wrong = {"requirement": "F", "what": EVIL, "received": EVIL, "side": "app", "change": "less"}
    data["app"] = {"name": EVIL, "verdict": "works except", "counts": count(["fail"]), "made": 1,
                   "exceptions": [wrong], "not_judged": ["the rest"]}  # fmt: skip
    shown, text, alone = page.render(data), markdown.render(data), markdown.app_alone(data)

    assert shown.index("change in the app") < shown.index("Summary by area")
    assert text.index("| in the app | less |") < text.index("| area |")
    assert '<p class="app fail">The app <a href="#app">' in shown
    assert alone.count("not judged: the rest") == text.count("not judged: the rest") == 1


def test_findings_come_before_deviations_and_tables(data):
    """The gravest is first, and deviations show their links."""
    for text in (markdown.render(data), page.render(data)):
        headings = ("fail: not fulfilled", "known: not fulfilled", "Summary by area")
        places = [text.index(each) for each in headings]
        assert places == sorted(places)
        assert "https://e.org/1" in text


def test_every_deviation_of_a_requirement_is_shown(data):
    """Several deviations are shown with their links, also at an unfulfilled requirement."""
    known, failed = data["requirements"]
    second = {"requirement": "K", "reason": "Besides.", "link": "https://e.org/2"}
    for each in (known, failed):
        each["deviations"] = [data["requirements"][0]["deviation"], second]
    known["checks"] = [
        {"id": f"c::{place}", "verdict": "known", "ms": 0, "deviation": place // 2}
        for place in range(3)
    ]
    shown, text = page.render(data), markdown.render(data)

    for rendered in (shown, text):
        assert rendered.count("Besides.") == rendered.count("Otherwise.") == 2
        assert "also known" in rendered
    assert "(2 of the checks)" in shown
    assert "//e.org/2" in shown
    assert "//e.org/2" in text
    assert not {"Besides.", "Otherwise."} & {
        each["reason"] for each in declarations.entries(failed)
    }
    known["checks"].append({"id": "c::3", "verdict": "pass", "ms": 0})
    assert [each["reason"] for each in declarations.entries(known)] == ["Otherwise."] * 2 + [
        "Besides."
    ]


def test_the_module_renders_a_file(tmp_path, data):
    """The command writes both renderings beside the file, and refuses what is no result."""
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(data), "utf-8")

    assert statement.main([str(path)]) == 0
    assert (tmp_path / "statement.md").read_text("utf-8") == markdown.render(data)
    path.write_text("{}", "utf-8")
    assert statement.main([str(path)]) == 4


def test_the_badge_says_the_result(data):
    """Shields and the picture say what the statement says; another server's name is escaped."""
    data["target"]["version"] = "7<&"

    said = badge.as_json(data)

    assert said["message"] == "7<&: 2 MUSTs missed, gate not passed"
    assert said["schemaVersion"] == 1
    ET.fromstring(badge.as_svg(data))  # noqa: S314 - our own picture


def test_areas_are_counted(data):
    """Both renderings have a row for each area with its verdicts."""
    assert "| token | 1 | 1 |" in markdown.render(data)
    assert '<th scope="row"><a href="#area-token">token</a></th>' in page.render(data)


def test_the_tracking_script_goes_from_an_allure_report(tmp_path):
    """Allure's page keeps its own scripts and loses the tracker."""
    page = tmp_path / "index.html"
    page.write_text(
        '<script src="app.js"></script><script async src="https://www.googletagmanager.com/x">'
        "</script><script>gtag('js')</script><p>report</p>",
        "utf-8",
    )

    assert allure_report.strip_tracking(tmp_path) == 2
    assert page.read_text("utf-8") == '<script src="app.js"></script><p>report</p>'


def test_scopes_are_a_table(data):
    """Each scope has a row with the facts that are known of it, folded away on the page."""
    shown, text = page.render(data), markdown.render(data)

    assert "<summary>1 scopes: 1 advertised, 0 registrable, 0 granted" in shown
    assert "| scope | advertised | registrable | granted | enforced |" in text
    assert "## Scopes" not in markdown.render({**data, "scopes": []})


def test_the_first_screen_of_a_release_names_its_worst():
    """The run that is shipped of 7.0.3, whose gate passed with 253 declared misses."""
    data = baselines.load("7.0.3")

    head = page.render(data).partition("</header>")[0]

    assert "<h1>not conformant: 167 MUSTs are not fulfilled; 15 misses are critical" in head
    assert '<p class="gate">gate passed: nothing is new; of the misses, 253 are declared' in head
    assert '<header class="known">' in head
    assert "A login can be hijacked" in head
