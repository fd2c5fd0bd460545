"""Servers in JavaScript, with packages from npm: installed once, started at a free port."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

#: The patients of tests/referee/oauth/people.mjs, for a target file.
PATIENTS = """
[users.patient]
name = "phil"
password = "phil-Pass-1"
email = "phil@example.org"
uuid = "b1000000-0000-4000-8000-000000000001"
[users.other_patient]
name = "susan"
password = "susan-Pass-1"
email = "susan@example.org"
uuid = "b1000000-0000-4000-8000-000000000002"
"""
INSTALL_SECONDS = 240
START_SECONDS = 30


def install(folder: Path) -> None:
    """Install the packages of a folder, unless they are there; skip the test without npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm (Node.js) to install the server that judges: it was not run")
    installed, wanted = folder / "node_modules" / ".package-lock.json", folder / "package.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    finished = subprocess.run(  # noqa: S603 - found in the PATH
        [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, f"npm install failed:\n{finished.stderr[-2000:]}"
    installed.touch()


@contextlib.contextmanager
def running(folder: Path, script: str, log: Path, **environment: str) -> Iterator[str]:
    """Run a script of the folder with PORT in its environment; yield its base URL."""
    node = folder / "node_modules" / ".bin" / "node"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [str(node), script],
            cwd=folder,
            env={**os.environ, **environment, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, url, log)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended at once:\n{log.read_text('utf-8')}"
        with contextlib.suppress(httpx.TransportError):
            httpx.get(url)
            return
        time.sleep(0.1)
    raise AssertionError(f"the server does not answer at {url}:\n{log.read_text('utf-8')}")
