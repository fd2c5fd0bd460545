"""Upgrades: where the verdicts of the older release come from."""

import json
import sys
from types import SimpleNamespace

import pytest

from reports import baselines, upgrading
from reports.baselines import BASELINE, Baseline

TARGET = """kind = "container"
{version}
[container]
image = "openemr/openemr:7.0.3"
database_image = "mariadb:11.4"
[users.admin]
name = "admin"
password = "pass"
"""


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Make the session of a run with `--upgrade-from`, and other options by name."""
    monkeypatch.setattr(upgrading, "judges_target", lambda _: True)

    def make(version='version = "7.0.3"', baseline=None, **options):
        older, newer = tmp_path / "older.toml", tmp_path / "newer.toml"
        older.write_text(TARGET.format(version=version))
        newer.write_text(TARGET.format(version='version = "8.0.0"'))
        chosen = {
            "target": str(newer), "upgrade_from": str(older), "judge_both": False,
            "results": str(tmp_path / "results"), "collectonly": False, **options,
        }  # fmt: skip
        config = SimpleNamespace(
            stash=pytest.Stash(),
            option=SimpleNamespace(**chosen),
            getoption=chosen.get,
            pluginmanager=SimpleNamespace(get_plugin=lambda _: None),
            invocation_params=SimpleNamespace(dir=tmp_path, args=["-n2", f"--target={newer}"]),
        )
        if baseline is not None:
            config.stash[BASELINE] = baseline
        return SimpleNamespace(config=config)

    return make


def test_shipped_verdicts_are_taken(session):
    """Of a release whose statement is shipped nothing has to be judged."""
    made = session()

    upgrading.pytest_sessionstart(made)

    found = made.config.stash[BASELINE]
    assert found.data["target"]["name"] == "openemr-7.0.3"
    assert found.origin.startswith("the verdicts of OpenEMR 7.0.3 that are shipped with the suite")
    assert not found.gates


@pytest.mark.parametrize(
    ("version", "name"),
    [("8.1.0", "8.1"), ("8.1", "8.1"), ("7.0.3", "7.0.3"), ("8.10", None), ("7.0.1", None)],
)
def test_release_is_found_by_its_version(version, name):
    """What is shipped of 8.1 is for each patch of it."""
    assert baselines.shipped(version) == name


def test_baseline_that_is_given_is_kept(session):
    """Who names a baseline has it compared, and lets it fail the run."""
    given = Baseline({}, "--baseline x")
    made = session(baseline=given)

    upgrading.pytest_sessionstart(made)

    assert made.config.stash[BASELINE] is given


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"upgrade_from": "", "judge_both": True}, "--judge-both is for an upgrade"),
        ({"judge_both": True, "baseline": Baseline({}, "")}, "exclude each other"),
        ({"upgrade_from": "embedded"}, "both have to be targets of kind `container`"),
        ({"target": "embedded"}, "both have to be targets of kind `container`"),
        ({"target": "no-such"}, "there is no target 'no-such'"),
    ],
)
def test_options_that_exclude_each_other_are_told(session, options, said):
    """What cannot be is told before anything is started."""
    with pytest.raises(pytest.UsageError, match=said):
        upgrading.pytest_sessionstart(session(**options))


def test_release_that_is_not_shipped_is_judged(session, monkeypatch, tmp_path):
    """Without shipped verdicts, and with --judge-both, the older release is judged first."""
    ran = []

    def run(command, *_):
        ran.append(command)
        path = tmp_path / "results" / "before" / "conformance.json"
        path.write_text(json.dumps(baselines.load("7.0.4")))
        return 1, []

    monkeypatch.setattr(upgrading, "_run", run)
    for options in ({"version": ""}, {"judge_both": True}):
        made = session(**options)
        upgrading.pytest_sessionstart(made)
        found = made.config.stash[BASELINE]
        assert found.data["target"]["version"] == "7.0.4"
        assert found.origin == "the verdicts of older, judged by this run before the upgrade"

    assert ran[0] == ran[1]
    assert ran[0][-3:] == [
        f"--target={tmp_path}/older.toml",
        f"--results={tmp_path}/results/before",
        "-n2",
    ]


def test_release_that_cannot_be_judged_ends_the_run(session, monkeypatch):
    """If the older release does not start, the run says why, and ends with exit code 6."""
    monkeypatch.setattr(upgrading, "_run", lambda *_: (6, ["no Docker engine can be reached"]))

    with pytest.raises(pytest.exit.Exception, match="no Docker engine can be reached") as ended:
        upgrading.pytest_sessionstart(session(version=""))

    assert ended.value.returncode == 6


def test_only_arguments_for_both_releases_are_taken():
    """Paths and selections are for both releases, targets, results and deviations are not."""
    given = [
        "conformance/oauth", "-k", "x", "--target", "a", "--upgrade-from=b", "--judge-both",
        "--deviations", "c", "--deviations=d", "--results=e", "-n2", "--keep", "--fresh", "--lf",
        "--junitxml", "f", "--level=SHOULD",
    ]  # fmt: skip

    assert upgrading.others(given) == [
        "conformance/oauth", "-k", "x", "-n2", "--fresh", "--level=SHOULD"
    ]  # fmt: skip


def test_progress_is_told_and_all_is_kept(tmp_path, monkeypatch):
    """What the older release's start says is told, the rest is in a log."""
    monkeypatch.setenv("OPENEMR_CONFORMANCE_TARGET", "other")
    told = []
    program = (
        "import os\nprint('one: ready')\nprint('other')\n"
        "print(os.environ.get('OPENEMR_CONFORMANCE_TARGET'))\nraise SystemExit(6)"
    )

    ended = upgrading._run(
        [sys.executable, "-c", program], tmp_path, tmp_path / "log", "one", told.append
    )

    assert ended == (6, ["one: ready", "other", "None"])
    assert told == ["one: ready"]
    assert (tmp_path / "log").read_text() == "one: ready\nother\nNone\n"


def test_older_run_ends_with_this_one(tmp_path):
    """If this run is interrupted, the older release's is too, and is waited for."""
    program = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "try:\n print('one: up', flush=True)\n time.sleep(60)\n"
        "except KeyboardInterrupt: open('cleaned', 'w').close()"
    )

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrading._run(
            [sys.executable, "-c", program], tmp_path, tmp_path / "log", "one", interrupt
        )

    assert (tmp_path / "cleaned").exists()
