"""Starts: new, from a prepared copy, kept, upgraded and failing."""

import socket
from pathlib import Path

import pytest

from fixtures.containers import snapshots
from fixtures.containers.engine import RUN
from fixtures.containers.installation import Installation
from fixtures.containers.reaper import Reaper, main, owner
from fixtures.containers.setup import Setup
from fixtures.driver.authorization_server import AuthorizationServer
from fixtures.target.files import load
from fixtures.wire.client import Http, Transport
from tests.containers import images
from tests.containers.conftest import leftovers


def test_second_start_is_from_the_prepared_copy(judged, target):
    """The first start saves a copy, from which the second one starts unless it is stale."""
    first = judged(target(), "--fresh")
    second = judged(target())
    other = judged(target(more='settings = {openemr_name = "Elsewhere"}'))

    assert (first.exit_code, second.exit_code, other.exit_code) == (0, 0, 0), first.output
    assert "keeping a prepared copy" in first.output
    assert "(from a prepared copy)" in second.output
    assert "stale" in other.output
    assert "(from a prepared copy)" not in other.output


def test_only_the_last_prepared_copy_is_kept(engine, judged, target):
    """A new copy of a target replaces the old one."""
    judged(target(name="one"), "--fresh")
    judged(target(name="one"), "--fresh")

    copies = engine.images.list(filters={"label": "org.openemr.conformance.prepared=one-7.0.3"})
    tags = sorted(tag for image in copies for tag in image.tags)
    assert tags == [f"{snapshots.REPOSITORY}:one-7.0.3", snapshots.openemr_image("one-7.0.3")]
    assert len(copies) == 2


@pytest.mark.parametrize("tag", images.RELEASES)
def test_release_is_judged_with_its_settings(judged, target, tag):
    """A release in containers is judged, including its settings."""
    finished = judged(
        target(tag), "-n2", "conformance/settings", "conformance/oauth/test_jwks_uri.py"
    )

    assert finished.exit_code == 0, finished.output
    assert finished.statement["target"]["version"] == tag
    assert "SETTINGS-first-keys" in finished.verdicts("pass")
    assert finished.verdicts("fail", "blocked", "warn") == {}


def test_accounts_are_made_in_the_database(judged, target):
    """A target in containers is judged with accounts in the database."""
    checks = ("conformance/portal/test_portal_isolation.py", "conformance/oauth/test_revocation.py")

    finished = judged(target(accounts="database"), "-n2", *checks)

    assert finished.exit_code == 0, finished.output
    assert finished.verdicts("fail", "blocked", "warn") == {}


def test_upgrade_keeps_the_state(judged, target):
    """A newer image on the volumes of an older one has its clients, tokens, keys and patients."""
    old, new = target("7.0.3"), target("8.1.0")

    finished = judged(new, f"--upgrade-from={old}", "conformance/upgrade")

    assert finished.exit_code == 0, finished.output
    assert {"UPGRADE-refresh", "UPGRADE-keys", "UPGRADE-data"} <= {*finished.verdicts("pass")}
    compared = finished.statement["baseline"]
    assert compared["result"].endswith("OpenEMR 7.0.3 to OpenEMR 8.1.0")
    assert (
        compared["origin"] == "the verdicts of stand-in-7.0.3, judged by this run before the "
        "upgrade"
    )


def test_kept_containers_are_used_again(engine, judged, target):
    """Containers of --keep are judged again with --kept, and removed with the printed command."""
    file = target()
    first = judged(file, "--keep")
    words = first.output.split()
    run = words[words.index("--kept") + 1]
    containers = engine.containers.list(filters={"label": f"{RUN}={run}"})

    again = judged_without_look(judged, file, f"--kept={run}")

    assert len(containers) == 2, first.output
    assert again.exit_code == 0, again.output
    assert len(engine.containers.list(filters={"label": f"{RUN}={run}"})) == 2
    assert f"openemr-conformance remove {run}" in first.output
    assert main([run]) == 0
    assert leftovers(engine) == []


def judged_without_look(judged, file, option):
    """Judge a target while containers of another run are up."""
    return judged(file, option, "--keep")


def test_database_is_needed(engine, target, tmp_path):
    """Without its MariaDB the server responds with errors."""
    wanted = load(target(), {})
    reaper = Reaper("database-is-needed", str(tmp_path / "folder"))
    try:
        installation = Installation(
            wanted, Setup.of(wanted), "database-is-needed", owner(), lambda _: None
        )
        ready = installation.start()
        transport = Transport(verify=False)
        server = AuthorizationServer(ready, Http(transport))
        before = server.discover().status_code
        installation.database.stop()
        without = server.discover().status_code
        installation.database.start()
        installation.wait()
        after = server.discover().status_code
        transport.close()
    finally:
        reaper.stop()

    assert (before, without, after) == (200, 500, 200)
    assert leftovers(engine) == []


def test_existing_network_is_joined(engine, judged, target):
    """OpenEMR starts in the network that the target names, and the network stays."""
    network = engine.networks.create("openemr-conformance-test")
    try:
        finished = judged(target(more=f'network = "{network.name}"'))
    finally:
        network.remove()

    assert finished.exit_code == 0, finished.output


def test_failed_check_shows_the_error_log_of_the_server(judged, target):
    """The report of a failed check has the lines that the server logged meanwhile."""
    file = target(more='environment = {DEFECTS = "wrong_password_is_invalid_client"}')

    finished = judged(file, "conformance/oauth/test_password.py")

    assert finished.exit_code == 1, finished.output
    assert "the server's error log" in finished.output
    assert "[php:error]" in finished.output


FAILURES = {
    "image": ("7.0.3", "port = 0", {"image": "openemr/openemr:no-such"}, "cannot be had"),
    "network": ("7.0.3", 'network = "no-such"', {}, "there is no network 'no-such'"),
    "refused": ("7.0.3", 'environment = {MYSQL_ROOT_PASS = "x"}', {}, "refused its account"),
    "refused-8": ("8.1.0", 'environment = {MYSQL_ROOT_PASS = "x"}', {}, "ended with exit code 1"),
    "lost": ("8.1.0", 'environment = {MYSQL_HOST = "x"}', {}, "MYSQL_HOST"),
    "database": ("7.0.3", 'database_command = ["--no-such"]', {}, "the database ended with exit"),
    "mount": ("7.0.3", 'mounts = ["relative:name:/x"]', {}, "container.mounts"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_failed_start_is_explained(judged, target, tmp_path, name):
    """A failing start reports the reason and the last lines of the logs, and leaves nothing."""
    tag, more, replacements, message = FAILURES[name]
    file = target(tag, more, name=f"failing-{name}")
    for key, value in replacements.items():
        text = (tmp_path / file).read_text()
        (tmp_path / file).write_text(
            text.replace(f'{key} = "openemr/openemr:{tag}"', f'{key} = "{value}"')
        )

    finished = judged(file, "--fresh")

    assert finished.exit_code == (4 if name == "mount" else 6), finished.output
    assert message in finished.output
    if name.startswith(("refused", "lost", "database")):
        assert "the last lines of openemr-conformance-" in finished.output


def test_used_port_is_reported(judged, target):
    """The run reports that another process uses the port of the target."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finished = judged(target(more=f"port = {taken.getsockname()[1]}"))

    assert finished.exit_code == 6, finished.output
    assert "of this machine is taken" in finished.output


def test_start_has_a_deadline(judged, target):
    """A start that takes too long ends the run."""
    file = target(name="slow")
    text = Path(file).read_text("utf-8").replace("start_seconds = 120", "start_seconds = 1")
    Path(file).write_text(text, "utf-8")

    finished = judged(file, "--fresh")

    assert finished.exit_code == 6, finished.output
    assert "after 1 s" in finished.output
