"""The shared fixtures of the container tests: images, targets, runs and their leftovers."""

import os
import tempfile
import time
from pathlib import Path
from tempfile import gettempdir

import pytest

from fixtures.containers.engine import FOLDER, RUN, connect
from fixtures.containers.reaper import labels
from fixtures.wire.client import NotReady
from tests.containers import images
from tests.runs import run

ONE_CHECK = "conformance/oauth/test_discovery.py::test_metadata_is_json"
#: How long the reaper may take after a run was killed.
REMOVE_SECONDS = 60


def pytest_collection_modifyitems(items):
    """Skip the container tests unless they are requested."""
    if os.environ.get("CONTAINERS"):
        return
    why = "needs a Docker engine and builds images of Debian packages: run `tox -e containers`"
    for item in items:
        if "tests/containers/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path, monkeypatch):
    """The temporary folder of the runs of one test, by which its leftovers are found."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)


#: Volumes without a label that were there before the tests.
FOREIGN = set()


@pytest.fixture(scope="session")
def engine():
    """A client of the engine, with the images built."""
    try:
        client = connect()
    except NotReady as problem:
        pytest.skip(str(problem))
    images.all_images()
    FOREIGN.update(unlabelled(client))
    return client


@pytest.fixture
def target(engine, tmp_path):
    """Write a target file: `target("7.0.3", 'port = 1')`, with lines for [container]."""

    def write(tag="7.0.3", more="", name="stand-in", accounts="pages"):
        path = tmp_path / f"{name}-{tag}.toml"
        path.write_text(
            f'kind = "container"\naccounts = "{accounts}"\n[container]\n'
            f'image = "openemr/openemr:{tag}"\ndatabase_image = "{images.DATABASE}"\n'
            f'registry = "{images.REGISTRY}"\nstart_seconds = 120\n{more}\n'
            '[users.admin]\nname = "admin"\npassword = "pass"\n'
        )
        return str(path)

    return write


@pytest.fixture
def judged(tmp_path, engine):
    """Judge a target as a user does: `judged(target_file, "-k", "x")`, without leftovers."""

    def judge(file, *arguments, **environment):
        checks = [each for each in arguments if not each.startswith("-")] or [ONE_CHECK]
        options = [each for each in arguments if each.startswith("-")]
        finished = run(
            tmp_path / "results", f"--target={file}", "--deviations=none", *options, *checks,
            **environment,
        )  # fmt: skip
        if "--keep" not in options:
            assert leftovers(engine) == [], finished.output
        return finished

    return judge


def leftovers(client, seconds=0):
    """Return the names of the leftovers of this test, after waiting at most so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = [
            *client.containers.list(all=True, filters={"label": RUN}, ignore_removed=True),
            *client.networks.list(filters={"label": RUN}),
            *client.volumes.list(filters={"label": RUN}),
        ]
        own = [each.name for each in found if labels(each)[FOLDER].startswith(gettempdir())]
        folders = map(str, Path(gettempdir()).glob("openemr-conformance-*"))
        names = [*own, *folders, *sorted(unlabelled(client) - FOREIGN)]
        if not names or time.monotonic() >= deadline:
            return names
        time.sleep(0.5)


def unlabelled(client):
    """Return the names of the volumes that images declare, which have no label."""
    return {one.name for one in client.volumes.list() if len(one.name) == 64}
