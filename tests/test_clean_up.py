"""A run removes everything that the server allows it to remove."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from fixtures.driver.admin_pages import Administrator
from fixtures.driver.authorization_server import AuthorizationServer, Client
from fixtures.driver.login_pages import Browser, consent, form_of
from fixtures.driver.registrar import Registrar
from fixtures.embedded.server import EmbeddedServer
from fixtures.target.files import load
from fixtures.wire.client import Http, Transport
from tests.runs import ROOT, run, target_file

LONGEST_SECONDS = 60

#: Files whose checks create clients, tokens, patients, records, documents and exports.
CREATING = [
    "conformance/fhir/test_bulk.py",
    "conformance/fhir/test_bulk_contents.py",
    "conformance/fhir/test_writing.py",
    "conformance/oauth/test_registration.py",
    "conformance/oauth/test_token.py",
    "conformance/portal",
    "conformance/rest/test_writing.py",
]


def test_nothing_is_left_in_the_server(tmp_path):
    """Neither clients nor tokens, patients, their accounts, records or exports outlive a run."""
    with EmbeddedServer() as server:
        store = server.store()
        accounts, records = set(store.users), sum(map(len, store.records.values()))
        target = target_file(tmp_path, server.url)
        finished = run(
            tmp_path / "results", f"--target={target}", "--deviations=none", "-n2", *CREATING
        )

        assert finished.exit_code == 0, finished.output
        assert store.grants, "the run asked for tokens"
        assert _leftovers(store) == []
        assert set(store.users) == accounts
        assert sum(map(len, store.records.values())) == records


def test_changed_uuid_is_restored(tmp_path):
    """A uuid that a release replaces at a change is restored by another change."""
    defect = "rest_update_renews_uuid"
    with EmbeddedServer() as server:
        store = server.store(defect)
        made = {}
        add = store.add

        def remember(*arguments):
            record = add(*arguments)
            made[record.uuid] = record
            return record

        store.add = remember
        target = target_file(tmp_path, f"{server.url}/~{defect}")
        checks = [
            f"conformance/rest/test_writing.py::test_changed_record_keeps_its_uuid[{kind}]"
            for kind in ("vital", "allergy")
        ]
        options = [f"--target={target}", "--deviations=none", "-n0"]
        finished = run(tmp_path / "results", *options, *checks)

        assert finished.verdicts("fail") == {"REST-update-keeps-uuid": "fail"}, finished.output
        assert [record for uuid, record in made.items() if record.uuid != uuid] == []


def test_client_that_cannot_be_removed_is_disabled(tmp_path):
    """Clients that cannot be removed are disabled, and their tokens revoked."""
    defects = "client_configuration_forbidden"
    with EmbeddedServer() as server:
        store = server.store(defects)
        target = target_file(tmp_path, f"{server.url}/~{defects}")
        run(tmp_path / "results", f"--target={target}", "-n0", "conformance/oauth/test_token.py")

        assert store.clients
        assert [one.id for one in store.clients.values() if one.enabled] == []
        tokens = [*store.access_tokens.values(), *store.refresh_tokens.values()]
        # Tokens of a backend service are revoked too, although it has no user.
        assert "client_credentials" in {one.grant.kind for one in tokens}
        assert [one.grant.kind for one in tokens if one.live] == []


def test_consent_of_a_check_is_remembered(tmp_path):
    """A consent is remembered when its form is sent, and a denial is not."""
    with EmbeddedServer() as embedded, contextlib.closing(Transport()) as transport:
        target = load(target_file(tmp_path, embedded.url), {})
        server = AuthorizationServer(target, Http(transport))
        registrar = Registrar(server, Administrator(target, Http(transport, cookies=True)))
        clients = [registrar.public("openid"), registrar.public("openid")]
        forms = []
        for client in clients:
            browser = Browser(server)
            page = browser.log_in(browser.open(client, "openid"), target.users["admin"])
            forms.append((browser, form_of(browser.follow_redirects(page))))
        browser, form = forms[0]
        answer = browser.submit(form, consent(form, ["openid"]))
        browser, form = forms[1]
        browser.submit(form, consent(form, ["openid"], deny=True))

        assert "code=" in answer.headers["location"]
        assert server.consenting_users == {clients[0].client_id: {target.users["admin"].name}}


@pytest.mark.parametrize(
    ("workers", "clients", "ending"),
    [
        ("-n0", 3, signal.SIGTERM),
        ("-n0", 6, signal.SIGTERM),
        ("-n2", 8, signal.SIGTERM),
        ("-n0", 6, signal.SIGHUP),
        ("-n2", 8, signal.SIGHUP),
    ],
    ids=["preparing", "running", "running_with_workers", "hung_up", "hung_up_with_workers"],
)
def test_terminated_run_cleans_up(tmp_path, workers, clients, ending):
    """A run that gets SIGTERM, or SIGHUP and loses its terminal, in all its processes cleans up."""
    terminal, other_end = pty.openpty()
    os.set_blocking(terminal, False)
    with EmbeddedServer() as server:
        store = server.store()
        arguments = [f"--target={target_file(tmp_path, server.url)}", f"--results={tmp_path / 'r'}"]
        running = subprocess.Popen(  # noqa: S603 - our own command
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                workers,
                *arguments,
                *CREATING,
            ],
            cwd=ROOT,
            stdout=other_end,
            stderr=other_end,
            start_new_session=True,
        )
        os.close(other_end)
        began = time.monotonic()
        while len(store.clients) < clients and time.monotonic() - began < LONGEST_SECONDS:
            time.sleep(0.05)
            with contextlib.suppress(BlockingIOError):
                os.read(terminal, 1 << 16)  # a full terminal would stop the run
        made = len(store.clients)
        os.close(terminal)  # from now on every write to it fails
        os.killpg(running.pid, ending)

        assert running.wait(LONGEST_SECONDS) == 2
        assert made >= clients, "the run had something to remove"
        assert _leftovers(store) == []


def _leftovers(store):
    """Return everything in a store that a run could have removed."""
    tokens = [*store.access_tokens.values(), *store.refresh_tokens.values()]
    left = [*store.clients.values(), *store.jobs.values(), *(one for one in tokens if one.live)]
    return left + [one for kind in ("patient", "encounter", "allergy") for one in store.all(kind)]


def test_consent_without_a_token_is_revoked():
    """Every consent is revoked, whether or not a token followed."""
    revoked, disabled = [], []
    server = SimpleNamespace(
        target=SimpleNamespace(features=frozenset(), users={"admin": None}),
        consenting_users={
            **{name: {"admin"} for name in ("exchanged", "exchanged-too", "only-allowed", "other")},
            "unknown": {"nobody-known"},
        },
        token_subjects={
            **{name: {"uuid-of-admin"} for name in ("exchanged", "exchanged-too")},
            "both": {"uuid-of-admin", "uuid-of-patient"},
            # The administrator consented without a token; a patient got one with a password.
            "other": {"uuid-of-patient"},
        },
    )
    administrator = SimpleNamespace(
        disabled_clients={"exchanged"},
        disable=disabled.append,
        revoke_consent=lambda *what: revoked.append(what),
        remove_clients=lambda _: False,
        revoke=lambda *what: revoked.append(what),
    )
    registrar = Registrar(server, administrator)
    made = ("exchanged", "only-allowed", "unknown", "both", "other")
    registrar.clients = [Client(name) for name in made]

    registrar.discard()

    assert disabled == ["only-allowed", "unknown", "both", "other"]
    assert sorted(revoked) == [
        ("both", "uuid-of-admin"),
        ("both", "uuid-of-patient"),
        ("exchanged", "uuid-of-admin"),
        ("only-allowed", "uuid-of-admin"),
        ("other", "uuid-of-admin"),
        ("other", "uuid-of-patient"),
        ("unknown", "trusted-user"),
    ]
