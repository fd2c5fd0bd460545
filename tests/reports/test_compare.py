"""Two runs compared: what is a regression, what changed for clients, what is not comparable."""

import gzip
import json

import jsonschema
import pytest

from reports import baselines as baselines_program
from reports import compare as compare_program
from reports.comparing import answer_changes, baselines, gate
from reports.comparing.baselines import Baseline
from reports.comparing.verdict_changes import compare
from reports.judging import outcome
from reports.render import comparison, terminal
from reports.verdicts import LEVELS, count
from tests.reports.markup import Elements, skeleton
from tests.reports.project import ROOT

CHECK = "conformance/oauth/test_things.py::test_thing"


def level_of(name):
    """Return the level that the name of a requirement begins with, or MUST."""
    return next((level for level in LEVELS if name.startswith(level.lower())), "MUST")


def run(*requirements, answers=(), shipped=True, features=("rest",), version="7"):
    """Return a run whose requirements are `(id, {params: verdict})`, of level MUST."""
    listed = [
        {
            "id": name, "level": level_of(name),
            "severity": "medium",
            "area": "token", "text": "So.", "source": "RFC 1", "url": "https://e.org/",
            "verdict": "pass",
            "checks": [
                {"id": f"{CHECK}[{params}]", "verdict": verdict, "ms": 1, "message": "<b>|"}
                for params, verdict in checks.items()
            ],
        }
        for name, checks in requirements
    ]  # fmt: skip
    data = {
        "schema_version": 2, "suite_version": "1", "started": "2026-01-01T00:00:00+00:00",
        "level": "MUST",
        "run": {"wall_seconds": 1, "requests": 2, "waiting_seconds": 0, "workers": 1,
                "partial": False, "partial_reason": None},
        "target": {"name": "t", "kind": "url", "url": "http://t", "site": "default",
                   "version": version, "declared_version": None, "features": list(features),
                   "not_declared": {}},
        "deviations": {"files": [], "shipped": shipped, "stale": []},
        "counts": {"requirements": count([]), "checks": count([])},
        "requirements": listed,
        "answers": list(answers),
    }  # fmt: skip
    return outcome.settle(data, status=0)


def answer(request, status, *params, error="", body="json", kind="application/json", **fields):
    """Return an answer that the check got with these parameters."""
    return {
        "request": request, "status": status, "content_type": kind, "body": body, "error": error,
        "fields": fields, "checks": {CHECK: list(params)},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "shipped", "section"),
    [
        ("pass", "fail", True, "regressed"),
        ("pass", "blocked", True, "regressed"),
        ("pass", "known", True, "regressed"),
        ("pass", "known", False, "deviations_new"),
        ("fail", "known", False, "deviations_new"),
        ("known", "fail", False, "deviations_gone"),
        ("fail", "known", True, None),
        ("known", "fail", True, None),
        ("known", "pass", True, "fixed"),
        ("blocked", "pass", True, "fixed"),
        ("pass", "n/a", True, "not_applicable"),
        ("n/a", "pass", True, "applicable"),
        ("n/a", "fail", True, "applicable"),
        ("fail", "fail", True, None),
        ("pass", "pass", True, None),
        ("fail", "blocked", True, None),
    ],
)
def test_a_requirement_is_told_where_it_belongs(was, now, shipped, section):
    """A worse verdict is a regression, unless the user declared it; the rest has own sections."""
    old, new = (run(("r", {"a": verdict}), shipped=shipped) for verdict in (was, now))
    compared = compare(old, new)

    told = {name: [e["id"] for e in entries] for name, entries in compared["requirements"].items()}
    assert {name: ids for name, ids in told.items() if ids} == ({section: ["r"]} if section else {})
    assert compared["exit_code"] == (section == "regressed")


def test_only_common_checks_count():
    """A newer suite with more checks and requirements makes no server worse."""
    old = run(("r", {"a": "pass", "gone": "fail"}), ("left", {"z": "pass"}))
    new = run(("r", {"a": "pass", "more": "fail"}), ("fresh", {"b": "fail"}))

    compared = compare(old, new)

    assert compared["exit_code"] == 0
    assert [e["id"] for e in compared["requirements"]["new_in_suite"]] == ["fresh"]
    assert [e["id"] for e in compared["requirements"]["gone_from_suite"]] == ["left"]
    assert compared["compared"] == 1


def test_one_worse_check_is_a_regression_of_a_bad_requirement():
    """A requirement that failed before in one way can still regress in another."""
    old, new = {"a": "fail", "b": "pass"}, {"a": "fail", "b": "fail"}

    compared = compare(run(("r", old)), run(("r", new)))

    assert [c["id"] for c in compared["requirements"]["regressed"][0]["checks"]] == [f"{CHECK}[b]"]


def test_a_should_that_is_not_met_is_a_warning():
    """Below the gate nothing regresses."""
    compared = compare(run(("should", {"a": "pass"})), run(("should", {"a": "warn"})))

    assert compared["exit_code"] == 0
    assert compared["requirements"]["warned"][0]["id"] == "should"


def test_good_practice_has_a_section_of_its_own():
    """Below the gate it is no regression, and no new warning of a SHOULD."""
    compared = compare(run(("practice", {"a": "pass"})), run(("practice", {"a": "warn"})))

    assert compared["exit_code"] == 0
    assert [each["id"] for each in compared["requirements"]["practice"]] == ["practice"]
    assert not compared["requirements"]["warned"]
    assert "## Good practice (1)" in comparison.as_markdown(compared)
    assert '<h2 id="practice">Good practice (1)</h2>' in comparison.as_html(compared)


def test_critical_good_practice_regresses():
    """A miss that lets somebody in fails the run, whatever its level."""
    old, new = (run(("practice", {"a": verdict})) for verdict in ("pass", "fail"))
    new["requirements"][0]["severity"] = "critical"

    compared = compare(old, new)

    assert compared["exit_code"] == 1
    assert [each["id"] for each in compared["requirements"]["regressed"]] == ["practice"]


def test_a_consequence_follows_its_cause():
    """If both are in one section; else the consequence stands where its severity puts it."""
    old = run(*((name, {"a": "pass"}) for name in "abc"), ("d", {"a": "fail"}))
    new = run(*((name, {"a": "fail"}) for name in "abcd"))
    for place, cause in ((0, "c"), (1, "d")):
        new["requirements"][place]["explained_by"] = cause

    compared = compare(old, new)

    assert [(e["id"], e.get("explained_by")) for e in compared["requirements"]["regressed"]] == [
        ("b", None), ("c", None), ("a", "c"),
    ]  # fmt: skip
    assert 'Explained by <a href="#c">c</a>' in comparison.as_html(compared)
    assert "explained by c) So." in comparison.as_markdown(compared)


def changed(old, new, checks=("a", "b")):
    """Return what changed for clients, as `(kind, what, requests)`."""
    verdicts = dict.fromkeys(checks, "pass")
    found = answer_changes.between(
        run(("r", verdicts), answers=old), run(("r", verdicts), answers=new)
    )
    return [(e["kind"], e["what"], [r["request"] for r in e["requests"]]) for e in found]


def test_changes_for_clients_are_grouped():
    """Requests with the same change are listed together, the gravest change first."""
    old = [answer("GET /x", 200, "a"), answer("GET /y", 200, "b"), answer("GET /z", 500, "a")]
    new = [
        answer("GET /x", 401, "a", error="denied"),
        answer("GET /y", 401, "b", error="denied"),
        answer("GET /z", 200, "a"),
    ]
    what = "200 application/json → 401 application/json, error 'denied'"

    assert changed(old, new) == [
        ("refused", what, ["GET /x", "GET /y"]),
        ("accepted", "500 application/json → 200 application/json", ["GET /z"]),
    ]


def test_an_answer_that_comes_up_elsewhere_is_no_change():
    """A request that is sent once per worker belongs to another check in each run."""
    assert changed([answer("GET /x", 200, "a")], [answer("GET /x", 200, "b")]) == []
    assert changed([answer("GET /x", 200, "a")], []) == []
    other = [answer("GET /x", 404, "b")]
    assert changed([answer("GET /x", 200, "a")], other)[0][0] == "refused"
    assert (
        changed([answer("GET /x", 200, "a", "b")], [*other, answer("GET /x", 200, "a", "b")]) == []
    )


def test_fields_are_compared():
    """Fields that came, went, or changed their type are named; null has no type."""
    old = [answer("GET /x", 200, "a", gone="string", kind_of="string", null="", same="array")]
    new = [answer("GET /x", 200, "a", kind_of="number", null="object", same="array", more="")]

    assert changed(old, new) == [
        ("removed", "200: removed gone; of another type: kind_of string → number; added more",
         ["GET /x"]),
    ]  # fmt: skip
    data = {"data": "array", "data.id": "number"}
    without = [answer("GET /x", 200, "a", data="")]
    assert changed([answer("GET /x", 200, "a", **data)], without) == []


def test_fields_of_some_records_are_no_change():
    """A field of some records only depends on the data, not on the server."""
    path = "GET /apis/{site}/api/x"
    old = [
        answer(path, 200, "a", pid="number", note="string"),
        answer(path, 200, "b", pid="number"),
    ]
    new = [answer(path, 200, "a", "b", pid="number", entry="array")]

    assert [kind for kind, *_ in changed(old, new)] == []
    token = "POST /oauth2/{site}/token"
    old = [
        answer(token, 200, "a", id="string", note="string"),
        answer(token, 200, "b", id="string"),
    ]
    assert changed(old, [answer(token, 200, "a", "b", id="string")]) == [
        ("removed", "200: removed note", [token])
    ]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "<html>", '{"schema_version": 99}', "\x1f\x8b", "[" * 100_000],
)
def test_what_is_no_run_is_not_comparable(tmp_path, capsys, text):
    """A file that no run wrote is refused in a sentence, with exit code 2."""
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))

    assert compare_program.main([str(path), str(path)]) == 4
    assert str(path) in capsys.readouterr().err


def test_runs_without_a_common_check_are_not_comparable(tmp_path, capsys):
    """Nothing in common is no news, neither good nor bad."""
    paths = [tmp_path / name for name in ("old.json", "new.json")]
    for path, check in zip(paths, "ab", strict=True):
        path.write_text(json.dumps(run(("r", {check: "pass"}))), "utf-8")

    assert compare_program.main([*map(str, paths)]) == 4
    assert "no judged check in common" in capsys.readouterr().err
    assert compare_program.main(["7.0.3-none", str(paths[0])]) == 4
    assert "no such release is shipped" in capsys.readouterr().err


def test_every_form_says_it(tmp_path, capsys):
    """Markdown, page and JSON have the result first; a server's words do not become markup."""
    old = run(("r", {"a": "pass"}), answers=[answer("GET /x", 200, "a")])
    new = run(("r", {"a": "fail"}), answers=[answer("GET /x", 500, "a", error="<b>x")])
    for name, data in (("old", old), ("new", new)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data), "utf-8")
    given = [str(tmp_path / "old.json"), str(tmp_path / "new.json")]

    assert compare_program.main(given) == 1
    assert capsys.readouterr().out.startswith("# 1 requirement regressed, 0 fixed: OpenEMR 7 to")
    for form in comparison.FORMATS:
        path = tmp_path / f"out.{form}"
        assert compare_program.main([*given, "--format", form, "--output", str(path)]) == 1
    page = (tmp_path / "out.html").read_text("utf-8")
    assert "<b>x" not in page
    assert "Fails with a server error now" in page
    schema = json.loads((ROOT / "conformance/schemas/comparison.json").read_text("utf-8"))
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(written)


@pytest.mark.parametrize("text", ["<script>x</script>", "a|b", "`", "\n# x\n", "\x1b\ud800"])
def test_hostile_text_adds_no_markup(text):
    """Neither a message nor an error code of a server becomes markup in a comparison."""

    def compared(word):
        old = run(("r", {"a": "pass"}), answers=[answer("GET /x", 200, "a")])
        new = run(("r", {"a": "fail"}), answers=[answer("GET /x", 500, "a", error=f"e{word}")])
        new["requirements"][0]["checks"][0] |= {"message": word, "reproduce": f"curl {word}"}
        return compare(old, new)

    hostile, plain = compared(text), compared("word")

    pages = [Elements(comparison.as_html(each)).found for each in (hostile, plain)]
    texts = [skeleton(comparison.as_markdown(each)) for each in (hostile, plain)]
    assert pages[0] == pages[1]
    assert texts[0] == texts[1]


def test_a_regression_fails_the_run():
    """A run that is held against a baseline is not conformant if something regressed."""
    data = run(("r", {"a": "known"}))
    worse, same, other = dict(data), dict(data), dict(data)

    for each, verdict, name in ((worse, "pass", "r"), (same, "known", "r"), (other, "known", "x")):
        gate.hold(each, Baseline(run((name, {"a": verdict})), "--baseline old"))

    assert (worse["exit_code"], worse["gate"]["reasons"]) == (1, ["1 regressed"])
    assert worse["baseline"]["regressed"] == ["r"]
    assert (same["exit_code"], same["gate"]["passed"]) == (0, True)
    assert other["exit_code"] == 4
    assert "not comparable" in other["baseline"]["result"]
    assert {each["baseline"]["origin"] for each in (worse, same, other)} == {"--baseline old"}


def test_what_an_upgrade_changes_is_told_and_fails_no_run():
    """The verdicts of the release before an upgrade are compared, and are no gate."""
    data = run(("r", {"a": "known"}))
    other = dict(data)

    compared = gate.hold(data, Baseline(run(("r", {"a": "pass"})), "what is", False))
    gate.hold(other, Baseline(run(("x", {"a": "pass"})), "what is", False))

    assert (data["exit_code"], data["gate"]["passed"]) == (0, True)
    assert data["baseline"]["regressed"] == ["r"]
    assert other["exit_code"] == 0
    assert "compared with what is" in comparison.as_markdown(compared)
    assert "compared with what is" in "\n".join(terminal.summary(data))


def test_a_release_is_shipped_and_found(tmp_path, monkeypatch, capsys):
    """A run that is shipped is small, names no server, and is found by its version."""
    monkeypatch.setattr(baselines, "SHIPPED", tmp_path / "baselines")
    path = tmp_path / "conformance.json"
    data = run(("r", {"a": "pass"}), answers=[answer("GET /x", 200, "a")], version="7.0.9")
    data["target"]["url"] = "https://secret.example"
    check = data["requirements"][0]["checks"][0]
    check["message"] = "given, called in /secret/place/vendor/lcobucci/jwt/Parser.php on line 1"
    path.write_text(json.dumps(data), "utf-8")

    assert baselines_program.main([str(path)]) == 0
    assert baselines.names() == ["7.0.9"]
    packed = gzip.decompress((tmp_path / "baselines/openemr-7.0.9.json.gz").read_bytes())
    assert b"secret" not in packed
    assert b"in /openemr/vendor/lcobucci" in packed
    assert compare_program.main(["7.0.9", "openemr-7.0.9"]) == 0
    data["run"]["partial_reason"] = "narrowed"
    path.write_text(json.dumps(data), "utf-8")
    assert baselines_program.main([str(path)]) == 4
    assert "partial: narrowed" in capsys.readouterr().err


@pytest.mark.parametrize("name", baselines.names())
def test_shipped_releases_are_comparable(name):
    """A shipped release fulfils the published schema, and has no changes compared with itself."""
    data = baselines.load(name)

    assert compare(data, data)["changes"] == []
    assert data["schema_version"] == 2


def test_a_run_of_schema_version_1_is_read_without_its_exchanges(tmp_path):
    """Version 1 kept exchanges as text, and its checks over all exchanges had other ids."""
    data = {**run(("r", {"a": "fail"}), ("w", {"b": "fail"})), "schema_version": 1}
    old = {"method": "GET", "url": "http://t/", "status": 200, "request": "", "response": ""}
    data["requirements"][0]["checks"][0]["exchanges"] = [old]
    data["requirements"][1]["checks"][0]["id"] = "conformance/watch.py::html"
    path = tmp_path / "conformance.json"
    path.write_text(json.dumps(data), "utf-8")

    first, second = (each["checks"][0] for each in baselines.load(str(path))["requirements"])

    assert "exchanges" not in first
    assert second["id"] == "conformance/watch/alarms.py::html"
