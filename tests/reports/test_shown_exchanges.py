"""The exchanges on a statement's page: the judged ones first and whole, each shown once."""

import pytest
from bs4 import BeautifulSoup

from reports.render import markdown, page
from reports.render.exchanges import BUDGET
from tests.reports.statement_data import exchange, failed, missed, result, with_text


def rendered(*requirements):
    """Return the page of a run in which these requirements are not fulfilled."""
    return BeautifulSoup(page.render(run(*requirements)), "html.parser")


def run(*requirements):
    """Return a run in which these requirements are not fulfilled."""
    return with_text({**result(), "requirements": list(requirements)}, "text")


def lines(found):
    """Return the lines of the exchanges below an element, in order."""
    return [
        each.get_text(" ", strip=True) for each in found.select(".exchange summary, p.exchange")
    ]


def test_the_judged_exchange_is_first_and_open():
    """The judged exchange is open and whole; the others are folded away, in order, and short."""
    body = "b" * 3000
    named = [exchange(f"gw0-{n}", url=f"http://t/{n}", body=body) for n in range(3)]
    found = rendered(failed("F", missed("c::d", *named, judged=["gw0-1"]))).find(id="F")

    assert lines(found) == [
        "judged POST /1 → 200 text/html 12.5 ms",
        "POST /0 → 200 text/html 12.5 ms",
        "POST /2 → 200 text/html 12.5 ms",
    ]
    first, *others = found.select("details.exchange")
    assert first.has_attr("open")
    assert "> Accept: x/y\n\na=b" in first.get_text()
    assert f"< X-Own: text\n\n{body}" in first.get_text()
    assert found.select_one("details.others > summary").string == "2 other exchanges of the check"
    assert not any(each.has_attr("open") for each in others)
    assert "X-Own" not in others[0].get_text()
    assert "(3000 characters)" in others[0].get_text()


def test_several_judged_exchanges_are_shown():
    """A check that judges several answers shows them all, in the order in which it names them."""
    named = [exchange("1", url="http://t/1"), exchange("2", url="http://t/2", status=None)]
    found = rendered(failed("F", missed("c::d", *named, judged=["2", "1"])))

    assert lines(found) == [
        "judged POST /2 → no answer 12.5 ms",
        "judged POST /1 → 200 text/html 12.5 ms",
    ]
    assert "* no answer within 30 s" in found.find(id="x-2").get_text()


def test_an_exchange_is_shown_once():
    """Elsewhere there is a link to it: to where it is judged, if it is."""
    shared, own = exchange("1", url="http://t/1"), exchange("2", url="http://t/2")
    found = rendered(
        failed("F", missed("c::d", shared, own, judged=["2"])),
        failed("G", missed("c::e", shared, own, judged=["1"])),
        failed("H", missed("c::f", shared, own, judged=["1"])),
    )

    assert lines(found.find(id="F")) == [
        "judged POST /2 → 200 text/html 12.5 ms",
        "POST /1 → 200 text/html shown at G",
    ]
    assert lines(found.find(id="G"))[0] == "judged POST /1 → 200 text/html 12.5 ms"
    assert lines(found.find(id="H")) == [
        "judged POST /1 → 200 text/html shown at G",
        "POST /2 → 200 text/html shown at F",
    ]
    assert len(found.select("details.exchange")) == 2
    targets = {each["href"] for each in found.select("p.exchange a")}
    assert targets == {"#x-1", "#x-2"}


@pytest.mark.parametrize("judged", [[], ["gone"]])
def test_without_a_judged_exchange_none_is_open(judged):
    """A blocked check judged nothing: its exchanges are only folded away."""
    found = rendered(failed("F", missed("c::d", exchange("1"), judged=judged)))

    assert not found.select("details.exchange[open]")
    assert found.select_one("details.others > summary").string == "1 exchange of the check"


def test_of_another_server_the_whole_url_is_shown():
    """A path alone stands for the target, and for no server whose name starts like its."""
    named = [exchange("1", url="http://t.example/1"), exchange("2", url="http://t/2")]
    found = rendered(failed("F", missed("c::d", *named, judged=["1", "2"])))

    assert "POST http://t.example/1 → 200" in lines(found)[0]
    assert "POST /2 → 200" in lines(found)[1]


def test_exchanges_of_older_files_are_not_shown():
    """A file of schema version 1 has them as text: it is rendered, and says where they are."""
    check = missed("c::d", {"method": "GET", "url": "/", "status": 200, "request": "A: b",
                            "response": "", "ms": 1})  # fmt: skip
    del check["judged"]
    data = run(failed("F", check))

    assert "in an older form" in page.render(data)
    assert "in an older form" in markdown.render(data)
    assert 'details class="exchange"' not in page.render(data)
    assert "in an older form" not in page.render(run(failed("F")))


@pytest.mark.parametrize("size", [1000, 10_000])
def test_the_page_stays_small(size):
    """However much a server sends, the page opens at once, and judged exchanges come first."""
    body = 'x<&"' * (size // 4)
    requirements = [
        failed(f"F{m}", *(
            missed(f"c::{n}", *(exchange(f"{m}-{k}", body=body, header="h" * 900)
                                for k in range(12)), judged=[f"{m}-{n % 2}"])
            for n in range(12)
        ))
        for m in range(60)
    ]  # fmt: skip
    data = run(*requirements)

    shown = page.render(data)

    without = page.render(run(*({**each, "checks": [
        {**check, "exchanges": [], "judged": []} for check in each["checks"]
    ]} for each in requirements)))  # fmt: skip
    assert len(shown) - len(without) < BUDGET * 1.1
    assert "in conformance.json" in shown
    assert shown.count("<b>judged</b>") == 60 * 12
    assert len(markdown.summary(data).encode()) < markdown.LONGEST_SUMMARY + 1000


def test_markdown_names_the_judged_exchange_and_the_curl_line():
    """A finding in Markdown has one line for each judged exchange, and the curl line."""
    text = markdown.render(run(failed("F", missed("c::d", exchange("gw1-7"), judged=["gw1-7"]))))

    assert "    - reproduce: `curl text`" in text
    assert "    - judged exchange: POST /x?q=text → 200 text/html (`gw1-7`, 12.5 ms)" in text
