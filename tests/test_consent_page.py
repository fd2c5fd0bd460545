"""The consent page is filled in as a browser does it, whichever form it has."""

from types import SimpleNamespace

import pytest

from fixtures.driver.authorization_server import Client
from fixtures.driver.consent_page import ConsentPage
from fixtures.driver.login_pages import Browser
from fixtures.driver.scope_rights import covers, rights
from fixtures.embedded.defects import load
from fixtures.embedded.oauth import consent_form
from fixtures.embedded.server import EmbeddedServer
from fixtures.given.consents import require_boxes
from fixtures.target.model import Target, User
from fixtures.wire.client import Blocked, Request, Response
from tests.runs import run, target_file

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
OTHER = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
OFFER = [
    "openid",
    "api:fhir",
    "user/Patient.rs",
    "patient/Patient.rs",
    f"user/Observation.rs?category={CATEGORY}",
    f"user/Observation.rs?category={OTHER}",
]
FIXED = [("csrf_token_form", "abc"), ("proceed", "1")]


def page(form="cards", offer=OFFER, extra=""):
    """Give the consent page with one of the forms."""
    scripted = form == "scripted"
    store = SimpleNamespace(
        settings={"consent_form": form}, has=lambda name: scripted and name == consent_form.SCRIPTED
    )
    return with_boxes(consent_form.boxes(store, list(offer)) + extra)


def with_boxes(boxes):
    """Give a consent page with these boxes."""
    text = (
        f"<form method='post' action='device/code'>{boxes}"
        "<input type='hidden' name='csrf_token_form' value='abc'>"
        "<input type='checkbox' name='persist_login' value='1'>"
        "<button name='proceed' value='1'>Authorize</button>"
        "<button name='deny'>Deny</button></form>"
    )
    return ConsentPage(answer(text))


def answer(text):
    """Give a page of the server."""
    request = Request("GET", "https://emr.example.org/oauth2/default/scope-authorize-confirm")
    return Response(200, text=text, request=request, headers={"Content-Type": "text/html"})


def sent(consent_page):
    """Give the fields that are posted besides those of each form."""
    return [pair for pair in consent_page.fields() if pair not in FIXED]


def test_boxes_of_scopes_are_sent_by_name():
    """Boxes that are ticked are posted, with hidden fields, the token and the button."""
    filled = page("named")
    filled.untick(rights(["user/Patient.rs"])[0])

    assert filled.fields()[-2:] == FIXED
    assert sent(filled) == [(f"scope[{one}]", one) for one in OFFER if one != "user/Patient.rs"]
    assert [str(one) for one in filled.refused(OFFER)] == ["user/Patient.r", "user/Patient.s"]
    assert not filled.missing(OFFER)


def test_hidden_field_cannot_be_unticked():
    """Nobody can untick openid, which is a hidden field."""
    filled = page("named")

    assert filled.untick(rights(["openid"])[0]) == []
    assert ("scope[openid]", "openid") in filled.fields()


def test_boxes_of_cards_are_sent_by_context_resource_and_letter():
    """Cards distinguish user and patient scopes; each letter and category has its box."""
    filled = page()
    for each in ["user/Patient.s", f"user/Observation.r?category={OTHER}"]:
        filled.untick(rights([each])[0])

    assert sent(filled) == [
        ("grant[user-Patient][actions][]", "r"),
        ("grant[patient-Patient][actions][]", "r"),
        ("grant[patient-Patient][actions][]", "s"),
        ("grant[user-Observation][actions][]", "r"),
        ("grant[user-Observation][actions][]", "s"),
        ("grant[user-Observation][categories][]", CATEGORY),
        ("scope[openid]", "openid"),
        ("scope[api:fhir]", "api:fhir"),
    ]
    refused = [str(one) for one in filled.refused(OFFER)]
    assert refused == ["user/Patient.s", *(f"user/Observation.{x}?category={OTHER}" for x in "rs")]


@pytest.mark.parametrize(
    ("offer", "unticked", "again", "built"),
    [
        (["user/Patient.rs"], [], False, ["user/Patient.rs"]),
        # The card is that of the first context, and has the letters of all scopes.
        (["user/Patient.r", "patient/Patient.s"], [], False, ["user/Patient.rs"]),
        (["user/Patient.read", "user/Patient.cu"], [], False, ["read", "write"]),
        # Once a box was touched, only categories are granted, and this card has none.
        (["user/Patient.rs"], ["user/Patient.s"], False, []),
        (["user/Patient.rs"], ["user/Patient.s"], True, []),
        # In SMART 1 scopes, r and s go together.
        (["user/Patient.read"], ["user/Patient.s"], False, []),
        (OFFER[4:], [], False, OFFER[4:]),
        (OFFER[4:], [f"user/Observation.r?category={OTHER}"], False, [OFFER[4]]),
    ],
)
def test_script_builds_the_scopes_of_cards(offer, unticked, again, built):
    """The fields are those that the script of OpenEMR 7.0.4 to 8.4 adds."""
    filled = page("scripted", offer)
    for each in unticked:
        boxes = filled.untick(rights([each])[0])
        for box in boxes if again else ():
            filled.click(box, ticked=True)

    wanted = [one if "/" in one else f"user/Patient.{one}" for one in built]
    assert sent(filled) == [(f"scope[{one}]", one) for one in wanted]
    assert filled.fields()[-1] == ("proceed", "1")


def test_box_of_a_card_ticks_its_letters():
    """A click on the box of a card unticks all letters, and another one ticks everything."""
    filled = page("scripted", ["user/Patient.rs"])
    (card,) = filled.boxes("card")
    filled.click(card, ticked=False)
    without = sent(filled)
    filled.click(card, ticked=True)

    assert without == []
    assert sent(filled) == [("scope[user/Patient.rs]", "user/Patient.rs")]


def test_card_without_a_restriction_is_narrowed_by_unticking_a_category():
    """A category that is unticked leaves the others approved."""
    filled = page(offer=["user/Observation.rs"])
    filled.untick(rights([f"user/Observation.rs?category={OTHER}"])[0])
    approved = filled.approved(["user/Observation.rs"])

    assert {one.category for one in filled.refused(["user/Observation.rs"])} == {OTHER}
    assert CATEGORY in {one.category for one in approved}
    assert "" not in {one.category for one in approved}


def test_boxes_without_names_need_the_known_script():
    """The suite does not guess what an unknown script sends."""
    boxes = "<input type='checkbox' data-resource='Patient' data-action='r' checked>"

    with pytest.raises(Blocked, match="no script reconstructScopes"):
        with_boxes(boxes)


def test_page_without_a_form_to_approve_is_blocked():
    """A page of another kind is named in the sentence."""
    with pytest.raises(Blocked, match="no consent page to fill in: GET /oauth2/default/scope"):
        ConsentPage(answer("<form><input name='username'></form>"))


def test_page_without_the_requested_scopes_is_noticed():
    """A requested scope that has no box is missing, and a box that covers more is not a box."""
    filled = page("named", ["openid", "user/Patient.rs"])

    assert [str(one) for one in filled.missing(["user/Patient.r", "user/Goal.r"])] == [
        "user/Goal.r"
    ]
    letter = rights(["user/Patient.s"])
    filled.untick(letter[0])
    with pytest.raises(pytest.skip.Exception, match=r"cover more: user/Patient\.r"):
        require_boxes(filled, ["user/Patient.rs"], letter)
    with pytest.raises(pytest.skip.Exception, match="no box for launch/patient"):
        require_boxes(page("named"), OFFER, rights(["launch/patient"]))


def test_other_controls_are_sent_as_in_html():
    """Selects, text areas and boxes without a value are posted, disabled controls are not."""
    more = (
        "<select name='one'><option>a<option selected value='b'>c</select>"
        "<select name='two'><option>d</select><textarea name='three'>text</textarea>"
        "<input type='checkbox' name='four' checked><input name='five' disabled value='5'>"
        "<input type='radio' name='six' value='x'><input type='radio' name='six' value='y' checked>"
        "<input type='reset' name='seven' value='7'>"
    )

    fields = sent(page("named", ["openid"], more))
    assert fields[1:] == [
        ("one", "b"), ("two", "d"), ("three", "text"), ("four", "on"), ("six", "y"),
    ]  # fmt: skip


def test_scopes_cover_rights():
    """A scope without a category covers each category, and not the other way round."""
    narrow, wide = rights([f"user/Observation.r?category={OTHER}", "user/Observation.r"])

    assert covers(["user/Observation.read"], narrow)
    assert not covers([f"user/Observation.rs?category={OTHER}"], wide)
    assert [str(one) for one in rights(["openid", "system/*.$export", "user/X.write"])] == [
        "openid", "system/*.$export", "user/X.c", "user/X.u", "user/X.d",
    ]  # fmt: skip


def test_consent_page_that_comes_back_ends_the_login():
    """A server that shows the consent page again and again is left after a few pages."""
    shown = page("named").response
    target = Target("a server", "url", "https://emr.example.org")
    browser = Browser(SimpleNamespace(target=target, http=SimpleNamespace(transport=None)))
    posted = []
    browser.http = SimpleNamespace(post=lambda *_, data: posted.append(data) or shown)
    client = Client("one")

    with pytest.raises(Blocked, match="the consent page came back after it was sent 3 times"):
        browser.walk(
            shown, client, User("a", "b"), {}, verifier=None, patient=None, approve=["openid"]
        )
    assert len(posted) == 3


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("consent_by_scope", {"pass"}),
        (consent_form.SCRIPTED, {"pass", "fail", "warn"}),
    ],
)
def test_older_consent_pages_are_judged(tmp_path, form, wanted):
    """On the page of OpenEMR up to 7.0.3 nothing is missed; a script fails what it drops."""
    with EmbeddedServer() as server:
        finished = run(
            tmp_path / "results",
            "conformance/oauth/test_consent_page.py",
            "-n0",
            "--deviations=none",
            f"--target={target_file(tmp_path, f'{server.url}/~{form}')}",
        )
    verdicts = finished.verdicts("pass", "fail", "warn", "blocked")
    missed = {name for name, verdict in verdicts.items() if verdict in {"fail", "warn"}}

    assert {*verdicts.values()} == wanted, finished.output
    assert missed == ({*load()[form].proves} if form in load() else set())
