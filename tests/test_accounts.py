"""Accounts in the database, as far as they can be tried without an engine."""

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
    """A Docker engine in which one container says what it is told to say."""

    def __init__(self, *answers, missing=False):
        """Give the answers (exit code, output, complaint) in their order."""
        self.answers = [*answers]
        self.missing = missing
        self.asked = []
        self.containers = self

    def get(self, name):
        """Return a container by its name."""
        if self.missing:
            raise docker.errors.NotFound(name)
        return self

    def exec_run(self, command, environment=None, demux=False):
        """Take a command down and answer."""
        self.asked.append((command, environment))
        code, output, complaint = self.answers.pop(0)
        both = (output.encode() or None, complaint.encode() or None)
        output = both if demux else output.encode()
        return type("Done", (), {"exit_code": code, "output": output})


@pytest.fixture
def containers(monkeypatch):
    """Put an engine in the place of the real one."""

    def put(*answers, missing=False):
        made = Engine(*answers, missing=missing)
        for module in (engine, database_accounts):
            monkeypatch.setattr(module, "connect", lambda: made)
        return made

    return put


@pytest.fixture
def written(tmp_path):
    """Write a target file and load it."""

    def write(more, kind="url"):
        path = tmp_path / "target.toml"
        url = 'url = "https://emr.example.org"' if kind == "url" else ""
        path.write_text(f'kind = "{kind}"\n{url}\n{more}\n', "utf-8")
        return load(str(path), {"PASSWORD": "secretly-1"})

    return write


def test_target_file_says_where_accounts_are_made(written):
    """The key `accounts` chooses the administrator; without it the pages are used."""
    pages = written("")
    database = written('accounts = "database"\ncontainer = "openemr"')

    assert type(administrator_of(pages, None)) is Administrator
    assert type(administrator_of(database, None)) is DatabaseAdministrator


@pytest.mark.parametrize(
    ("more", "kind", "said"),
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
def test_wrong_target_file_is_named(written, more, kind, said):
    """What cannot be is told before anything is asked."""
    with pytest.raises(pytest.UsageError, match=said):
        written(more, kind)


def test_account_is_read_where_openemr_has_it(containers):
    """What [database] leaves out, the container's sqlconf.php says."""
    found = containers((0, SQLCONF, ""), (0, "0\n", ""))

    ready = database_accounts.reach(TARGET)

    assert database_accounts.database_of(ready) == Database(
        "openemr", "openemr", r"it's a \ word", "openemr", "mysql", "3306"
    )
    assert found.asked[0][0] == ["cat", f"{database_accounts.SITES}/default/sqlconf.php"]


def test_container_of_the_database_is_asked_itself(containers, written):
    """In the container of the database its server is on localhost."""
    containers((0, SQLCONF, ""), (0, "0\n", ""))
    target = written(
        'accounts = "database"\ncontainer = "openemr"\n[database]\ncontainer = "mysql"\n'
        'password = "${PASSWORD}"'
    )

    found = database_accounts.database_of(database_accounts.reach(target))

    assert (found.container, found.host, found.password) == ("mysql", "localhost", "secretly-1")


@pytest.mark.parametrize(
    ("answers", "said"),
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
def test_way_to_the_database_that_is_closed_is_told(containers, answers, said):
    """Each step on the way that fails is a sentence, with what to do and without the password."""
    containers(*answers)

    with pytest.raises(NotReady, match=said) as problem:
        database_accounts.reach(TARGET)

    assert "or leave `accounts` out" in str(problem.value)


def test_container_that_is_not_there_is_told(containers):
    """A container that the engine does not have is named."""
    containers(missing=True)

    with pytest.raises(NotReady, match="there is no container 'openemr': `docker ps`"):
        database_accounts.reach(TARGET)


def test_doctor_tries_the_way(containers):
    """The doctor says whether the database is reached, and goes on with the pages if not."""
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
    """What is an argument of a process is listed and logged by others."""
    found = containers((0, "1\t2\n", ""))

    rows = Database("mysql", **ACCOUNT).query("SELECT 'quietly-2'")

    (command, environment) = found.asked[0]
    assert rows == [["1", "2"]]
    assert not any("secretly-1" in word or "quietly-2" in word for word in command)
    assert environment == {"MYSQL_PWD": "secretly-1", "SQL": "SELECT 'quietly-2'"}


def test_hash_is_one_that_openemr_knows():
    """The hash has the name that PHP gives bcrypt, and is that of the password."""
    made = database_accounts.password_hash("a password")

    assert made.startswith("$2y$")
    assert bcrypt.checkpw(b"a password", made.encode())


def administrator(containers, *answers):
    """Return an administrator at a database that gives these answers, and its engine."""
    found = containers(*answers)
    target = Target(
        **{**TARGET.__dict__, "database": {"container": "mysql", **ACCOUNT}, "container": {}}
    )
    return DatabaseAdministrator(target, None), found


def test_client_of_another_server_is_told(containers):
    """A database that does not have the client, or not the patient, is that of another OpenEMR."""
    made, _ = administrator(containers, (0, "", ""), (0, "0\n", ""))

    with pytest.raises(Blocked, match="is it the database of the OpenEMR at"):
        made.enable("a-client")
    with pytest.raises(Blocked, match="has no patient 7"):
        made.make_portal_user(User("ada", "x", pid=7), "y")


def test_only_ids_of_the_run_are_removed(containers):
    """Clients are removed from the tables that the release has, each by its id."""
    existing = "api_token\tclient_id\noauth_clients\tclient_id\n"
    made, found = administrator(containers, (0, existing, ""), (0, "", ""))

    assert made.remove_clients(["one", "o'ther"])

    assert found.asked[1][1]["SQL"] == (
        "DELETE FROM api_token WHERE client_id IN ('one', 'o''ther'); "
        "DELETE FROM oauth_clients WHERE client_id IN ('one', 'o''ther')"
    )
    assert made.remove_clients([])
    assert made.remove_clients([""])
    with pytest.raises(Blocked, match="no patient"):
        made.delete_patient(0)
    assert len(found.asked) == 2
