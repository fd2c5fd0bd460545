"""The doctor recognises common pitfalls, each switched on at the embedded server."""

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
from fixtures.embedded.presets import PRESETS
from fixtures.embedded.server import EmbeddedServer
from fixtures.target.model import Target, User
from fixtures.wire.listener import Listener
from fixtures.wire.pitfalls import key_set_pitfall
from tests.test_unreachable_targets import HTML, answering, http

ADMIN = User("admin", "pass")
EMAIL = "phil@example.org"
#: Setting, the step that shows it, its state, and words of its line.
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
    """Creates a portal patient in a store, and returns the user for the target."""

    def make(*names):
        store = embedded.store(*names)
        record = store.add("patient", {"fname": "Phil", "email": EMAIL})
        store.add_user(
            "phil", "phil-pass", "patient", email="phil@example.org", patient=record.uuid
        )
        return User("phil", "phil-pass", "patient", email="phil@example.org", uuid=record.uuid)

    return make


def target_at(url, **more):
    """Return a target with the administrator of the embedded server."""
    return Target(name="t", kind="url", url=url, **{"users": {"admin": ADMIN}, **more})


def results(target, **options):
    """Return the last result of each step by its name."""
    return {found.step: found for found in Doctor(target, **options).examine()}


def test_healthy_server_has_nothing_wrong(embedded):
    """Every step of a healthy server is ok, except http, and in this order."""
    found = results(target_at(embedded.url, callback_host="127.0.0.1"))

    assert {step: each.state for step, each in found.items() if each.state != "ok"} == {
        "TLS": "note"
    }
    assert list(found) == [
        *("name", "port", "TLS", "site address", "clock", "OpenEMR", "standard API", "FHIR API"),
        *("portal API", "registration", "administrator", "client enabled", "login pages"),
        *("password grant", "bearer token", "introspection", "system scopes", "keys by jwks_uri"),
        *("portal", "browser apps"),
    ]


@pytest.mark.parametrize(("setting", "step", "state", "words"), PITFALLS)
def test_setting_is_recognised(embedded, patient, setting, step, state, words):
    """The line of a setting or a proxy says where to change it."""
    users = {"admin": ADMIN, "patient": patient(*setting.split("+"))}

    found = results(target_at(f"{embedded.url}/~{setting}", users=users))

    assert found[step].state == state, found
    assert words in found[step].line


def test_portal_api_is_called_as_the_named_patient(embedded, patient):
    """Only a patient's token shows whether the portal API works."""
    users = {"admin": ADMIN, "patient": patient("manual_approval_on", "password_grant_off")}
    url = f"{embedded.url}/~manual_approval_on+password_grant_off"

    found = results(target_at(url, users=users))
    without_patient = results(target_at(f"{embedded.url}/~portal_api_missing"))

    assert found["portal API"].line.endswith("on (/portal/patient answers 200 to a patient)")
    assert without_patient["portal API"].state == "ok"  # the embedded server's release has one
    for version, state in (("7.0.4", "note"), (None, "note"), ("7.0.3", "ok"), ("8.0.1", "ok")):
        result = portal_api.result_without_patient(version, 401)
        assert (result.state, "[users.patient]" in result.line) == (state, state == "note")


def test_refused_patient_is_reported(embedded, patient):
    """A patient with a wrong password says nothing about the portal API."""
    users = {"admin": ADMIN, "patient": replace(patient(), password="nonsense-pass")}

    found = results(target_at(embedded.url, users=users))["portal API"]

    assert (found.state, "the patient gets no token" in found.line) == ("wrong", True)


@pytest.mark.parametrize(
    ("defect", "step", "state", "words"),
    [
        ("introspection_is_html", "introspection", "note", "parse the body whatever"),
    ],
)
def test_defect_that_affects_apps_is_reported(embedded, defect, step, state, words):
    """A defect of the server that affects apps is reported too."""
    found = results(target_at(f"{embedded.url}/~{defect}"))

    assert defect in load_defects()
    assert (found[step].state, words in found[step].line) == (state, True), found


def test_every_setting_is_tried():
    """Every setting of the embedded server is tested, but for the form of its consent page."""
    tried = {name for setting, *_ in PITFALLS for name in setting.split("+")}

    assert tried == {*PRESETS} - {"consent_by_scope"}


def test_refused_administrator_is_reported(embedded):
    """A refused administrator is reported, and the steps that need one are skipped."""
    found = results(target_at(embedded.url, users={"admin": User("admin", "nonsense-pass")}))

    assert found["administrator"].state == "wrong"
    assert "refused the administrator 'admin'" in found["administrator"].line
    assert found["login pages"].state == "skipped"


def test_other_steps_work_without_an_administrator(embedded):
    """Steps that need no administrator are done without one."""
    found = results(target_at(embedded.url, users={}))

    assert "OPENEMR_ADMIN_PASSWORD" in found["administrator"].line
    assert found["registration"].state == "ok"
    assert found["browser apps"].state == "ok"


def test_read_only_target_gets_no_client(embedded):
    """The doctor writes nothing to a read-only target."""
    before = len(embedded.store().clients)

    found = results(target_at(embedded.url, read_only=True))

    assert found["registration"].state == "skipped"
    assert len(embedded.store().clients) == before


def test_nothing_is_left_behind(embedded):
    """The doctor removes its clients."""
    before = {*embedded.store().clients}

    results(target_at(embedded.url))

    assert {*embedded.store().clients} == before


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, "ok"), (30, "note"), (400, "wrong"), (-400, "wrong")]
)
def test_clocks_are_compared(embedded, ahead, state):
    """A clock that differs by more than the lifetime of a code is wrong."""
    found = results(target_at(embedded.url, users={}), now=lambda: time.time() + ahead)

    assert found["clock"].state == state
    assert state == "ok" or ("behind" if ahead > 0 else "ahead of") in found["clock"].line


def test_unreachable_keys_are_reported(embedded):
    """A server that cannot fetch keys is distinguished from one that refuses them."""
    found = results(target_at(embedded.url, callback_host="nowhere.invalid"))

    assert found["system scopes"].state == "ok"
    assert found["keys by jwks_uri"].state == "wrong"
    assert "callback_host" in found["keys by jwks_uri"].line


@pytest.mark.parametrize(
    ("url", "step", "words"),
    [
        ("http://openemr.invalid", "name", "names of containers"),
        ("http://127.0.0.1:1", "port", "Inside of a container localhost"),
    ],
)
def test_unreachable_server_is_reported(url, step, words):
    """The last line is the reason of the end, and the exit code is 6."""
    printed = []

    exit_code = examine(target_at(url), printed.append)

    assert exit_code == 6
    assert re.match(rf"wrong +{step} .*{re.escape(words)}", printed[-2])


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
def test_server_that_is_not_openemr_is_reported(monkeypatch, answer, words):
    """A server that is not OpenEMR is recognised quickly."""
    monkeypatch.setattr(doctors, "RESPONSE_SECONDS", 0.5)
    with answering(answer) as url:
        found = list(Doctor(target_at(url)).examine())

    assert (found[-1].step, found[-1].state) == ("OpenEMR", "wrong")
    assert re.search(words, found[-1].line)


@pytest.mark.parametrize("trusted", [True, False])
def test_certificate_is_verified(tmp_path, trusted):
    """A certificate is trusted if its authority is, and the line has its end."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(HTML, context) as url:
        verify = str(tmp_path / "ca.pem") if trusted else True
        found = results(target_at(url, verify=verify))

    assert found["TLS"].state == ("ok" if trusted else "wrong")
    assert ("trusted until" if trusted else "ca_file") in found["TLS"].line
    if not trusted:
        assert found["TLS"].line.count("unable to get local issuer certificate") == 1
        assert "(unable to get local issuer certificate): write a target file" in found["TLS"].line


def test_https_url_of_an_http_port_is_reported(embedded):
    """The line says that the port does not speak TLS."""
    found = results(target_at(embedded.url.replace("http://", "https://")))

    assert "does not speak TLS" in found["TLS"].line


def test_slow_server_does_not_keep_the_doctor(monkeypatch, embedded):
    """When the time is up, the doctor ends and reports that."""
    monkeypatch.setattr(doctors, "ALL_SECONDS", 0.0)

    found = list(Doctor(target_at(embedded.url)).examine())

    assert "time is up" in found[-1].line


@pytest.fixture
def registered(embedded):
    """Registers a client at the embedded server, and returns it as in a target file."""

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


def client_results(embedded, **clients):
    """Return the results of the clients of a target file."""
    found = results(target_at(embedded.url, clients=clients))
    return {name: found[f"client {name}"] for name in clients}


def test_registered_client_is_examined(embedded, registered):
    """A client of the target file is known, enabled, and authenticates."""
    given = registered()
    found = client_results(embedded, confidential=given)
    tried = client_results(embedded, confidential=given | {"redirect_uri": REDIRECT_URI})

    assert "name its redirect_uri" in found["confidential"].line
    assert "and authenticates" in tried["confidential"].line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_id": "somebody-else"}, "active: false"),
        ({"client_secret": "another-secret"}, "did not prove who it is"),
    ],
    ids=["unknown", "secret"],
)
def test_wrong_registered_client_is_reported(embedded, registered, change, words):
    """An unknown client and a wrong secret are reported."""
    found = client_results(embedded, confidential=registered() | change)

    assert found["confidential"].state == "wrong"
    assert words in found["confidential"].line


def test_disabled_registered_client_is_reported(embedded, registered):
    """The line of a disabled client says where to enable it."""
    found = client_results(embedded, confidential=registered(enabled=False))

    assert "Enable Client" in found["confidential"].line


def test_registered_backend_service_is_examined(embedded, registered, tmp_path):
    """The key set is fetched, and a token requested with the private key."""
    key = keys.key("given")
    (tmp_path / "key.json").write_text(json.dumps(dict(key.as_dict(private=True))), "utf-8")
    with Listener("127.0.0.1") as listener:
        uri = listener.publish("/jwks.json", keys.jwks(key))
        given = registered(scope="system/Patient.read", jwks_uri=uri)
        given |= {"jwks_uri": uri, "private_key_file": str(tmp_path / "key.json")}
        good = client_results(embedded, system=given)["system"]
    gone = client_results(embedded, system=given)["system"]

    assert good.state == "ok"
    assert "no key set can be fetched" in gone.line


@pytest.mark.parametrize(
    ("change", "words"),
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
def test_unusable_key_set_is_reported(change, words):
    """The pitfall says why OpenEMR cannot use a key set."""
    own = keys.jwks(keys.key("published"))["keys"][0]

    assert key_set_pitfall({"keys": [own]}, own) is None
    assert words in str(key_set_pitfall(change(own), own))


def test_usage_is_explained(capsys):
    """An unknown target is a usage error."""
    assert main(["--target=openemr-99"]) == 4
    assert "there is no target" in capsys.readouterr().err


def test_no_secret_is_printed(embedded, capsys):
    """The doctor prints no password, no secret and no token."""
    printed = []

    examine(target_at(embedded.url, callback_host="127.0.0.1"), printed.append)

    text = "\n".join(printed)
    assert printed[-1] == "nothing is wrong"
    assert not re.search(r"eyJ|[A-Za-z0-9_-]{40,}", text), text
