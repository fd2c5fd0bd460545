"""The embedded server as a simulation of the image `openemr/openemr`, with its data in MariaDB.

Environment, volumes, ports, log lines and failures are those of the official images. The family,
the version and the number of the image are environment variables that the images set: FAMILY=A (up
to 8.0.0: repeats a failing set-up without end) or B (from 8.1.0: ends at the first failure, writes
settings at every start), VERSION, DOCKER_VERSION.
"""

import datetime as dt
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pymysql
import rows
import uvicorn
from joserfc.jwk import RSAKey

from fixtures.embedded import keys
from fixtures.embedded.api import rest
from fixtures.embedded.app import Application
from fixtures.embedded.exchange import json_answer
from fixtures.embedded.store import Store

SITE = Path("sites/default")
SQLCONF = SITE / "sqlconf.php"
CERTIFICATE = Path("/etc/ssl/certs/selfsigned.cert.pem")
KEY = Path("/etc/ssl/private/selfsigned.key.pem")
FAMILY = os.environ.get("FAMILY", "A")
VERSION = os.environ.get("VERSION", "7.0.3")
NUMBER = int(os.environ.get("DOCKER_VERSION", "7"))
DEFECTS = frozenset(os.environ.get("DEFECTS", "").split())
SETTINGS = {
    "rest_api": "0",
    "rest_fhir_api": "0",
    "rest_portal_api": "0",
    "rest_system_scopes_api": "0",
    "oauth_password_grant": "0",
    "oauth_app_manual_approval": "0",
    "site_addr_oath": "",
    "portal_onsite_two_enable": "0",
    "openemr_name": "OpenEMR",
}
PREFIX = "OPENEMR_SETTING_"


def variable(name, default=""):
    """Return an environment variable, or its default."""
    return os.environ.get(name) or default


def connect(*, root=False):
    """Connect to MariaDB as the installer or as OpenEMR."""
    account = (
        {"user": variable("MYSQL_ROOT_USER", "root"), "password": variable("MYSQL_ROOT_PASS")}
        if root
        else {
            "user": variable("MYSQL_USER", "openemr"),
            "password": variable("MYSQL_PASS", "openemr"),
            "database": variable("MYSQL_DATABASE", "openemr"),
        }
    )
    return pymysql.connect(
        host=variable("MYSQL_HOST", "mysql"),
        port=int(variable("MYSQL_PORT", "3306")),
        autocommit=True,
        connect_timeout=5,
        **account,
    )


def log(text):
    """Write a line to the log."""
    print(text, flush=True)


def log_error(text):
    """Write a line to Apache's error log."""
    now = dt.datetime.now(dt.UTC).strftime("%a %b %d %H:%M:%S.%f %Y")
    print(f"[{now}] [php:error] [pid {os.getpid()}] {text}", file=sys.stderr, flush=True)


def is_set_up():
    """Return whether this site is set up."""
    return SQLCONF.is_file() and "$config = 1" in SQLCONF.read_text()


def set_up():
    """Create database, account and tables, as auto_configure.php does."""
    name, user = variable("MYSQL_DATABASE", "openemr"), variable("MYSQL_USER", "openemr")
    with connect(root=True) as installer, installer.cursor() as cursor:
        if FAMILY == "B":
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        cursor.execute(f"CREATE DATABASE `{name}`")
        cursor.execute(
            f"CREATE OR REPLACE USER '{user}'@'%%' IDENTIFIED BY %s",
            [variable("MYSQL_PASS", "openemr")],
        )
        cursor.execute(f"GRANT ALL ON `{name}`.* TO '{user}'@'%'")
    with connect() as database, database.cursor() as cursor:
        cursor.execute("CREATE TABLE globals (gl_name VARCHAR(63) PRIMARY KEY, gl_value LONGTEXT)")
        cursor.executemany("INSERT INTO globals VALUES (%s, %s)", [*SETTINGS.items()])
        cursor.execute("CREATE TABLE `keys` (name VARCHAR(50) UNIQUE, value TEXT)")
        for table in rows.TABLES:
            cursor.execute(table)
        cursor.execute("CREATE TABLE state (id INT PRIMARY KEY, state LONGBLOB)")
        cursor.execute(
            "INSERT INTO `keys` VALUES ('admin', %s), ('admin_name', %s)",
            # Cut off at the first = or space, as by the official set-up.
            [
                variable("OE_PASS", "pass").replace("=", " ").split(" ")[0],
                variable("OE_USER", "admin"),
            ],
        )
    account = {
        "host": variable("MYSQL_HOST", "mysql"),
        "port": variable("MYSQL_PORT", "3306"),
        "login": user,
        "pass": variable("MYSQL_PASS", "openemr"),
        "dbase": name,
    }
    lines = [f"${key}\t= '{value}';" for key, value in account.items()]
    SQLCONF.write_text("\n".join(["<?php", *lines, "$config = 1; /////////////", "?>"]))


def write_settings():
    """Write the settings of the environment to the database."""
    with connect() as database, database.cursor() as cursor:
        for variable_name, value in os.environ.items():
            if variable_name.startswith(PREFIX):
                name = variable_name.removeprefix(PREFIX)
                cursor.execute("UPDATE globals SET gl_value=%s WHERE gl_name=%s", [value, name])
                log(f"Set {name} to {value}")


def prepare():
    """Set up or upgrade the site, before Apache starts."""
    if not CERTIFICATE.exists():
        log("Generating self-signed SSL certificate..." if FAMILY == "B" else "........+++++")
        CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
        KEY.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(  # noqa: S603 - our own command
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365"),
                *("-subj", "/CN=localhost", "-keyout", KEY, "-out", CERTIFICATE),
            ],
            check=True,
            capture_output=True,
        )
    if not is_set_up():
        log("Running quick setup!")
        while True:
            try:
                set_up()
            except pymysql.MySQLError as problem:
                log("Couldn't set up. Any of these reasons could be what's wrong:")
                log(f" - {problem.args[-1]}")
                if FAMILY == "B":
                    sys.exit(1)
                time.sleep(1)
            else:
                break
        log("OpenEMR configured successfully" if FAMILY == "B" else "OpenEMR configured.")
        write_settings()
        log("Setup Complete!")
        (SITE / "docker-version").write_text(str(NUMBER))
    else:
        upgrade()
        if FAMILY == "B":
            write_settings()
    log("Starting Apache!" if FAMILY == "B" else "Starting apache!")


def upgrade():
    """Upgrade an older site to this image."""
    before = int((SITE / "docker-version").read_text())
    if before >= NUMBER:
        return
    log(f"Plan to try an upgrade from {before} to {NUMBER}")
    for number in range(before + 1, NUMBER + 1):
        log(f"Start: Processing fsupgrade-{number}.sh upgrade script")
        log(f"Completed: Processing fsupgrade-{number}.sh upgrade script")
    (SITE / "docker-version").write_text(str(NUMBER))
    log("Completed upgrade")


class Server(Application):
    """The embedded server with its settings, keys and state in the database."""

    def __init__(self):
        super().__init__()
        self.database = connect()
        self.lock = threading.Lock()
        self.query("SELECT 1")
        self._load_key()
        self._load_state()
        major, minor, patch = VERSION.split(".")[:3]
        rest.VERSION.update(v_major=major, v_minor=minor, v_patch=patch)

    def query(self, sql, *values):
        """Send SQL and return the rows; reconnect once if the connection is lost."""
        with self.lock:
            try:
                self.database.ping(reconnect=True)
                with self.database.cursor() as cursor:
                    cursor.execute(sql, values)
                    return cursor.fetchall()
            except pymysql.MySQLError:
                self.database.close()
                raise

    def _load_key(self):
        found = self.query("SELECT value FROM `keys` WHERE name='oauth2key'")
        if found:
            key = RSAKey.import_key(found[0][0], {"use": "sig", "alg": "RS256"})
            key.ensure_kid()
        else:
            key = keys.signing_key("default")
            pem = key.as_pem(private=True).decode()
            self.query("INSERT INTO `keys` VALUES ('oauth2key', %s)", pem)
        keys.signing_key = lambda _site: key

    def _load_state(self):
        state = self.query("SELECT state FROM state WHERE id=1")
        if state:
            self.store = pickle.loads(state[0][0])  # noqa: S301 - our own
            self.store.defects = DEFECTS
        else:
            self.store = Store("", "default", DEFECTS)
            names = dict(self.query("SELECT name, value FROM `keys`"))
            admin = self.store.user_named("admin", "users")
            admin.username, admin.password = names["admin_name"], names["admin"]
        self.stores["", "default"] = self.store
        self.rows = rows.Rows(self.query, self.store)

    def save(self):
        """Write the state to the database."""
        self.query("REPLACE INTO state VALUES (1, %s)", pickle.dumps(self.store))

    async def __call__(self, scope, receive, send):
        """Respond to a request with the present settings of the database."""
        if scope["type"] != "http":
            return
        try:
            settings = dict(self.query("SELECT gl_name, gl_value FROM globals"))
            self.rows.read()
        except pymysql.MySQLError as problem:
            log_error(f"OpenEMR.CRITICAL: SQL connection failed: {problem.args[-1]}")
            await json_answer({"error": "server_error"}, 500)(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        host = f"{scope['scheme']}://{headers.get('host', 'localhost')}"
        self.base = settings["site_addr_oath"] or host
        self.store.move(self.base)
        self.store.settings.update(settings)

        async def watched(message):
            if message["type"] == "http.response.start":
                self.rows.write()
                log(f'"{scope["method"]} {scope["path"]} HTTP/1.1" {message["status"]}')
                if message["status"] >= 400:
                    log_error(f"OpenEMR.ERROR: refused {scope['path']} with {message['status']}")
            await send(message)

        await super().__call__(scope, receive, watched)


def main():
    """Set up the site, then serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if (sys.argv[1:] or [""])[0] == "setup":
        return
    prepare()
    application = Server()

    def server(port, **options):
        config = uvicorn.Config(
            application,
            host="0.0.0.0",  # noqa: S104 - a container
            port=port,
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            **options,
        )
        made = uvicorn.Server(config)
        made.install_signal_handlers = lambda: None
        return made

    secure = server(443, ssl_certfile=str(CERTIFICATE), ssl_keyfile=str(KEY))
    log("AH00163: Apache/2.4 configured -- resuming normal operations")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    for one in (server(80), secure):
        threading.Thread(target=one.run, daemon=True).start()
    stopped.wait()
    application.save()


if __name__ == "__main__":
    main()
