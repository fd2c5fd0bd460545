"""Exchanges of a check: which are judged, and how they are shown as text."""

from reports.judging import alarms, evidence
from reports.judging.catalogue import Requirement
from reports.judging.deviations import Deviations
from reports.render.junit import printable


def exchange(name, status=200, problem=None):
    """Return an exchange with a body each way."""
    headers = [["content-type", "text/html; charset=utf-8"]]
    headers += [["Set-Cookie", "a"], ["Set-Cookie", "b"]]
    response = None if problem else {"status": status, "headers": headers, "body": f"of {name}"}
    return {
        "id": name,
        "request": {"method": "POST", "url": f"http://t/{name}?q=1", "headers": [], "body": "sent"},
        "response": response,
        "problem": problem,
        "ms": 1.0,
    }


def test_judged_exchanges_are_first_and_whole():
    """The main one comes first, then other judged ones, then a line for each of the rest."""
    sent = [exchange("a"), exchange("b", 404), exchange("c"), exchange("d", problem="no answer")]
    check = {"exchanges": sent, "judged": ["c", "b", "gone"]}

    judged, others = evidence.ordered(check)

    assert [each["id"] for each in judged] == ["c", "b"]
    assert [each["id"] for each in others] == ["a", "d"]
    text = evidence.as_text(check)
    assert text.startswith("judged: POST /c -> 200 text/html\n> POST http://t/c?q=1\n\nsent\n")
    assert "< Set-Cookie: a\n< Set-Cookie: b\n\nof c" in text
    assert text.index("of c") < text.index("of b")
    assert text.endswith(
        "other exchanges of the check:\nPOST /a -> 200 text/html\nPOST /d -> no answer"
    )


def test_a_check_without_exchanges_has_no_text():
    """A blocked check may have sent nothing, and nothing of it was judged."""
    assert evidence.as_text({}) == evidence.lines({}) == ""
    assert evidence.as_text({"exchanges": [exchange("a")]}).startswith("exchanges of the check:")


def test_an_answer_that_did_not_come_is_shown_whole():
    """The request is shown, and why there was no answer."""
    check = {"exchanges": [exchange("a", problem="no answer within 30 s")], "judged": ["a"]}

    assert evidence.as_text(check).endswith("sent\n\n< no answer within 30 s")
    assert evidence.without_bodies(check["exchanges"])[0]["request"]["body"] == ""


def test_an_alarm_brings_its_exchange():
    """A requirement on every exchange shows those that raised its alarms."""
    requirement = Requirement(
        id="WATCH-html", text="So.", source="x", url="https://e.org/", level="MUST",
        severity="low", area="tls", watch="html",
    )  # fmt: skip
    alarm = {"where": "GET /x", "what": "html", "line": "GET /x -> 200", "reproduce": "curl"}

    verdict, parts, _ = alarms.judge(
        requirement, {"GET /x": {**alarm, "exchange": exchange("a")}}, Deviations(), "MUST",
        partial=False,
    )  # fmt: skip

    assert verdict == "fail"
    assert (parts["judged"], parts["exchanges"][0]["id"]) == (["a"], "a")


def test_alarms_lose_their_bodies_as_checks_do():
    """--bodies=none removes bodies from the exchanges of the watch, too."""
    bare, whole = {"kind": "html"}, {"kind": "html", "exchange": exchange("a")}

    kept = evidence.alarms_without_bodies([bare, whole])

    assert kept[0] == bare
    assert kept[1]["exchange"]["request"]["body"] == ""
    assert kept[1]["exchange"]["request"]["url"] == whole["exchange"]["request"]["url"]


def test_characters_that_xml_forbids_are_replaced():
    """A server may send any character; junit.xml stays well-formed."""
    assert printable("a\x00b\ud800c\n\U0001f600") == "a\ufffdb\ufffdc\n\U0001f600"
