"""One run in several jobs: every check is judged once, and the parts make the whole."""

import json
from types import SimpleNamespace

import pytest

from reports import merge, options
from reports.judging import app_verdict, merging, sharding
from tests.reports.checks import GOOD, MIXED
from tests.reports.project import Project
from tests.reports.test_compare import answer, run


def items(*names):
    """Return stand-ins for checks."""
    return [SimpleNamespace(nodeid=name) for name in names]


def test_every_check_is_in_exactly_one_part():
    """Parts are of one size, do not depend on the order, and keep a check's parameters together."""
    names = [f"f{n % 7}::t{n % 7}[{n}]" for n in range(70)] + ["own::test"]
    parts = []
    for number in (1, 2, 3):
        listed = items(*(names if number == 2 else reversed(names)))
        sharding.leave_out(listed, (number, 3), set(names[:-1]))
        parts.append({item.nodeid for item in listed})

    assert set.union(*parts) == set(names)
    assert set.intersection(*parts) == {"own::test"}
    assert sorted(len(part) for part in parts) == [21, 21, 31]
    functions = [{name.partition("[")[0] for name in part} for part in parts]
    assert functions[0] & functions[1] == {"own::test"}


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "a/b", "1/", "-1/2"])
def test_a_wrong_shard_is_a_usage_error(text):
    """The message says what to give."""
    with pytest.raises(pytest.UsageError, match="as in 2/4"):
        options.parse_shard(text)


def test_the_parts_make_the_whole(tmp_path):
    """Two parts joined say what one run of everything says."""
    project = Project(tmp_path)
    project.check(MIXED)
    whole = project.run()
    expected = project.verdicts()
    parts = []
    for number in (1, 2):
        project.run(f"--shard={number}/2")
        data = project.data()
        assert data["run"]["shard"] == [number, 2]
        assert data["run"]["partial_reason"] == f"shard {number} of 2"
        parts.append(data)

    merged = merging.merge(parts)

    assert {each["id"]: each["verdict"] for each in merged["requirements"]} == expected
    assert not merged["run"]["partial"]
    assert merged["exit_code"] == whole.returncode == 1
    assert merged["run"]["requests"] == sum(part["run"]["requests"] for part in parts)


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_a_part_without_checks_is_a_part(tmp_path, workers):
    """Where one check is selected, the second of two parts has none, and is merged all the same."""
    project = Project(tmp_path)
    project.check(GOOD)
    parts = []
    for number in (1, 2):
        output = project.run(f"--shard={number}/2", "-k", "second", workers)
        assert output.returncode == 0, output.stdout
        parts.append(project.data())
    reasons = [each["run"]["partial_reason"] for each in parts]

    assert [each["counts"]["checks"]["pass"] for each in parts] == [1, 0]
    assert reasons[1] == reasons[0].replace("1 of 2", "2 of 2")
    assert merging.merge(parts)["exit_code"] == 0
    assert merging.merge(parts[1:])["exit_code"] == 5
    assert project.run("--shard=2/2", "-k", "nothing", workers).returncode == 5


def part(number, **verdicts):
    """Return a part of two that judged requirement `r` and, of the watch, `w`."""
    data = run(("r", {k: v for k, v in verdicts.items() if k != "watch"}), ("w", {}),
               answers=[answer("GET /x", 200, str(number))])  # fmt: skip
    watch = {"id": "conformance/watch/alarms.py::html", "verdict": verdicts["watch"], "ms": 0}
    if verdicts["watch"] == "fail":
        watch["received"] = [f"GET /{number}"]
    data["requirements"][1]["checks"] = [watch]
    data["exit_code"] = 0
    data["run"] |= {"shard": [number, 2], "partial": True,
                    "partial_reason": f"shard {number} of 2"}  # fmt: skip
    return data


def test_the_watch_is_judged_by_all_parts():
    """Without an alarm in any part the whole run had none; with one it had."""
    quiet = merging.merge(
        [part(1, a="pass", watch="untested"), part(2, b="pass", watch="untested")]
    )
    loud = merging.merge([part(2, b="pass", watch="fail"), part(1, a="pass", watch="fail")])

    assert (quiet["result"], quiet["exit_code"]) == ("conformant", 0)
    assert quiet["requirements"][1]["verdict"] == "pass"
    assert loud["requirements"][1]["checks"][0]["received"] == ["GET /2", "GET /1"]
    assert loud["exit_code"] == 1
    assert len(quiet["answers"]) == 1


def test_an_app_is_judged_by_all_parts():
    """One part is no verdict on an app; all of them together are."""
    parts = []
    for number, name in ((1, "APP-token"), (2, "APP-call")):
        data = part(number, watch="untested")
        data["requirements"] = [
            {**data["requirements"][0], "id": each, "area": "app",
             "checks": [{"id": "c[x]", "verdict": "pass", "ms": 0}] if each == name else []}
            for each in ("APP-token", "APP-call")
        ]  # fmt: skip
        data["app"] = app_verdict.judged("Mine", 2, data["requirements"])
        parts.append(data)

    assert {each["app"]["verdict"] for each in parts} == {"works as far as it was judged"}
    assert merging.merge(parts)["app"]["verdict"] == "works"
    parts[1]["app"]["name"] = "Yours"
    with pytest.raises(merging.NotOneRun, match="other the app"):
        merging.merge(parts)


def test_deviations_of_all_parts_are_kept():
    """Each check names its deviation by the place that it has in the whole."""
    parts = []
    for number in (1, 2):
        data = part(number, watch="untested", **{f"p{number}": "known"})
        waiver = {"requirement": "r", "reason": "So.", "link": f"https://e.org/{number}"}
        data["requirements"][0] |= {"deviation": waiver, "deviations": [waiver]}
        data["requirements"][0]["checks"][0]["deviation"] = 0
        parts.append(data)

    merged = merging.merge(parts)["requirements"][0]

    assert [each["link"][-1] for each in merged["deviations"]] == ["1", "2"]
    assert [each["deviation"] for each in merged["checks"]] == [0, 1]


def test_a_missing_part_is_said():
    """A missing part is not judged: the run is partial."""
    merged = merging.merge([part(2, a="pass", watch="untested")])

    assert (merged["result"], merged["exit_code"]) == ("partial run", 1)
    assert merged["run"]["partial_reason"] == "shard 1 of 2 is missing"
    assert merged["requirements"][1]["verdict"] == "untested"


def test_what_is_no_part_of_one_run_is_refused(tmp_path, capsys):
    """A part twice, one of another server, and a whole run are no parts of a run."""
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    for other, said in (
        (part(1, a="pass", watch="untested"), "shard 1 of 2 is there twice"),
        (run(("r", {"a": "pass"})), "part 2 is a whole run"),
        ({**part(2, a="pass", watch="pass"), "suite_version": "2"}, "other suite_version"),
        (differing("deviations", digest="another"), "other deviations"),
        (differing("deviations", files=["ours.toml"]), "other deviations"),
        (differing("gate", name="all"), "other gate"),
        (
            differing("run", selection={"-m": ["portal"]}),
            "other selection (-m 'not given' and 'portal')",
        ),
    ):
        first = part(1, a="pass", watch="untested")
        for path, data in zip(paths, (first, other), strict=True):
            path.write_text(json.dumps(data), "utf-8")
        given = [*map(str, paths), "--results", str(tmp_path / "out")]
        assert merge.main(given) == 4
        assert said in capsys.readouterr().err
    paths[1].write_text(json.dumps(part(2, b="pass", watch="untested")), "utf-8")
    assert merge.main(given) == 0
    assert (tmp_path / "out/statement.html").exists()


def differing(table, **values):
    """Return a second part with other values in one of its tables."""
    data = part(2, a="pass", watch="pass")
    data[table] |= values
    return data


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "first or second"],
        ["-m", "token"],
        ["--severity=high"],
        ["--requirement=T-must"],
        ["--deselect=conformance/oauth/test_things.py::test_third"],
        ["conformance/oauth"],
    ],
)
def test_parts_of_other_selections_are_refused(tmp_path, arguments):
    """Each option that selects checks is noted, and parts that differ in it are not one run."""
    project = Project(tmp_path)
    project.check(GOOD)
    project.run("--shard=1/2", *arguments)
    selected = project.data()
    project.run("--shard=2/2")
    whole = project.data()

    name = arguments[0].partition("=")[0] if arguments[0].startswith("-") else "paths"
    assert list(selected["run"]["selection"]) == [name]
    assert "selection" not in whole["run"]
    with pytest.raises(merging.NotOneRun, match=f"other selection \\({name} "):
        merging.merge([selected, whole])


def test_exchanges_of_the_parts_have_ids_of_their_own():
    """Each part counts its exchanges from one: merged, the ids say which part they are of."""
    first, second = part(1, a="fail", watch="pass"), part(2, b="fail", watch="pass")
    for each in (first, second):
        for requirement in each["requirements"]:
            for check in requirement["checks"]:
                if check["verdict"] == "fail":
                    check |= {"exchanges": [{"id": "main-1"}], "judged": ["main-1"]}

    merged = merge.merge([first, second])

    checks = [check for each in merged["requirements"] for check in each["checks"]]
    judged = [check["judged"] for check in checks if "judged" in check]
    assert sorted(judged) == [["1:main-1"], ["2:main-1"]]
    assert [[one["id"] for one in c["exchanges"]] for c in checks if "judged" in c] == judged
