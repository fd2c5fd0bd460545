"""The statement: rendered from conformance.json alone, safe whatever a server says."""

import json
from html.parser import HTMLParser

import pytest

from reports import allure, statement
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
        "deviations": {"files": ["f.toml"], "stale": []},
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
    assert statement.as_markdown(data).splitlines()[0] == "# not conformant"
    assert '<h1 class="not-conformant">not conformant</h1>' in statement.as_html(data)


def test_findings_come_before_deviations_and_tables(data):
    """The gravest is first, and deviations show their links."""
    for text in (statement.as_markdown(data), statement.as_html(data)):
        places = [text.index(each) for each in ("Not fulfilled", "Known deviations", "RFC 1</a>")
                  if each in text]  # fmt: skip
        assert places[0] < places[1]
        assert "https://e.org/1" in text


def test_a_servers_words_do_not_become_markup(data):
    """Neither script nor Markdown from an answer is let through."""
    page, markdown = statement.as_html(data), statement.as_markdown(data)

    assert "<script" not in page + markdown.replace("\\<", "")
    assert "**x**" not in markdown


def test_the_page_is_whole(data):
    """Every element that is opened is closed, and nothing is fetched."""
    open_elements, fetched = [], []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            fetched.extend(name for name, _ in attrs if name == "src")
            if tag != "meta":
                open_elements.append(tag)

        def handle_endtag(self, tag):
            assert open_elements.pop() == tag

    Parser().feed(statement.as_html(data))

    assert (open_elements, fetched) == ([], [])


def test_the_module_renders_a_file(tmp_path, data):
    """The command writes both renderings beside the file, and refuses what is no result."""
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(data), "utf-8")

    assert statement.main([str(path)]) == 0
    assert (tmp_path / "statement.md").read_text("utf-8") == statement.as_markdown(data)
    path.write_text("{}", "utf-8")
    assert statement.main([str(path)]) == 2


def test_the_tracking_script_goes_from_an_allure_report(tmp_path):
    """Allure's page keeps its own scripts and loses the tracker."""
    page = tmp_path / "index.html"
    page.write_text(
        '<script src="app.js"></script><script async src="https://www.googletagmanager.com/x">'
        "</script><script>gtag('js')</script><p>report</p>",
        "utf-8",
    )

    assert allure.main([str(tmp_path)]) == 0
    assert page.read_text("utf-8") == '<script src="app.js"></script><p>report</p>'


def test_scopes_are_a_table(data):
    """Of each scope is said what was learnt, folded away on the page."""
    page, markdown = statement.as_html(data), statement.as_markdown(data)

    assert "<summary>1 scopes: 1 advertised, 0 registrable, 0 granted" in page
    assert "| scope | advertised | registrable | granted | enforced |" in markdown
    assert "## Scopes" not in statement.as_markdown({**data, "scopes": []})
