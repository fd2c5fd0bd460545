"""The statement: rendered from conformance.json alone, safe whatever a server says."""

import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from reports import allure_report, statement
from reports.judging import declarations
from reports.render import badge, markdown, page
from reports.render.exchange_html import BUDGET
from reports.verdicts import count

EVIL = "<script>alert(1)</script> | **x** [y](http://z)"


@pytest.fixture
def data():
    """Return a result with a finding that quotes a hostile server."""
    common = {"level": "MUST", "area": "token", "source": "RFC 1", "url": "https://e.org/?a&b"}
    check = {"id": "c::d", "verdict": "fail", "ms": 1, "expected": "x", "received": [EVIL]}
    deviation = {"requirement": "K", "reason": "Otherwise.", "link": "https://e.org/1"}
    return {
        "schema_version": 1, "suite_version": "1", "started": "2026-01-01T00:00:00+00:00",
        "result": "not conformant", "exit_code": 1, "level": "MUST",
        "run": {"wall_seconds": 1, "requests": 2, "waiting_seconds": 0, "workers": 1,
                "partial": False, "partial_reason": None},
        "target": {"name": "t", "kind": "url", "url": "http://t", "site": "default",
                   "version": "7", "declared_version": "8", "features": ["rest"],
                   "not_declared": {}},
        "deviations": {"files": ["f.toml"], "shipped": True, "stale": []},
        "counts": {"requirements": count(["fail", "known"]), "checks": count(["fail"])},
        "scopes": [{"scope": EVIL, "advertised": True, "registrable": None, "granted": None,
                    "enforced": False}],
        "requirements": [
            {"id": "K", "text": "So.", "verdict": "known", "checks": [], "deviation": deviation,
             **common},
            {"id": "F", "text": "So.", "verdict": "fail",
             "checks": [{**check, "message": EVIL, "exchanges": [{"method": "GET", "url": EVIL,
                         "status": 200, "request": "", "response": EVIL}]}], **common},
        ],
    }  # fmt: skip


def test_the_first_line_is_the_result(data):
    """A reader learns the result before anything else."""
    assert markdown.render(data).splitlines()[0] == "# not conformant"
    assert '<header class="not-conformant"><h1>not conformant</h1>' in page.render(data)


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
    assert "<script>alert" not in shown + (text + alone).replace("\\<", "")


def test_findings_come_before_deviations_and_tables(data):
    """The gravest is first, and deviations show their links."""
    for text in (markdown.render(data), page.render(data)):
        places = [text.index(each) for each in ("Not fulfilled", "Known deviations", "RFC 1</a>")
                  if each in text]  # fmt: skip
        assert places[0] < places[1]
        assert "https://e.org/1" in text


def test_every_deviation_of_a_requirement_is_shown(data):
    """Several deviations are told with their links, those of an unfulfilled requirement as well."""
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
        assert "known besides" in rendered
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


def test_a_servers_words_do_not_become_markup(data):
    """Neither script nor Markdown from an answer is let through."""
    shown, text = page.render(data), markdown.render(data)

    assert "<script>alert" not in shown + text.replace("\\<", "")
    assert "script-src 'sha256-" in shown
    assert "**x**" not in text


def test_the_page_is_whole(data):
    """Every element that is opened is closed, and nothing is fetched."""
    open_elements, fetched = [], []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            fetched.extend(name for name, _ in attrs if name == "src")
            if tag not in {"meta", "input", "br"}:
                open_elements.append(tag)

        def handle_endtag(self, tag):
            assert open_elements.pop() == tag

    Parser().feed(page.render(data))

    assert (open_elements, fetched) == ([], [])


def test_the_module_renders_a_file(tmp_path, data):
    """The command writes both renderings beside the file, and refuses what is no result."""
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(data), "utf-8")

    assert statement.main([str(path)]) == 0
    assert (tmp_path / "statement.md").read_text("utf-8") == markdown.render(data)
    path.write_text("{}", "utf-8")
    assert statement.main([str(path)]) == 2


def test_what_findings_share_is_shown_once(data):
    """An exchange that led to several findings stands on the page once, and is linked then."""
    finding = data["requirements"][1]
    data["requirements"].append({**finding, "id": "G"})

    shown = page.render(data)

    assert shown.count('id="x1"') == 1
    assert 'href="#x1"' in shown
    assert "shown before" in shown


def test_the_page_stays_small(data):
    """However much servers say, a page opens at once; the rest is in conformance.json."""
    check = data["requirements"][1]["checks"][0]
    check["exchanges"] = [
        {"method": "GET", "url": f"http://t/{n}", "status": 200, "request": "Accept: x",
         "response": f"content-type: text/plain\nx-same: 1\ndate: {n}\n\n" + f'{n}<&"' * 2000}
        for n in range(12)
    ]  # fmt: skip
    data["requirements"][1]["checks"] = [{**check, "id": f"c::{n}"} for n in range(12)]
    data["requirements"] += [
        {**data["requirements"][1], "id": f"F{n}",
         "checks": [{**check, "exchanges": [{**each, "url": f"{each['url']}/{n}"}
                     for each in check["exchanges"]]}]}
        for n in range(300)
    ]  # fmt: skip

    shown = page.render(data)

    assert len(shown) < BUDGET + 900_000
    assert "in conformance.json" in shown
    assert "Headers that most answers carry" in shown
    assert len(markdown.summary(data).encode()) < markdown.LONGEST_SUMMARY + 1000


def test_the_badge_says_the_result(data):
    """Shields and the picture say what the statement says; another server's name is escaped."""
    data["target"]["version"] = "7<&"

    said = badge.as_json(data)

    assert said["message"] == "7<& not conformant: 1 of 2"
    assert said["schemaVersion"] == 1
    ET.fromstring(badge.as_svg(data))  # noqa: S314 - our own picture


def test_areas_are_counted(data):
    """Both renderings have a row for each area with its verdicts."""
    assert "| token | 1 | 1 |" in markdown.render(data)
    assert '<tr><td><a href="#area-token">token</a></td>' in page.render(data)


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
    """Of each scope is said what was learnt, folded away on the page."""
    shown, text = page.render(data), markdown.render(data)

    assert "<summary>1 scopes: 1 advertised, 0 registrable, 0 granted" in shown
    assert "| scope | advertised | registrable | granted | enforced |" in text
    assert "## Scopes" not in markdown.render({**data, "scopes": []})
