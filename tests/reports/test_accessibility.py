"""Pages as people use them: with axe-core in Chromium, by keyboard, and with the mouse."""

import pytest

from reports.comparing.verdict_changes import compare
from reports.judging import causes, outcome
from reports.render import comparison, page
from reports.verdicts import count
from tests.reports import browser
from tests.reports.statement_data import exchange, failed, missed, result, with_text
from tests.reports.test_compare import answer, run


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The source of axe-core."""
    browser.find()
    return browser.fetch_axe(tmp_path_factory.mktemp("axe"))


def statement():
    """Return a page with everything that a statement can show."""
    data = result()
    long = missed("c::e", exchange("main-3", url="http://t/" + "a" * 300), judged=["main-3"])
    data["requirements"] += [
        {**failed("G", long), "severity": "critical", "harm": "A login can be hijacked."},
        {**failed("N"), "verdict": "n/a", "reason": "not declared", "severity": "low"},
        {**failed("P"), "verdict": "pass", "severity": "medium"},
    ]
    data["counts"] |= {
        "requirements": count(each["verdict"] for each in data["requirements"]),
    }
    stale = {"requirement": "P", "reason": "So.", "link": "https://e.org", "where": "f.toml: 1"}
    data["deviations"] |= {"stale": [{**stale, "why": "mended"}], "mended": [stale]}
    wrong = {"requirement": "F", "what": "x", "received": "y", "side": "app", "change": "less"}
    data["app"] = {"name": "Mine", "verdict": "works except", "counts": count(["fail"]), "made": 1,
                   "exceptions": [wrong], "not_judged": ["the rest"]}  # fmt: skip
    causes.explain(data["requirements"], {"G": ["F"]})
    return page.render(with_text(outcome.settle(data, status=0), "a word"))


def compared():
    """Return the page of a comparison."""
    old = run(("r", {"a": "pass"}), answers=[answer("GET /x", 200, "a")])
    new = run(("r", {"a": "fail"}), ("n", {"a": "pass"}), answers=[answer("GET /x", 500, "a")])
    return comparison.as_html(compare(old, new))


PAGES = {"statement": statement, "comparison": compared}


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("options", [[], [browser.DARK]], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(axe, tmp_path, name, options, width):
    """No page violates WCAG 2.2 AA, light or dark, wide or narrow."""
    assert browser.violations(PAGES[name](), axe, tmp_path, *options, width=width) == []


def test_no_page_is_wider_than_the_window(tmp_path):
    """Long addresses wrap, on a phone too."""
    script = """
        for (const each of document.querySelectorAll("details")) each.open = true;
        return document.documentElement.scrollWidth - document.documentElement.clientWidth;
    """

    for make in PAGES.values():
        assert browser.evaluate(make(), script, tmp_path, width=500) <= 0


def test_every_command_has_a_button_that_copies_it(tmp_path):
    """The button copies the curl line of its finding and says so."""
    script = """
        let written = "";
        const clipboard = { writeText: async (text) => { written = text; } };
        Object.defineProperty(navigator, "clipboard", { value: clipboard });
        const buttons = [...document.querySelectorAll("button.copy")];
        buttons[0].click();
        await new Promise((resolve) => setTimeout(resolve, 50));
        return [buttons.length, document.querySelectorAll("code.command").length, written,
                buttons[0].textContent];
    """

    buttons, commands, written, said = browser.evaluate(statement(), script, tmp_path)

    assert buttons == commands > 0
    assert (written, said) == ("curl a word", "copied")


def test_single_keys_can_be_switched_off(tmp_path):
    """WCAG 2.1.4: a switch for them, which is remembered, and which Escape leaves as it is."""
    script = """
        const press = (key) => dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const at = () => document.activeElement.id;
        const box = document.getElementById("shortcuts");
        press("j");
        const first = at();
        box.click();
        document.activeElement.blur();
        press("j");
        document.getElementById("filter").reset();
        return [first, at(), box.checked, localStorage.getItem("shortcuts")];
    """

    on, off, checked, kept = browser.evaluate(statement(), script, tmp_path)

    assert (on, off, checked, kept) == ("G", "", False, "off")


def test_a_consequence_is_found_inside_of_its_cause(tmp_path):
    """A search for the words of a consequence shows the cause that it stands in, and no other."""
    script = """
        const words = document.getElementById("words");
        words.value = "c::d";
        document.getElementById("filter").dispatchEvent(new Event("input"));
        const articles = [...document.querySelectorAll("article[data-v]")];
        return articles.filter((each) => !each.hidden).map((each) => each.id);
    """

    assert browser.evaluate(statement(), script, tmp_path) == ["G", "F"]


def test_axe_finds_what_is_wrong(axe, tmp_path):
    """The test above can fail: by an empty header, a small target, or a faint text."""
    bad = (
        '<table><tr><th></th><td>x</td></tr></table><p style="color:#ccc">faint</p>'
        '<button style="width:9px;height:9px;padding:0" aria-label="a"></button>'
        '<button style="width:9px;height:9px;padding:0" aria-label="b"></button>'
    )
    text = statement().replace("</main>", f"{bad}</main>")

    found = {rule for rule, _ in browser.violations(text, axe, tmp_path)}

    assert {"empty-table-header", "color-contrast", "target-size"} <= found
