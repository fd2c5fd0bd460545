"""Clients, patients and portal accounts as rows of OpenEMR's tables.

As with OpenEMR, a change of a row by another process takes effect at the next request: a client is
enabled, an account created, a patient removed.
"""

import bcrypt

CLIENTS = (
    "CREATE TABLE oauth_clients (client_id VARCHAR(80) PRIMARY KEY, "
    "is_enabled TINYINT NOT NULL DEFAULT 0)"
)
PATIENTS = "CREATE TABLE patient_data (pid BIGINT PRIMARY KEY, allow_patient_portal VARCHAR(31))"
ACCOUNTS = (
    "CREATE TABLE patient_access_onsite (id INT PRIMARY KEY AUTO_INCREMENT, pid BIGINT UNIQUE, "
    "portal_username VARCHAR(100), portal_pwd VARCHAR(255), portal_pwd_status TINYINT DEFAULT 1, "
    "portal_login_username VARCHAR(100), portal_onetime VARCHAR(255))"
)
TABLES = (CLIENTS, PATIENTS, ACCOUNTS)
#: A low cost, as these passwords protect nothing.
ROUNDS = 4


class PasswordHash:
    """A bcrypt hash, which is equal to its password."""

    def __init__(self, hashed):
        self.hashed = hashed
        self.verified_password = None

    def __eq__(self, password):
        """Return whether this is the password of the hash."""
        if self.verified_password is None and isinstance(password, str):
            # OpenEMR accepts a hash only with the prefix of PHP.
            known = self.hashed.startswith("$2y$")
            if known and bcrypt.checkpw(password.encode(), self.hashed.encode()):
                self.verified_password = password
        return self.verified_password is not None and password == self.verified_password

    __hash__ = None


class Rows:
    """Keeps a store and the rows of these tables equal."""

    def __init__(self, query, store):
        self.query, self.store = query, store
        self.clients, self.accounts, self.patients = {}, {}, set()
        self.read()

    def read(self):
        """Apply changes of the rows to the store."""
        clients = dict(self.query("SELECT client_id, is_enabled FROM oauth_clients"))
        for name in self.clients.keys() - clients.keys():
            self.store.clients.pop(name, None)
            self.store.revoke(client=name)
        for name, enabled in clients.items():
            if name in self.store.clients:
                self.store.clients[name].enabled = bool(enabled)
        self.clients = clients
        patients = {row[0] for row in self.query("SELECT pid FROM patient_data")}
        for pid in self.patients - patients:
            if (record := self.store.find("patient", str(pid))) is not None:
                self.store.remove(record)
        self.patients = patients
        accounts = {
            row[0]: row[1:]
            for row in self.query(
                "SELECT pid, portal_login_username, portal_pwd, portal_pwd_status "
                "FROM patient_access_onsite WHERE portal_onetime IS NULL"
            )
        }
        for pid, account in accounts.items():
            if account != self.accounts.get(pid):
                self._account(pid, *account)
        self.accounts = accounts

    def _account(self, pid, name, hashed, status):
        record = self.store.find("patient", str(pid))
        if record is None:
            return
        user = self._user(record)
        if user is None:
            user = self.store.add_user(
                name,
                "",
                "patient",
                patient=record.uuid,
                email=str(record.fields.get("email") or ""),
                fname=str(record.fields.get("fname", "")),
                lname=str(record.fields.get("lname", "")),
            )
        user.username, user.password, user.active = name, PasswordHash(hashed), status == 1

    def _user(self, record):
        return next((u for u in self.store.users.values() if u.patient == record.uuid), None)

    def write(self):
        """Write changes of the store to the rows."""
        clients = {name: int(client.enabled) for name, client in self.store.clients.items()}
        for name, enabled in clients.items() - self.clients.items():
            self.query("REPLACE INTO oauth_clients VALUES (%s, %s)", name, enabled)
        for name in self.clients.keys() - clients.keys():
            self.query("DELETE FROM oauth_clients WHERE client_id=%s", name)
        self.clients = clients
        records = {record.id: record for record in self.store.all("patient")}
        for pid in records.keys() - self.patients:
            allowed = str(records[pid].fields.get("allow_patient_portal", "YES"))
            self.query("REPLACE INTO patient_data VALUES (%s, %s)", pid, allowed)
        for pid in self.patients - records.keys():
            # OpenEMR's own page leaves the portal account behind.
            self.query("DELETE FROM patient_data WHERE pid=%s", pid)
        self.patients = set(records)
        for pid, record in records.items():
            user = self._user(record)
            if user is None:
                continue
            if isinstance(user.password, str):
                salt = bcrypt.gensalt(ROUNDS)
                made = bcrypt.hashpw(user.password.encode(), salt).decode()
                user.password = PasswordHash(made.replace("$2b$", "$2y$", 1))
            account = (user.username, user.password.hashed, int(user.active))
            if account != self.accounts.get(pid):
                self.query(
                    "REPLACE INTO patient_access_onsite (pid, portal_username, "
                    "portal_login_username, portal_pwd, portal_pwd_status) "
                    "VALUES (%s, %s, %s, %s, %s)",
                    pid, user.username, *account,
                )  # fmt: skip
                self.accounts[pid] = account
