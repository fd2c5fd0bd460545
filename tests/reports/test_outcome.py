"""The outcome of a run: whether the server conforms, and whether the gate passed."""

import pytest

from reports import verdicts
from reports.judging import outcome
from reports.render import badge


def requirement(verdict, level="MUST", severity="medium", in_answer="GET /x -> 200 text/html"):
    """Return a requirement as conformance.json has it, as far as the outcome depends on it."""
    check = {"id": "c", "verdict": verdict, "ms": 0, "in_answer": in_answer}
    return {"id": "R", "verdict": verdict, "level": level, "severity": severity, "checks": [check]}


def settled(*requirements, partial=False, stale=(), status=0, **options):
    """Return the outcome of a run with these requirements, or verdicts of a MUST."""
    listed = [requirement(each) if isinstance(each, str) else each for each in requirements]
    run = {
        "requirements": listed, "run": {"partial": partial}, "deviations": {"stale": list(stale)},
        "level": "MUST", "target": {"kind": "url", "version": "9"},
    }  # fmt: skip
    return outcome.settle(run, status=status, **options)


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (["pass", "n/a", "untested"], "conformant"),
        (["pass", requirement("warn", "SHOULD")], "conformant"),
        (["pass", requirement("blocked", "SHOULD")], "conformant"),
        (["pass", requirement("fail", "PRACTICE", "critical")], "conformant"),
        (["known"], "not conformant"),
        (["fail"], "not conformant"),
        (["blocked"], "not decided"),
    ],
    ids=["none", "should", "should-blocked", "practice", "known", "fail", "blocked"],
)
def test_a_server_that_misses_a_must_does_not_conform(found, result):
    """It does not matter whether the miss was declared; what was not judged decides nothing."""
    assert settled(*found)["result"] == result


def test_less_than_everything_is_never_conformant():
    """A miss of a partial run is a miss, and no miss says nothing."""
    assert settled("pass", partial=True)["result"] == "partial run"
    assert settled("known", partial=True)["result"] == "not conformant"


@pytest.mark.parametrize(
    ("found", "options", "reasons", "code"),
    [
        (["pass", "known", requirement("warn", "SHOULD")], {}, [], 0),
        (["fail"], {}, ["1 new"], 1),
        (["blocked"], {}, ["1 could not be judged"], 1),
        (["pass"], {"stale": [{}]}, ["1 stale deviation"], 1),
        (["pass"], {"more": ["shard 1 of 2 is missing"]}, ["shard 1 of 2 is missing"], 1),
        (["pass"], {"status": 1}, ["a test that judges no requirement failed"], 1),
        (["known"], {"gate": "all"}, ["1 declared, which --gate=all does not accept"], 1),
        ([requirement("known", "SHOULD")], {"gate": "all"}, [], 0),
        (
            [requirement("known", "SHOULD", "high")], {"gate": "all"},
            ["1 declared, which --gate=all does not accept"], 1,
        ),
        ([requirement("warn", "PRACTICE", "high")], {}, [], 0),
        ([requirement("fail", "PRACTICE", "critical")], {}, ["1 new of good practice"], 1),
        (
            ["fail", requirement("fail", "PRACTICE", "critical")], {},
            ["1 new", "1 new of good practice"], 1,
        ),
        ([requirement("blocked", "PRACTICE", "high")], {}, [], 0),
        (
            [requirement("blocked", "PRACTICE", "critical")], {}, ["1 could not be judged"], 1,
        ),
        ([requirement("known", "PRACTICE", "high")], {"gate": "all"}, [], 0),
        (["pass"], {"gate": "all"}, [], 0),
        (["pass"], {"status": 2}, ["interrupted"], 2),
    ],
)  # fmt: skip
def test_the_gate_passes_if_nothing_is_new(found, options, reasons, code):
    """Every reason is named; exit codes above 1 stay."""
    data = settled(*found, **options)

    assert data["gate"]["reasons"] == reasons
    assert data["gate"]["passed"] is not bool(reasons)
    assert data["exit_code"] == code


def test_the_first_line_answers_both_questions():
    """It counts what is not fulfilled and what lets somebody in, and says why the gate passed."""
    grave = requirement("known", severity="critical")

    assert outcome.line(settled("known", grave, requirement("warn", "SHOULD"))) == (
        "not conformant: 2 MUSTs are not fulfilled; 1 miss is critical (lets somebody in or shows "
        "somebody else's data). Gate passed: nothing is new; of the misses, 2 are declared, 1 is "
        "only warned of"
    )
    assert outcome.line(settled("fail")) == (
        "not conformant: 1 MUST is not fulfilled; no miss is critical (lets somebody in or shows "
        "somebody else's data). Gate not passed: 1 new"
    )
    assert outcome.line(settled("pass")) == (
        "conformant: every MUST that was judged is fulfilled. Gate passed: nothing is new"
    )
    assert "; 2 recommendations are not, and no miss is critical" in outcome.line(
        settled(requirement("warn", "SHOULD"), requirement("warn", "MAY"))
    )
    practice = requirement("warn", "PRACTICE")
    assert (
        "; 1 recommendation and 2 of good practice are not, and no miss is critical"
        in outcome.line(settled(requirement("warn", "SHOULD"), practice, practice))
    )
    assert "; 1 of good practice is not, and no miss is critical" in outcome.line(settled(practice))
    assert outcome.line(settled("blocked")).startswith("not decided: not all could be judged. Gate")


def test_green_is_for_servers_without_a_miss():
    """Declared misses and warnings have colours of their own, in the statement and the badge."""
    runs = [
        settled("pass"),
        settled("known"),
        settled(requirement("warn", "SHOULD")),
        settled(requirement("warn", "PRACTICE")),
        settled("pass", partial=True),
        settled("fail"),
        settled("pass", stale=[{}]),
    ]

    assert [outcome.tone(each) for each in runs] == [
        "pass", "known", "warn", "warn", "warn", "fail", "fail",
    ]  # fmt: skip
    assert {badge.as_json(each)["color"] for each in runs[1:]}.isdisjoint(
        {badge.as_json(runs[0])["color"]}
    )


def test_a_deviation_that_only_keeps_from_judging_is_no_miss():
    """Nothing was seen of such a requirement."""
    found = requirement("known")
    found["checks"][0]["message"] = f"{verdicts.NOT_JUDGED}: no record"

    data = settled(found)

    assert data["misses"]["must"] == 0
    assert data["result"] == "not decided"
