"""Accounts in the database of containers, also of a server that the suite did not start."""

import pytest

from fixtures.containers.installation import Installation
from fixtures.containers.reaper import Reaper, owner
from fixtures.containers.setup import Setup
from fixtures.target.files import load
from tests.containers import images
from tests.containers.conftest import leftovers
from tests.runs import run

CHECKS = ("conformance/portal/test_portal_isolation.py", "conformance/oauth/test_revocation.py")
#: The rows that a run may create in the database.
COUNTS = (
    "SELECT (SELECT COUNT(*) FROM oauth_clients), (SELECT COUNT(*) FROM patient_data), "
    "(SELECT COUNT(*) FROM patient_access_onsite)"
)
URL_TARGET = """kind = "url"
url = "{url}"
container = "{container}"
{more}
[tls]
verify = false
[users.admin]
name = "admin"
password = "pass"
"""


@pytest.fixture(scope="module")
def up(engine, tmp_path_factory):
    """The installation of an OpenEMR that is not a part of the run."""
    folder = tmp_path_factory.mktemp("up")
    file = folder / "deployment.toml"
    file.write_text(
        'kind = "container"\n[container]\nimage = "openemr/openemr:7.0.3"\n'
        f'database_image = "{images.DATABASE}"\nregistry = "{images.REGISTRY}"\n'
        'start_seconds = 120\n[users.admin]\nname = "admin"\npassword = "pass"\n'
    )
    reaper = Reaper("deployment", str(folder / "shared"))
    try:
        wanted = load(str(file), {})
        made = Installation(wanted, Setup.of(wanted), "deployment", owner(), lambda _: None)
        made.start(copy=False)
        yield made
    finally:
        reaper.stop()
    assert leftovers(engine) == []


@pytest.fixture
def judged_up(up, tmp_path):
    """Judge it as a server that is up: `judged_up('accounts = "database"', *checks)`."""

    def judge(more, *checks, container=None, **environment):
        file = tmp_path / "deployment.toml"
        named = container or up.running["openemr"]
        file.write_text(URL_TARGET.format(url=up.url, container=named, more=more))
        return run(
            tmp_path / "results", f"--target={file}", "--deviations=none", *checks, **environment
        )

    return judge


CONNECTIONS = {
    "as OpenEMR does": 'accounts = "database"',
    "in its own container": 'accounts = "database"\n[database]\ncontainer = "{database}"',
}


@pytest.mark.parametrize("connection", CONNECTIONS)
def test_nothing_of_the_run_is_left_in_a_server_that_is_up(up, judged_up, connection):
    """All rows of the run are removed from the database, and no others."""
    up.sql.query("INSERT INTO oauth_clients VALUES ('of-somebody-else', 1)")

    finished = judged_up(CONNECTIONS[connection].format(**up.running), "-n2", *CHECKS)

    rows = up.sql.query(COUNTS)
    up.sql.query("DELETE FROM oauth_clients WHERE client_id='of-somebody-else'")
    assert finished.exit_code == 0, finished.output
    assert rows == [["1", "0", "0"]]


FAILURES = {
    "no container": ("accounts = 'database'", "no-such", "there is no container 'no-such'"),
    "not running": ("accounts = 'database'", "ended", "is not running"),
    "no client": ("accounts = 'database'", "clientless", "has no client program of MariaDB"),
    "no OpenEMR": ("accounts = 'database'", "{database}", "/default/sqlconf.php of a site"),
    "password": ('[database]\npassword = "${PASSWORD}"', "", "refused the account"),
    "host": ('[database]\nhost = "no-such"', "", "there is no database at no-such"),
    "name": ('[database]\nname = "no_such"', "", "is no database of an OpenEMR"),
}


@pytest.fixture
def neighbours(engine, up):
    """Two more containers: one that has ended, and one without a client program."""
    image = up.setup.images[0]
    ended = engine.containers.run(image, ["true"], detach=True, name="ended")
    clientless = engine.containers.run(
        image,
        ["sh", "-c", "rm -f /usr/bin/mariadb /usr/bin/mysql; touch /ready; sleep 600"],
        detach=True,
        name="clientless",
        volumes={up.volumes["sites"]: {"bind": "/var/www/localhost/htdocs/openemr/sites"}},
    )
    ended.wait()
    while clientless.exec_run(["test", "-e", "/ready"]).exit_code != 0:
        pass
    yield
    for one in (ended, clientless):
        one.remove(force=True, v=True)


@pytest.mark.parametrize("name", FAILURES)
def test_failed_connection_to_the_database_is_explained(up, neighbours, judged_up, name):
    """The message has the reason in one sentence, without a password."""
    more, container, message = FAILURES[name]
    more = more if more.startswith("accounts") else f'accounts = "database"\n{more}'

    finished = judged_up(
        more, "conformance/oauth/test_discovery.py", PASSWORD="wrong-and-secret",
        container=container.format(**up.running),
    )  # fmt: skip

    assert finished.exit_code == 6, finished.output
    assert message in finished.output
    assert "wrong-and-secret" not in finished.output
