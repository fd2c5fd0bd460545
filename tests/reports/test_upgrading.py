"""Upgrades: where the verdicts of the older release come from."""

import json
import sys
from types import SimpleNamespace

import pytest

from fixtures.target.options import OPTIONS
from fixtures.target.options import Options as TargetOptions
from reports.comparing import baselines, older_release
from reports.comparing.baselines import Baseline
from reports.options import Options

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
def baseline(tmp_path):
    """Find the run to compare with, for `--upgrade-from` and other options by name."""

    def find(version='version = "7.0.3"', given=None, *, both=False, **chosen):
        older, newer = tmp_path / "older.toml", tmp_path / "newer.toml"
        older.write_text(TARGET.format(version=version))
        newer.write_text(TARGET.format(version='version = "8.0.0"'))
        named = {"target": str(newer), "upgrade_from": str(older), **chosen}
        config = SimpleNamespace(
            stash={OPTIONS: TargetOptions(**named)},
            pluginmanager=SimpleNamespace(get_plugin=lambda _: None),
            invocation_params=SimpleNamespace(dir=tmp_path, args=["-n2", f"--target={newer}"]),
        )
        options = Options(tmp_path / "results", (), "MUST", "failed", judge_both=both)
        return older_release.baseline(config, options, given)

    return find


def test_shipped_verdicts_are_taken(baseline):
    """Of a release whose statement is shipped nothing has to be judged."""
    found = baseline()

    assert found.data["target"]["name"] == "openemr-7.0.3"
    assert found.origin.startswith("the verdicts of OpenEMR 7.0.3 that are shipped with the suite")
    assert not found.gates


@pytest.mark.parametrize(
    ("version", "name"),
    [("8.1.0", "8.1"), ("8.1", "8.1"), ("7.0.3", "7.0.3"), ("8.10", None), ("7.0.1", None)],
)
def test_release_is_found_by_its_version(version, name):
    """The shipped statement of 8.1 is for each patch of it."""
    assert baselines.shipped(version) == name


def test_baseline_that_is_given_is_kept(baseline):
    """A given baseline is compared, and can fail the run."""
    given = Baseline({}, "--baseline x")

    assert baseline(given=given) is given
    assert baseline(given=given, upgrade_from="") is given


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"upgrade_from": "", "both": True}, "--judge-both is for an upgrade"),
        ({"both": True, "given": Baseline({}, "")}, "exclude each other"),
        ({"upgrade_from": "embedded"}, "both have to be targets of kind `container`"),
        ({"target": "embedded"}, "both have to be targets of kind `container`"),
        ({"target": "no-such"}, "there is no target 'no-such'"),
    ],
)
def test_options_that_exclude_each_other_are_told(baseline, options, said):
    """Impossible options are an error before anything is started."""
    with pytest.raises(pytest.UsageError, match=said):
        baseline(**options)


def test_release_that_is_not_shipped_is_judged(baseline, monkeypatch, tmp_path):
    """Without shipped verdicts, and with --judge-both, the older release is judged first."""
    ran = []

    def run(command, *_):
        ran.append(command)
        path = tmp_path / "results" / "before" / "conformance.json"
        path.write_text(json.dumps(baselines.load("7.0.4")))
        return 1, []

    monkeypatch.setattr(older_release, "_run", run)
    for options in ({"version": ""}, {"both": True}):
        found = baseline(**options)
        assert found.data["target"]["version"] == "7.0.4"
        assert found.origin == "the verdicts of older, judged by this run before the upgrade"

    assert ran[0] == ran[1]
    assert ran[0][-3:] == [
        f"--target={tmp_path}/older.toml",
        f"--results={tmp_path}/results/before",
        "-n2",
    ]


def test_release_that_cannot_be_judged_ends_the_run(baseline, monkeypatch):
    """If the older release does not start, the run says why, and ends with exit code 6."""
    monkeypatch.setattr(older_release, "_run", lambda *_: (6, ["no Docker engine can be reached"]))

    with pytest.raises(pytest.exit.Exception, match="no Docker engine can be reached") as ended:
        baseline(version="")

    assert ended.value.returncode == 6


def test_only_arguments_for_both_releases_are_taken():
    """Paths and selections are for both releases, targets, results and deviations are not."""
    given = [
        "conformance/oauth", "-k", "x", "--target", "a", "--upgrade-from=b", "--judge-both",
        "--deviations", "c", "--deviations=d", "--results=e", "-n2", "--keep", "--fresh", "--lf",
        "--junitxml", "f", "--level=SHOULD",
    ]  # fmt: skip

    assert older_release.others(given) == [
        "conformance/oauth", "-k", "x", "-n2", "--fresh", "--level=SHOULD"
    ]  # fmt: skip


def test_progress_is_told_and_all_is_kept(tmp_path, monkeypatch):
    """Messages of the older release's start are shown, the rest is in a log."""
    monkeypatch.setenv("OPENEMR_CONFORMANCE_TARGET", "other")
    told = []
    program = (
        "import os\nprint('one: ready')\nprint('other')\n"
        "print(os.environ.get('OPENEMR_CONFORMANCE_TARGET'))\nraise SystemExit(6)"
    )

    ended = older_release._run(
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
        older_release._run(
            [sys.executable, "-c", program], tmp_path, tmp_path / "log", "one", interrupt
        )

    assert (tmp_path / "cleaned").exists()
