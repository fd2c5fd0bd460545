"""Targets in containers, as far as they can be tested without an engine."""

import os
import time

import pytest

from fixtures.containers import reaper
from fixtures.containers.bring_up import bring_up
from fixtures.containers.engine import sql_text
from fixtures.containers.options import ContainerOptions
from fixtures.containers.server_log import _since
from fixtures.containers.setup import Setup
from fixtures.containers.snapshots import key
from fixtures.provisioning.upgrade import upgrade
from fixtures.target.files import SHIPPED, load
from fixtures.wire.client import NotReady

RELEASES = sorted(path.stem for path in SHIPPED.glob("openemr-*.toml"))
TEXT = """kind = "container"
[container]
image = "openemr/openemr:7.0.3"
database_image = "mariadb:11.4"
{more}
[users.admin]
name = "admin"
password = "{password}"
"""


@pytest.fixture
def written(tmp_path):
    """Writes a target file and loads it."""

    def write(more="", password="pass"):
        path = tmp_path / "target.toml"
        path.write_text(TEXT.format(more=more, password=password), "utf-8")
        return load(str(path), {})

    return write


@pytest.mark.parametrize("name", RELEASES)
def test_shipped_release_names_its_images(name):
    """A shipped target names the images of its release, and switches everything on."""
    target = load(name, {})
    setup = Setup.of(target)

    assert target.declared_version == name.removeprefix("openemr-")
    assert setup.images[0].startswith(f"openemr/openemr:{target.declared_version}")
    assert setup.images[1].startswith("mariadb:")
    assert setup.settings["oauth_password_grant"] == "3"


def test_registry_stands_before_both_images(written):
    """A registry is put before the names of the images."""
    setup = Setup.of(written('registry = "registry.example.org/mirror/"'))

    assert setup.images == (
        "registry.example.org/mirror/openemr/openemr:7.0.3",
        "registry.example.org/mirror/mariadb:11.4",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('mounts = ["no-path"]', r"container.mounts.0: string should match pattern"),
        ("port = 70000", "container.port: input should be less than or equal to 65535"),
        ('unknown = "x"', "container.unknown: unknown key"),
        ("settings = {rest_api = 1}", "container.settings.rest_api: should be a string"),
    ],
)
def test_wrong_container_table_is_named(written, more, message):
    """A wrong table [container] is refused with the key."""
    with pytest.raises(pytest.UsageError, match=message):
        written(more)


@pytest.mark.parametrize("password", ["a b", "a=b", "a'b"])
def test_password_that_would_be_cut_is_refused(written, password):
    """A password that OpenEMR's set-up would cut off is refused before anything is started."""
    with pytest.raises(pytest.UsageError, match="choose another"):
        Setup.of(written(password=password))


def test_missing_engine_is_explained(written, monkeypatch):
    """Without a Docker engine the run says what to do."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    with pytest.raises(NotReady, match="no Docker engine can be reached") as problem:
        bring_up(written(), ContainerOptions(), upgrade)

    assert "--target https://" in str(problem.value)


def test_prepared_copy_depends_on_images_and_settings(written):
    """Another image, setting or password needs another copy."""
    plain, other = written(), written('settings = {rest_api = "0"}')
    images = ["sha256:1", "sha256:2"]
    keys = {
        key(plain, Setup.of(plain), images),
        key(other, Setup.of(other), images),
        key(plain, Setup.of(plain), ["sha256:1", "sha256:3"]),
        key(written(password="another"), Setup.of(plain), images),
    }

    assert len(keys) == 4
    assert key(plain, Setup.of(plain), images) in keys


def test_values_are_literals_in_sql():
    """A quote or a backslash in a value stays a part of it."""
    assert sql_text("it's a \\") == "'it''s a \\\\'"


def test_owner_is_distinguished_from_a_later_process():
    """A process is recognised by its start, as its id may be used again."""
    _, pid, started = reaper.owner().split("/")

    assert int(pid) == os.getpid()
    assert started
    assert reaper._started(2**31 - 1) == ""


def test_error_log_is_shown_from_the_check_on():
    """Only lines since the start of the check are taken from an error.log."""
    now = time.time()
    lines = [
        f"[{time.strftime('%a %b %d %H:%M:%S', time.gmtime(at))}.123456 "
        f"{time.strftime('%Y', time.gmtime(at))}] [php:error] {at - now:+.0f}"
        for at in (now - 60, now - 30, now + 1)
    ]
    text = "\n".join([*lines[:2], "  of the second", lines[2], "  of the third"])

    assert _since(text, now).splitlines() == [lines[2], "  of the third"]
