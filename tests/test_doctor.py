"""The doctor recognises what people run into, each thing turned on at the embedded server."""

import json
import re
import ssl
import time
from dataclasses import replace

import httpx
import pytest
import trustme

from fixtures.doctor import portal_api
from fixtures.doctor import steps as doctors
from fixtures.doctor.steps import Doctor, examine, main
from fixtures.driver import keys
from fixtures.driver.authorization_server import REDIRECT_URI
from fixtures.embedded.defects import load as load_defects
from fixtures.embedded.misconfiguration import SETTINGS
from fixtures.embedded.server import EmbeddedServer
from fixtures.target.model import Target, User
from fixtures.wire.listener import Listener
from fixtures.wire.pitfalls import key_set_pitfall
from tests.test_reaching import HTML, answering, http

ADMIN = User("admin", "pass")
EMAIL = "phil@example.org"
#: Setting, the step that shows it, how, and in which words.
PITFALLS = [
    ("apis_off", "OpenEMR", "wrong", "switch the APIs on"),
    ("rest_api_off", "standard API", "off", "Enable OpenEMR Standard REST API"),
    (
        "rest_api_off+apis_off_told_late",
        "standard API",
        "off",
        "Enable OpenEMR Standard REST API",
    ),
    ("fhir_api_off", "FHIR API", "off", "Enable OpenEMR Standard FHIR REST API"),
    ("portal_api_off", "portal API", "off", "Enable OpenEMR Patient Portal REST API"),
    ("portal_api_missing", "portal API", "off", "7.0.4 and 8.0.0"),
    ("password_grant_off", "password grant", "off", "Enable OAuth2 Password Grant"),
    ("password_grant_for_staff", "password grant", "wrong", "On for Both Roles"),
    ("system_scopes_off", "system scopes", "off", "Enable OpenEMR FHIR System Scopes"),
    ("manual_approval_on", "client enabled", "note", "OAuth2 App Manual Approval Settings"),
    ("site_address_elsewhere", "site address", "wrong", "Connectors > Site Address to http"),
    ("site_address_elsewhere", "login pages", "wrong", "leads away"),
    ("registration_closed", "registration", "wrong", "proxy or firewall"),
    ("authorization_header_lost", "bearer token", "wrong", "CGIPassAuth"),
    ("preflight_missing", "browser apps", "note", "proxy answer OPTIONS"),
]


@pytest.fixture(scope="module")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture
def patient(embedded):
    """Makes a portal patient of a store, and gives a user for the target."""

    def make(*names):
        store = embedded.store(*names)
        record = store.add("patient", {"fname": "Phil", "email": EMAIL})
        store.add_user(
            "phil", "phil-pass", "patient", email="phil@example.org", patient=record.uuid
        )
        return User("phil", "phil-pass", "patient", email="phil@example.org", uuid=record.uuid)

    return make


def target_at(url, **more):
    """A target with the embedded server's administrator."""
    return Target(name="t", kind="url", url=url, **{"users": {"admin": ADMIN}, **more})


def lines(target, **options):
    """What the doctor sees, by step: the last line of each."""
    return {seen.step: seen for seen in Doctor(target, **options).examine()}


def test_healthy_server_has_nothing_wrong(embedded):
    """Every step of a healthy server is well, but for http, and comes in the order of the list."""
    seen = lines(target_at(embedded.url, callback_host="127.0.0.1"))

    assert {step: each.state for step, each in seen.items() if each.state != "ok"} == {
        "TLS": "note"
    }
    assert list(seen) == [
        *("name", "port", "TLS", "site address", "clock", "OpenEMR", "standard API", "FHIR API"),
        *("portal API", "registration", "administrator", "client enabled", "login pages"),
        *("password grant", "bearer token", "introspection", "system scopes", "keys by jwks_uri"),
        *("portal", "browser apps"),
    ]


@pytest.mark.parametrize(("setting", "step", "state", "words"), PITFALLS)
def test_setting_is_recognised(embedded, patient, setting, step, state, words):
    """What a setting or a proxy does is told with where to change it."""
    users = {"admin": ADMIN, "patient": patient(*setting.split("+"))}

    seen = lines(target_at(f"{embedded.url}/~{setting}", users=users))

    assert seen[step].state == state, seen
    assert words in seen[step].line


def test_portal_api_is_called_as_the_patient_who_is_named(embedded, patient):
    """A patient's token shows that the portal API works; without one, releases that have none."""
    users = {"admin": ADMIN, "patient": patient("manual_approval_on", "password_grant_off")}
    url = f"{embedded.url}/~manual_approval_on+password_grant_off"

    seen = lines(target_at(url, users=users))
    nobody = lines(target_at(f"{embedded.url}/~portal_api_missing"))

    assert seen["portal API"].line.endswith("on (/portal/patient answers 200 to a patient)")
    assert nobody["portal API"].state == "ok"  # the embedded server's release has one
    for version, state in (("7.0.4", "note"), (None, "note"), ("7.0.3", "ok"), ("8.0.1", "ok")):
        told = portal_api.result_without_patient(version, 401)
        assert (told.state, "[users.patient]" in told.line) == (state, state == "note")


def test_patient_who_gets_no_token_is_told(embedded, patient):
    """A patient whose password is wrong is no word on the portal API."""
    users = {"admin": ADMIN, "patient": replace(patient(), password="nonsense-pass")}

    seen = lines(target_at(embedded.url, users=users))["portal API"]

    assert (seen.state, "the patient gets no token" in seen.line) == ("wrong", True)


@pytest.mark.parametrize(
    ("defect", "step", "state", "words"),
    [
        ("introspection_is_html", "introspection", "note", "parse the body whatever"),
    ],
)
def test_defect_is_told_where_it_matters(embedded, defect, step, state, words):
    """What a server gets wrong by itself is told too, where apps stumble over it."""
    seen = lines(target_at(f"{embedded.url}/~{defect}"))

    assert defect in load_defects()
    assert (seen[step].state, words in seen[step].line) == (state, True), seen


def test_every_setting_is_tried():
    """No setting of the embedded server is left out."""
    tried = {name for setting, *_ in PITFALLS for name in setting.split("+")}

    assert tried == {*SETTINGS}


def test_wrong_password_of_the_administrator_is_told(embedded):
    """A refused administrator is told, and what needs one is left out."""
    seen = lines(target_at(embedded.url, users={"admin": User("admin", "nonsense-pass")}))

    assert seen["administrator"].state == "wrong"
    assert "refused the administrator 'admin'" in seen["administrator"].line
    assert seen["login pages"].state == "skipped"


def test_without_an_administrator_the_rest_is_seen(embedded):
    """A target without an administrator is looked at as far as possible."""
    seen = lines(target_at(embedded.url, users={}))

    assert "OPENEMR_ADMIN_PASSWORD" in seen["administrator"].line
    assert seen["registration"].state == "ok"
    assert seen["browser apps"].state == "ok"


def test_read_only_target_gets_no_client(embedded):
    """A target that is only to be read is not written to."""
    before = len(embedded.store().clients)

    seen = lines(target_at(embedded.url, read_only=True))

    assert seen["registration"].state == "skipped"
    assert len(embedded.store().clients) == before


def test_nothing_is_left_behind(embedded):
    """The clients that the doctor made are gone."""
    before = {*embedded.store().clients}

    lines(target_at(embedded.url))

    assert {*embedded.store().clients} == before


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, "ok"), (30, "note"), (400, "wrong"), (-400, "wrong")]
)
def test_clocks_are_compared(embedded, ahead, state):
    """A clock that is wrong by more than a code lives is told."""
    seen = lines(target_at(embedded.url, users={}), now=lambda: time.time() + ahead)

    assert seen["clock"].state == state
    assert state == "ok" or ("behind" if ahead > 0 else "ahead of") in seen["clock"].line


def test_keys_out_of_reach_are_told(embedded):
    """A server that cannot fetch the keys of a client is told from one that refuses them."""
    seen = lines(target_at(embedded.url, callback_host="nowhere.invalid"))

    assert seen["system scopes"].state == "ok"
    assert seen["keys by jwks_uri"].state == "wrong"
    assert "callback_host" in seen["keys by jwks_uri"].line


@pytest.mark.parametrize(
    ("url", "step", "words"),
    [
        ("http://openemr.invalid", "name", "names of containers"),
        ("http://127.0.0.1:1", "port", "Inside of a container localhost"),
    ],
)
def test_server_that_is_not_there_is_told(url, step, words):
    """What ends the examination is its last line, and the exit code is 6."""
    said = []

    exit_code = examine(target_at(url), said.append)

    assert exit_code == 6
    assert re.match(rf"wrong +{step} .*{re.escape(words)}", said[-2])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTML, "is this an OpenEMR address?"),
        (http("500 No", "text/html", ""), "error log"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "closes the connection"),
        (None, "does not answer"),
    ],
    ids=["html", "broken", "not-http", "hangs"],
)
def test_server_that_is_no_openemr_is_told(monkeypatch, answer, words):
    """A server that answers something else is told, and soon."""
    monkeypatch.setattr(doctors, "RESPONSE_SECONDS", 0.5)
    with answering(answer) as url:
        seen = list(Doctor(target_at(url)).examine())

    assert (seen[-1].step, seen[-1].state) == ("OpenEMR", "wrong")
    assert re.search(words, seen[-1].line)


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_looked_at(tmp_path, trusted):
    """A certificate is trusted when its authority is, and until when is told."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(HTML, context) as url:
        verify = str(tmp_path / "ca.pem") if trusted else True
        seen = lines(target_at(url, verify=verify))

    assert seen["TLS"].state == ("ok" if trusted else "wrong")
    assert ("trusted until" if trusted else "ca_file") in seen["TLS"].line


def test_http_on_an_https_address_is_told(embedded):
    """https:// on a port that speaks http is said to be just that."""
    seen = lines(target_at(embedded.url.replace("http://", "https://")))

    assert "does not speak TLS" in seen["TLS"].line


def test_slow_server_does_not_keep_the_doctor(monkeypatch, embedded):
    """When the time is up the rest is not looked at, and said so."""
    monkeypatch.setattr(doctors, "ALL_SECONDS", 0.0)

    seen = list(Doctor(target_at(embedded.url)).examine())

    assert "time is up" in seen[-1].line


@pytest.fixture
def registered(embedded):
    """Registers a client at the embedded server and gives it as a target file names it."""

    def make(*, enabled=True, **metadata):
        answer = httpx.post(
            f"{embedded.url}/oauth2/default/registration",
            json={
                "application_type": "private",
                "redirect_uris": [REDIRECT_URI],
                "client_name": "given",
                "scope": "openid user/patient.read",
                **metadata,
            },
        ).json()
        embedded.store().clients[answer["client_id"]].enabled = enabled
        return {name: answer[name] for name in ("client_id", "client_secret") if name in answer}

    return make


def clients_seen(embedded, **clients):
    """What the doctor says of the clients of a target file."""
    seen = lines(target_at(embedded.url, clients=clients))
    return {name: seen[f"client {name}"] for name in clients}


def test_given_client_is_looked_at(embedded, registered):
    """A client of the target file is known, enabled, and authenticates."""
    given = registered()
    seen = clients_seen(embedded, confidential=given)
    tried = clients_seen(embedded, confidential=given | {"redirect_uri": REDIRECT_URI})

    assert "name its redirect_uri" in seen["confidential"].line
    assert "and authenticates" in tried["confidential"].line


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        ({"client_id": "somebody-else"}, "active: false"),
        ({"client_secret": "another-secret"}, "did not prove who it is"),
    ],
    ids=["unknown", "secret"],
)
def test_wrong_given_client_is_told(embedded, registered, bent, words):
    """A client that OpenEMR does not know, or whose secret is wrong, is told."""
    seen = clients_seen(embedded, confidential=registered() | bent)

    assert seen["confidential"].state == "wrong"
    assert words in seen["confidential"].line


def test_disabled_given_client_is_told(embedded, registered):
    """A disabled client is told with where to enable it."""
    seen = clients_seen(embedded, confidential=registered(enabled=False))

    assert "Enable Client" in seen["confidential"].line


def test_given_backend_service_is_looked_at(embedded, registered, tmp_path):
    """The published key set is fetched, and a token asked for with the private key."""
    key = keys.key("given")
    (tmp_path / "key.json").write_text(json.dumps(dict(key.as_dict(private=True))), "utf-8")
    with Listener("127.0.0.1") as listener:
        uri = listener.publish("/jwks.json", keys.jwks(key))
        given = registered(scope="system/Patient.read", jwks_uri=uri)
        given |= {"jwks_uri": uri, "private_key_file": str(tmp_path / "key.json")}
        good = clients_seen(embedded, system=given)["system"]
    gone = clients_seen(embedded, system=given)["system"]

    assert good.state == "ok"
    assert "no key set can be fetched" in gone.line


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda one: one, "Malformed jwks"),
        (lambda one: {"keys": [{**one, "d": "x"}]}, "PRIVATE"),
        (lambda _: {"keys": [{"kty": "EC"}]}, "no RSA key"),
        (lambda one: {"keys": [{**one, "n": "AQAB"}]}, "not in the key set"),
        (lambda one: {"keys": [{**one, "alg": "RS256"}]}, "RS384"),
        (lambda one: {"keys": [{**one, "kid": "older"}]}, "kid"),
        (lambda one: {"keys": [{**one, "n": "AQAB"}, one]}, "first RSA key"),
    ],
    ids=["no-keys", "private", "kind", "other", "algorithm", "kid", "order"],
)
def test_bad_key_set_is_told(bend, words):
    """What keeps OpenEMR from using a published key set is told."""
    own = keys.jwks(keys.key("told"))["keys"][0]

    assert key_set_pitfall({"keys": [own]}, own) is None
    assert words in str(key_set_pitfall(bend(own), own))


def test_usage_is_explained(capsys):
    """A target that there is not is a usage error."""
    assert main(["--target=openemr-99"]) == 4
    assert "there is no target" in capsys.readouterr().err


def test_no_secret_is_told(embedded, capsys):
    """The doctor prints no password, no secret and no token."""
    said = []

    examine(target_at(embedded.url, callback_host="127.0.0.1"), said.append)

    text = "\n".join(said)
    assert said[-1] == "nothing is wrong"
    assert not re.search(r"eyJ|[A-Za-z0-9_-]{40,}", text), text
