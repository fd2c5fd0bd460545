"""What the tests of the container fixture share: images, targets, and a look at what is left."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from fixtures.containers.engine import RUN, connect
from fixtures.wire.client import NotReady
from tests.containers import images
from tests.runs import run

ONE_CHECK = "conformance/oauth/test_discovery.py::test_metadata_is_json"
#: How long the reaper may take after a run was killed.
REMOVE_SECONDS = 60


def pytest_collection_modifyitems(items):
    """Skip what needs an engine and images, unless it was asked for."""
    if os.environ.get("CONTAINERS"):
        return
    why = "needs a Docker engine and builds images of Debian packages: run `tox -e containers`"
    for item in items:
        if "tests/containers/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason=why))


#: What was there before the tests, and is none of theirs.
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
    """Judge a target as a user does: `judged(target_file, "-k", "x")`; nothing may be left."""

    def judge(file, *arguments, **environment):
        checks = [each for each in arguments if not each.startswith("-")] or [ONE_CHECK]
        options = [each for each in arguments if each.startswith("-")]
        finished = run(
            tmp_path / "results", f"--target={file}", "--deviations=none", *options, *checks,
            **environment,
        )  # fmt: skip
        if "--keep" not in options:
            assert left(engine) == [], finished.output
        return finished

    return judge


def left(client, seconds=0):
    """Name what is left of any run, after so many seconds at most."""
    deadline = time.monotonic() + seconds
    while True:
        found = [
            *client.containers.list(all=True, filters={"label": RUN}, ignore_removed=True),
            *client.networks.list(filters={"label": RUN}),
            *client.volumes.list(filters={"label": RUN}),
        ]
        names = [*(each.name for each in found), *sorted(unlabelled(client) - FOREIGN)]
        if not names or time.monotonic() >= deadline:
            return names
        time.sleep(0.5)


def unlabelled(client):
    """Name what has no label: volumes that images declare, and the folders of runs."""
    anonymous = {one.name for one in client.volumes.list() if len(one.name) == 64}
    return anonymous | set(map(str, Path(tempfile.gettempdir()).glob("openemr-conformance-*")))
