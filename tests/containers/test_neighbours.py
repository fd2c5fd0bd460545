"""An app in the network of OpenEMR, and deployments that the suite did not start."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

import pytest

from fixtures.containers.installation import Installation
from fixtures.containers.reaper import Reaper, owner
from fixtures.containers.setup import Setup
from fixtures.driver import keys
from fixtures.driver.admin_pages import Administrator
from fixtures.driver.authorization_server import AuthorizationServer
from fixtures.driver.registrar import Registrar
from fixtures.target.files import load
from fixtures.wire.client import Http, NoResponse, Transport
from tests.containers import images
from tests.containers.conftest import leftovers
from tests.runs import ROOT, run

START_SECONDS = 120
SCOPE = "api:fhir system/Patient.read"
#: An app that publishes its keys, to be run by the Python of the image.
APP = """
import http.server
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write({keys!r})
http.server.HTTPServer(("", 8000), App).serve_forever()
"""


def test_app_in_the_same_network_is_reached(engine, target, tmp_path):
    """OpenEMR fetches the keys of an app by its host name in the common network."""
    name = "openemr-conformance-test-apps"
    key = keys.key("an-app")
    published = json.dumps(keys.jwks(key)).encode()
    reaper = Reaper("same-network", str(tmp_path / "folder"))
    network = engine.networks.create(name)
    app = engine.containers.run(
        f"{images.REGISTRY}/openemr/openemr:7.0.3",
        ["python3", "-c", APP.format(keys=published)],
        detach=True,
        network=name,
        name="app",
    )
    transport = Transport(verify=False)
    try:
        wanted = load(target(more=f'network = "{name}"'), {})
        installation = Installation(
            wanted, Setup.of(wanted), "same-network", owner(), lambda _: None
        )
        ready = installation.start()
        server = AuthorizationServer(ready, Http(transport))
        registrar = Registrar(server, Administrator(ready, Http(transport, cookies=True)))
        client = registrar.system(SCOPE, key=key, jwks_uri="http://app:8000/jwks.json")
        answer = server.client_credentials(client, SCOPE)
    finally:
        transport.close()
        reaper.stop()
        app.remove(force=True, v=True)
        network.remove()

    assert answer.status_code == 200, answer.text
    assert leftovers(engine) == []


def compose():
    """Return the command of compose, a plugin or a program; skip the test if there is none."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            finished = subprocess.run([*command, "version"], capture_output=True, check=False)  # noqa: S603 - our own command
            if finished.returncode == 0:
                return command
    pytest.skip("there is no docker compose on this machine")


def wait_for(server):
    """Wait until an OpenEMR that the suite did not start is ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server.http.transport.failures = 0
        with contextlib.suppress(NoResponse):
            if server.discover().status_code == 200:
                return
        time.sleep(0.5)
    pytest.fail(f"OpenEMR was not up after {START_SECONDS} s")


def test_deployment_in_compose_is_judged(engine, tmp_path):
    """The deployment of docs/compose.yaml is judged with docs/compose.toml."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    registry = f"{images.REGISTRY}/"
    environment = {**os.environ, "PORT": port, "REGISTRY": registry, "RELEASE": "7.0.3"}
    command = [*compose(), "-f", str(ROOT / "docs" / "compose.yaml"), "-p", "conformancetest"]
    subprocess.run([*command, "up", "-d"], env=environment, check=True, capture_output=True)  # noqa: S603 - our own command
    transport = Transport(verify=False)
    try:
        server = AuthorizationServer(
            load(str(ROOT / "docs" / "compose.toml"), environment), Http(transport)
        )
        wait_for(server)
        checks = "conformance/oauth/test_password.py"
        finished = run(
            tmp_path / "results", f"--target={ROOT}/docs/compose.toml", "--deviations=none",
            checks, PORT=port,
        )  # fmt: skip
    finally:
        transport.close()
        subprocess.run([*command, "down", "-v"], env=environment, check=True, capture_output=True)  # noqa: S603 - our own command

    assert finished.exit_code == 0, finished.output
    assert finished.statement["target"]["kind"] == "url"
