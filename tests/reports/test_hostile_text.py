"""Text of a server in every form of a statement: it is shown, and never becomes markup."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.render import badge, files, markdown, page
from reports.render.escaping import code, link
from reports.render.escaping import markdown as escaped
from tests.reports.markup import Elements, skeleton
from tests.reports.statement_data import PLACE, result, with_text

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a|b | c",
    "`` ` ```",
    "`",
    "\\",
    "**x** _y_ ~~z~~ [t](http://z) ![i](http://z/i.png) <http://z>",
    "# heading",
    "one\ntwo\r\n\n- three\n| four |",
    "&lt;b&gt; &#60;",
    "\x00\x08\x1b[31mred\x7f\x85",
    "half \ud800 of a pair",
    "{{ 7 * 7 }} {% raw %}",
    "x" * 10_000,
    "|`<\n" * 2_500,
]


def everything():
    """Return a result in which a server's text is wherever one may be."""
    data = result()
    data["target"]["version"] = PLACE
    data["deviations"]["stale"] = [{"where": PLACE, "why": PLACE}]
    wrong = {"requirement": "F", "what": PLACE, "received": PLACE, "side": "app", "change": PLACE}
    data["app"] = {"name": PLACE, "verdict": "works except", "counts": {}, "made": 1,
                   "exceptions": [wrong], "not_judged": [PLACE]}  # fmt: skip
    data["requirements"][0]["deviation"] |= {"reason": PLACE, "link": f"https://e.org/{PLACE}"}
    failed = data["requirements"][1]
    failed["checks"].append({**failed["checks"][0], "id": "c::e"})
    failed["reason"] = PLACE
    data["requirements"].append({**failed, "id": "U", "verdict": "untested", "checks": []})
    return data


PLAIN = with_text(everything(), "word")
ELEMENTS = Elements(page.render(PLAIN)).found
SKELETONS = {form: skeleton(form(PLAIN)) for form in (markdown.render, markdown.app_alone)}


def check(text):
    """Compare all renderings with those of a harmless server."""
    data = with_text(everything(), text)
    shown = page.render(data)
    assert Elements(shown).found == ELEMENTS
    shown.encode()
    for form, expected in SKELETONS.items():
        shown = form(data)
        assert skeleton(shown) == expected
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", shown)
    ET.fromstring(badge.as_svg(data))  # noqa: S314 - our own picture


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_adds_no_markup(text):
    """Pages and Markdown have the elements that they have with a harmless text."""
    check(text)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_no_text_adds_markup(text):
    """Nor does any other text."""
    check(text)


def test_the_page_runs_only_its_own_script():
    """The policy names the digest of the script, and allows nothing to be loaded."""
    shown = page.render(PLAIN)

    assert "default-src 'none'" in shown
    assert "script-src 'sha256-" in shown
    assert shown.count("<script>") == 1
    assert not {"src", "onerror", "onclick"} & {name for each in ELEMENTS for name in each[1:]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<b> & &amp; x", r"\<b\> & \&amp; x"),
        ("snake_case _emphasis_", r"snake_case \_emphasis\_"),
        ("- x\n# y", r"\- x # y"),
        ("a\x1b", "a␛"),
    ],
)
def test_markdown_is_escaped_where_it_is_markup(text, shown):
    """Only what would be read as markup is escaped, so that the text is readable as it is."""
    assert str(escaped(text)) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a\n b", "`a b`"), ("", "")],
)
def test_code_is_fenced(text, shown):
    """The fence is longer than any backticks in the text."""
    assert str(code(text)) == shown


def test_only_links_to_the_web_are_links():
    """Another scheme is shown as text, and a URL cannot end its link."""
    assert str(link("x", "javascript:alert(1)")) == "x"
    assert str(link("x", "https://e.org/a) b|c")) == "[x](https://e.org/a%29%20b%7Cc)"
    page_with = with_text(result(), "x")
    page_with["requirements"][1]["url"] = "javascript:alert(1)"
    assert 'href="javascript:' not in page.render(page_with)


def test_files_hold_what_utf_8_cannot(tmp_path):
    """A lone surrogate in JSON is read back as it was sent."""
    data = with_text(result(), "half \ud800 of a pair")

    paths = files.write_all(tmp_path, data).paths

    assert json.loads((tmp_path / files.CONFORMANCE).read_text("utf-8")) == data
    assert all(path.read_text("utf-8") for path in paths)
