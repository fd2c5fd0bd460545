"""Runs forked off a process that has collected the checks: a run costs what its checks cost.

Loading the libraries and collecting takes longer than many a short run. The process is pytest with
--collect-only and this file as a plugin: it stops where the checks are collected and not yet
judged, and every job is a fork that goes on from there with a target and checks of its own.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from bs4 import BeautifulSoup

from tests.runs import EMBEDDED, LONGEST_SECONDS, Run, target_file

#: Files in the folder of a run.
RESULTS, OUTPUT = "results", "output.txt"
#: No capturing: a fork leads its output into a file of its own.
OPTIONS = ["--collect-only", "-q", "-s", "-p", "tests.fork_server", "-p", "no:cacheprovider"]
OPTIONS += ["-p", "no:randomly", "-p", "no:allure_pytest", "-p", "no:junitxml", "-p", "no:xdist"]
OPTIONS += ["--deviations=none", "--level=PRACTICE"]
#: The keys that most checks sign with.
KEYS = ["conformance-1", "conformance-2", "published-first", "published-second"]
KEYS += ["registered-RSA", "stranger", "of-a-stranger", "forger"]


class ForkServer:
    """The process that has collected."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "pytest", *OPTIONS],
            cwd=root,
            env={k: v for k, v in os.environ.items() if not k.startswith(("OPENEMR_", "PYTEST_"))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        folder: Path,
        checks: Sequence[str] = (),
        *,
        target: str | None = None,
        prepared: Mapping[str, Any] | None = None,
        plugin: str | None = None,
        **environment: str,
    ) -> Run:
        """Run these checks, or all, against a target, with one more plugin if it is named.

        `target` is the path of a target file. A `prepared` target, as its to_dict() has it, is
        judged as it is.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        folder.mkdir(exist_ok=True)
        job = {"folder": str(folder), "checks": checks, "target": target, "plugin": plugin}
        job["prepared"] = prepared
        self._process.stdin.write(json.dumps({**job, "environment": environment}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process that has collected is gone"
        printed = (folder / OUTPUT).read_text("utf-8", "replace")
        return Run(int(answer), printed, folder / RESULTS)

    def __enter__(self) -> Self:
        """Be used in a with statement."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._process.communicate(timeout=LONGEST_SECONDS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Fork for every job that comes in; only the forks ever return from here."""
    answers = os.dup(1)
    _warm_up()
    gc.collect()
    gc.freeze()  # what a collector touches, a fork has to copy
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line), session, config, items)
            return (yield)
        _, status = os.waitpid(child, 0)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _warm_up() -> None:
    """Do here what takes every process its time the first time: a fork has it behind it."""
    # Imported ahead of pytest they could not be rewritten.
    from fixtures.driver import keys  # noqa: PLC0415
    from fixtures.embedded.server import EmbeddedServer  # noqa: PLC0415
    from fixtures.provisioning.prepare import prepare  # noqa: PLC0415
    from fixtures.target.files import load  # noqa: PLC0415
    from fixtures.wire.client import Transport  # noqa: PLC0415

    for name in KEYS:
        keys.key(name)
    BeautifulSoup("<p>&eacute;&amp;</p>", "html.parser")
    with EmbeddedServer() as server, tempfile.TemporaryDirectory() as folder:
        transport = Transport()
        target = load(target_file(Path(folder), server.url, EMBEDDED), os.environ)
        _, clean_up = prepare(target, transport)
        clean_up()
        transport.close()


def _become(
    job: dict[str, Any], session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Make this process one that was asked for these checks of that target from the start."""
    # Imported ahead of pytest they could not be rewritten.
    from fixtures.plugin import hooks  # noqa: PLC0415
    from fixtures.target.model import Target  # noqa: PLC0415
    from fixtures.wire.redaction import SECRETS  # noqa: PLC0415
    from reports import options, plugin  # noqa: PLC0415
    from reports.render import allure, files  # noqa: PLC0415

    signal.alarm(LONGEST_SECONDS)
    output = os.open(Path(job["folder"]) / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    config.option.collectonly = False
    config.option.target = job["target"]
    config.option.results = str(Path(job["folder"]) / RESULTS)
    os.environ.update(job["environment"])
    if job["plugin"]:
        config.pluginmanager.import_plugin(job["plugin"])  # which may change options
    config.stash[hooks.OPTIONS] = hooks.options.read(config)
    reports = config.pluginmanager.get_plugin(plugin.NAME)
    reports.options = options.resolve(config)
    files.cleaned = lambda data, _: data
    allure.write = lambda *_: None  # nobody reads a report of these runs
    files.write_all = lambda folder, data, *_: files.Written([_write(files, folder, data)])
    files.prepare(reports.options.results)
    if job["prepared"]:
        config.stash[hooks.TARGET] = Target.from_dict(job["prepared"])
        SECRETS.remember_target(config.stash[hooks.TARGET])
    else:
        hooks.pytest_sessionstart(session)
    reports.start_run()
    wanted = set(job["checks"])
    items[:] = [item for item in items if not wanted or item.nodeid in wanted]


def _write(files: Any, folder: Path, data: Mapping[str, Any]) -> Path:
    """Write conformance.json alone: nobody reads a statement of these runs."""
    path = folder / str(files.CONFORMANCE)
    files.write(path, json.dumps(data))
    return path
