"""Accounts in the database, as far as they can be tested without an engine."""

from types import SimpleNamespace

import bcrypt
import docker.errors
import pytest

from fixtures.containers import database_accounts, engine
from fixtures.containers.administrators import administrator_of
from fixtures.containers.database_accounts import DatabaseAdministrator
from fixtures.containers.engine import Database
from fixtures.doctor.steps import Doctor
from fixtures.driver.admin_pages import Administrator
from fixtures.target.files import load
from fixtures.target.model import Target, User
from fixtures.wire.client import Blocked, NotReady

SQLCONF = r"""<?php
$host	= 'mysql';
$port	= '3306';
$login	= 'openemr';
$pass	= 'it\'s a \\ word';
$dbase	= 'openemr';
$sqlconf["pass"] = $pass;
$config = 1; /////////////
"""
TARGET = Target(
    "one",
    "url",
    "https://emr.example.org",
    accounts="database",
    container={"name": "openemr"},
    users={"admin": User("admin", "pass")},
)
ACCOUNT = {"user": "openemr", "password": "secretly-1", "name": "openemr"}


class Engine:
    """A Docker engine with one container, which returns these results in their order.

    A result is `(exit code, output, error output)`.
    """

    def __init__(self, *results, missing=False):
        self.results = [*results]
        self.missing = missing
        self.commands = []
        self.containers = self

    def get(self, name):
        """Return a container by its name."""
        if self.missing:
            raise docker.errors.NotFound(name)
        return self

    def exec_run(self, command, environment=None, demux=False):
        """Record a command and return the next result."""
        self.commands.append((command, environment))
        code, output, error = self.results.pop(0)
        both = (output.encode() or None, error.encode() or None)
        output = both if demux else output.encode()
        return type("Done", (), {"exit_code": code, "output": output})


@pytest.fixture
def containers(monkeypatch):
    """Replaces the engine by one with these results."""

    def put(*results, missing=False):
        made = Engine(*results, missing=missing)
        for module in (engine, database_accounts):
            monkeypatch.setattr(module, "connect", lambda: made)
        return made

    return put


@pytest.fixture
def written(tmp_path):
    """Writes a target file and loads it."""

    def write(more, kind="url"):
        path = tmp_path / "target.toml"
        url = 'url = "https://emr.example.org"' if kind == "url" else ""
        path.write_text(f'kind = "{kind}"\n{url}\n{more}\n', "utf-8")
        return load(str(path), {"PASSWORD": "secretly-1"})

    return write


def test_target_file_chooses_where_accounts_are_created(written):
    """The key `accounts` chooses the administrator; without it the pages are used."""
    pages = written("")
    database = written('accounts = "database"\ncontainer = "openemr"')

    assert type(administrator_of(pages, None)) is Administrator
    assert type(administrator_of(database, None)) is DatabaseAdministrator


@pytest.mark.parametrize(
    ("more", "kind", "message"),
    [
        ('accounts = "database"', "url", "needs to know where the database is"),
        ('[database]\nuser = "x"', "url", "nothing would use"),
        ('accounts = "sql"', "url", "accounts: input should be 'pages' or 'database'"),
        (
            'accounts = "database"\n[database]\nport = 0',
            "url",
            "database.port: input should be greater than",
        ),
        ('accounts = "database"\n[database]\nhots = "x"', "url", "unknown key"),
        ('accounts = "database"', "embedded", "the embedded server has no database"),
        ('[database]\nuser = "x"', "embedded", "is for servers that are up"),
    ],
)
def test_wrong_target_file_is_explained(written, more, kind, message):
    """A contradiction in the file is an error before any request."""
    with pytest.raises(pytest.UsageError, match=message):
        written(more, kind)


def test_missing_values_are_read_from_sqlconf(containers):
    """Values that [database] leaves out are those of sqlconf.php in the container."""
    found = containers((0, SQLCONF, ""), (0, "0\n", ""))

    ready = database_accounts.reach(TARGET)

    assert database_accounts.database_of(ready) == Database(
        "openemr", "openemr", r"it's a \ word", "openemr", "mysql", "3306"
    )
    assert found.commands[0][0] == ["cat", f"{database_accounts.SITES}/default/sqlconf.php"]


def test_container_of_the_database_is_used(containers, written):
    """In the container of the database the server is at localhost."""
    containers((0, SQLCONF, ""), (0, "0\n", ""))
    target = written(
        'accounts = "database"\ncontainer = "openemr"\n[database]\ncontainer = "mysql"\n'
        'password = "${PASSWORD}"'
    )

    found = database_accounts.database_of(database_accounts.reach(target))

    assert (found.container, found.host, found.password) == ("mysql", "localhost", "secretly-1")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([(1, "", "cat: no such file")], "has no /var/www/.*/default/sqlconf.php"),
        ([(0, "<?php $config = 0;", "")], "of a site that is set up"),
        ([(0, SQLCONF, ""), (127, "", "")], "has no client program of MariaDB or MySQL"),
        ([(0, SQLCONF, ""), (1, "", "ERROR 1045 (28000): Access denied")], "refused the account"),
        (
            [(0, SQLCONF, ""), (1, "", "ERROR 2002 (HY000): Can't connect")],
            "there is no database at mysql",
        ),
        ([(0, SQLCONF, ""), (1, "", "ERROR 1146 (42S02): no table")], "is no database of an OpenE"),
        ([(0, SQLCONF, ""), (1, "", "it's a \\ word")], "the database refused: <password"),
    ],
)
def test_failed_connection_to_the_database_is_explained(containers, results, message):
    """Each failure is a sentence, with what to do and without the password."""
    containers(*results)

    with pytest.raises(NotReady, match=message) as problem:
        database_accounts.reach(TARGET)

    assert "or leave `accounts` out" in str(problem.value)


def test_missing_container_is_named(containers):
    """The message names a container that does not exist."""
    containers(missing=True)

    with pytest.raises(NotReady, match="there is no container 'openemr': `docker ps`"):
        database_accounts.reach(TARGET)


def test_doctor_connects_to_the_database(containers):
    """The doctor reports a failed connection, and goes on with the pages."""
    server = SimpleNamespace(target=None)
    containers((0, SQLCONF, ""), (0, "0\n", ""))
    well = Doctor(TARGET)
    ready = well._database(server)
    containers(missing=True)
    ill = Doctor(TARGET)
    missing = ill._database(server)
    for doctor in (well, ill):
        doctor.transport.close()

    assert (ready.state, well.target.accounts) == ("ok", "database")
    assert (missing.state, server.target.accounts) == ("wrong", "pages")
    assert "there is no container 'openemr'" in missing.finding


def test_no_password_and_no_sql_is_an_argument(containers):
    """Other processes can read the arguments of a process."""
    found = containers((0, "1\t2\n", ""))

    rows = Database("mysql", **ACCOUNT).query("SELECT 'quietly-2'")

    (command, environment) = found.commands[0]
    assert rows == [["1", "2"]]
    assert not any("secretly-1" in word or "quietly-2" in word for word in command)
    assert environment == {"MYSQL_PWD": "secretly-1", "SQL": "SELECT 'quietly-2'"}


def test_hash_has_the_prefix_of_php():
    """OpenEMR only accepts bcrypt hashes with this prefix."""
    made = database_accounts.password_hash("a password")

    assert made.startswith("$2y$")
    assert bcrypt.checkpw(b"a password", made.encode())


def administrator(containers, *results):
    """Return an administrator whose database returns these results, and its engine."""
    found = containers(*results)
    target = Target(
        **{**TARGET.__dict__, "database": {"container": "mysql", **ACCOUNT}, "container": {}}
    )
    return DatabaseAdministrator(target, None), found


def test_database_of_another_server_is_noticed(containers):
    """A database without the client or the patient belongs to another OpenEMR."""
    made, _ = administrator(containers, (0, "", ""), (0, "0\n", ""))

    with pytest.raises(Blocked, match="is it the database of the OpenEMR at"):
        made.enable("a-client")
    with pytest.raises(Blocked, match="has no patient 7"):
        made.make_portal_user(User("ada", "x", pid=7), "y")


def test_only_ids_of_the_run_are_removed(containers):
    """Clients are removed by their ids, from the tables that the release has."""
    tables = "api_token\tclient_id\noauth_clients\tclient_id\n"
    made, found = administrator(containers, (0, tables, ""), (0, "", ""))

    assert made.remove_clients(["one", "o'ther"])

    assert found.commands[1][1]["SQL"] == (
        "DELETE FROM api_token WHERE client_id IN ('one', 'o''ther'); "
        "DELETE FROM oauth_clients WHERE client_id IN ('one', 'o''ther')"
    )
    assert made.remove_clients([])
    assert made.remove_clients([""])
    with pytest.raises(Blocked, match="no patient"):
        made.delete_patient(0)
    assert len(found.commands) == 2
