"""The verdict on a vendor's app: it works, or what has to change at the app or the server.

The checks of apps run in this process, against the embedded server with a setting or a defect.
"""

import contextlib
import inspect
import json
import os
import re
from dataclasses import replace

import jsonschema
import pytest

from conformance.mismatch import Mismatch
from fixtures.driver.admin_pages import Administrator
from fixtures.driver.api import Api
from fixtures.driver.authorization_server import AuthorizationServer
from fixtures.driver.registrar import Registrar
from fixtures.embedded.server import EmbeddedServer
from fixtures.given.app_installation import AppInstallation
from fixtures.plugin.app_parameters import PARAMETERS, parameters
from fixtures.provisioning.prepare import prepare
from fixtures.target.app import SHIPPED, load
from fixtures.target.files import load as load_target
from fixtures.wire.client import Blocked, Http, Transport
from fixtures.wire.listener import Listener
from reports.comparing.baselines import SCHEMA as CONFORMANCE_SCHEMA
from reports.judging import app_verdict as reported
from reports.judging.catalogue import load as load_catalogue
from tests.runs import ROOT, run, target_file

EXAMPLES = sorted(file.stem for file in SHIPPED.glob("*.toml"))


@pytest.fixture(scope="module")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


@pytest.fixture(scope="module")
def checks():
    """The checks of apps."""
    from conformance.app import test_app  # noqa: PLC0415

    return {name: function for name, function in vars(test_app).items() if name.startswith("test_")}


@pytest.fixture
def judged(embedded, checks, tmp_path):
    """Judges an app on the embedded server, and returns its part of conformance.json."""

    def judge(app, *names):
        url = embedded.url + (f"/~{'+'.join(names)}" if names else "")
        with contextlib.ExitStack() as stack:
            transport = Transport(read_seconds=5)
            stack.callback(transport.close)
            target = load_target(target_file(tmp_path, url), os.environ)
            target, clean_up = prepare(target, transport)
            stack.callback(clean_up)
            server = AuthorizationServer(target, Http(transport))
            administrator = Administrator(target, Http(transport, cookies=True))
            registrar = Registrar(server, administrator)
            stack.callback(registrar.discard)
            listener = stack.enter_context(Listener("127.0.0.1"))
            arguments = {
                "app": app,
                "api": Api(target, server.http),
                "discovery": server.discover(),
                "http": server.http,
                "app_installation": AppInstallation(app, registrar, lambda: listener),
                "server": server,
            }
            requirements = [judge_requirement(each, arguments, app) for each in checks.values()]
        made = sum(max(1, len(values)) for values in parameters(app).values())
        return reported.judged(app.name, made, requirements)

    return judge


def judge_requirement(function, arguments, app):
    """Judge one requirement on all of its parameters."""
    (mark,) = (each for each in function.pytestmark if each.name == "requirement")
    requirement = load_catalogue(ROOT).requirements[mark.args[0]]
    names = inspect.signature(function).parameters
    (own,) = [name for name in names if name in PARAMETERS] or [None]
    values = (parameters(app)[own] if own else None) or [pytest.param(None, id="app")]
    found = []
    for value in values:
        given = {name: arguments[name] for name in names if name in arguments}
        if own:
            given[own] = value.values[0]
        place = f"[{value.id}]" if own else ""
        found.append({"id": f"test_app.py::x{place}", **outcome(function, given)})
    return {
        "id": requirement.id,
        "area": requirement.area,
        "text": requirement.text,
        "source": requirement.source,
        "checks": found,
    }


def outcome(function, given):
    """Run one check, and return its outcome as in conformance.json."""
    if any(value is None for value in given.values()):
        return {"verdict": "n/a", "reason": reported.NOT_USED}
    try:
        function(**given)
    except Mismatch as missed:
        return {"verdict": "fail", "message": str(missed), "hint": missed.hint or ""}
    except Blocked as blocked:
        return {"verdict": "blocked", "message": str(blocked), "hint": blocked.hint or ""}
    except pytest.skip.Exception as skipped:
        return {"verdict": "n/a", "reason": str(skipped).removeprefix("n/a: ")}
    return {"verdict": "pass"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_shipped_example_works(judged, name):
    """Every shipped example works on a server with the settings that its file names."""
    data = judged(load(name))

    assert (data["exceptions"], data["not_judged"]) == ([], [])
    assert "".join(reported.lines(data)) == f"the app {load(name).name!r} works"


def with_registration(app, **changed):
    """Return the app with other members in its registration."""
    return replace(app, registration={**app.registration, **changed})


def with_token(app, token, **changed):
    """Return the app with other properties of one of its tokens."""
    return replace(app, tokens={**app.tokens, token: replace(app.tokens[token], **changed)})


SYSTEM = "openid api:fhir system/Patient.read"
#: The documented pitfalls: app, its change, settings or defects, requirement, side, words.
PITFALLS = {
    "type-is-confidential": (
        "introspecting-agent",
        lambda app: with_registration(app, application_type="confidential"),
        (),
        ("APP-registration", "app", '"application_type": "private"'),
    ),
    "system-scopes-without-keys": (
        "introspecting-agent",
        lambda app: with_registration(app, scope=SYSTEM, application_type="web"),
        (),
        ("APP-registration", "app", "public"),
    ),
    "scope-of-openemr-6": (
        "react-app",
        lambda app: with_registration(app, scope=f"{app.registration['scope']} api:pofh"),
        (),
        ("APP-registration", "app", "api:pofh"),
    ),
    "secret-not-sent": (
        "react-app",
        lambda app: replace(app, authentication="none"),
        (),
        ("APP-token", "app", "send client_id and client_secret"),
    ),
    "password-grant-off": (
        "react-app",
        lambda app: app,
        ("password_grant_off",),
        ("APP-token", "server", "Enable OAuth2 Password Grant"),
    ),
    "no-preflight": (
        "react-app",
        lambda app: app,
        ("preflight_missing",),
        ("APP-browser", "server", "answer OPTIONS"),
    ),
    "system-scopes-off": (
        "system-proxy",
        lambda app: app,
        ("system_scopes_off",),
        ("APP-registration", "server", "Enable OpenEMR FHIR System Scopes"),
    ),
    "assertion-lives-an-hour": (
        "backend-service",
        lambda app: replace(app, assertion={"kid": False, "seconds": 3600}),
        (),
        ("APP-token", "server", "RS384"),
    ),
    "no-offline-access": (
        "readme-client",
        lambda app: with_token(app, "code", scope="openid api:oemr user/patient.read"),
        (),
        ("APP-refresh", "app", "offline_access"),
    ),
    "scope-does-not-cover": (
        "system-proxy",
        lambda app: with_token(app, "system", scope="system/Patient.read"),
        (),
        ("APP-call", "app", "cover this resource"),
    ),
    "internal-address": (
        "introspecting-agent",
        lambda app: replace(app, base_url="http://openemr"),
        (),
        ("APP-address", "app", "call OpenEMR by that address"),
    ),
    "cache-outlives-token": (
        "system-proxy",
        lambda app: with_token(app, "system", seconds=3600),
        (),
        ("APP-lifetime", "app", "more often"),
    ),
    "logout-leads-nowhere": (
        "readme-client",
        lambda app: app,
        ("logout_never_redirects",),
        ("APP-logout", "server", "RP-Initiated"),
    ),
    "portal-api-missing": (
        "readme-client",
        lambda app: app,
        ("portal_api_missing",),
        ("APP-call", "server", "upgrade from 7.0.4 or 8.0.0"),
    ),
}


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_pitfall_has_its_side(judged, pitfall):
    """The verdict names the reason and the side that has to change it."""
    name, change, names, (requirement, side, words) = PITFALLS[pitfall]

    found = judged(change(load(name)), *names)["exceptions"]

    assert requirement in {each["requirement"] for each in found}, found
    first = next(each for each in found if each["requirement"] == requirement)
    assert (first["side"], words in first["change"]) == (side, True), first


def test_app_is_judged_from_the_command_line(embedded, tmp_path):
    """A run with --app prints the verdict on the app, and writes it to the results."""
    target = target_file(tmp_path, f"{embedded.url}/~preflight_missing")
    finished = run(
        tmp_path / "results",
        "conformance/app",
        f"--target={target}",
        "--app=react-app",
        "-n2",
    )

    assert finished.exit_code == 1
    assert "the app 'React app on the password grant' works except:" in finished.output
    assert set(finished.verdicts("fail", "blocked")) == {"APP-browser"}
    app = finished.statement["app"]
    jsonschema.validate(finished.statement, json.loads(CONFORMANCE_SCHEMA.read_text("utf-8")))
    assert app["verdict"] == "works except"
    assert {each["side"] for each in app["exceptions"]} == {"server"}
    for name in ("app.md", "statement.md", "statement.html"):
        text = (tmp_path / "results" / name).read_text("utf-8")
        assert "React app on the password grant: works except" in text, name
        assert "answer OPTIONS" in text, name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not valid TOML"),
        ('name = "x"', "registration: is missing"),
        ("", "is empty"),
        ('name = ""', "does not describe an app"),
    ],
)
def test_broken_description_is_explained(tmp_path, text, message):
    """A wrong file is a usage error with the reason."""
    path = tmp_path / "app.toml"
    path.write_text(text, "utf-8")

    with pytest.raises(pytest.UsageError, match=re.escape(message)):
        load(str(path))


def test_call_without_a_token_is_explained(tmp_path):
    """A call of an app with several tokens has to name one."""
    text = (SHIPPED / "readme-client.toml").read_text("utf-8")
    path = tmp_path / "app.toml"
    path.write_text(text.replace('token = "patient"', ""), "utf-8")

    with pytest.raises(pytest.UsageError, match="has to name its token: one of code, users"):
        load(str(path))


def test_unknown_app_is_explained():
    """An unknown app is a usage error that lists the known ones."""
    with pytest.raises(pytest.UsageError, match="introspecting-agent"):
        load("nothing")


REGISTRATION, TOKEN, CALL = "APP-registration", "APP-token", "APP-call"


@pytest.mark.parametrize(
    ("verdicts", "message"),
    [
        ({REGISTRATION: "fail", TOKEN: "blocked", CALL: "blocked"}, "does not work"),
        ({REGISTRATION: "blocked", TOKEN: "blocked", CALL: "blocked"}, "could not be judged"),
        ({REGISTRATION: "pass", TOKEN: "pass", CALL: "fail"}, "works except"),
        ({REGISTRATION: "pass", TOKEN: "pass", CALL: "blocked"}, "works except"),
        ({REGISTRATION: "pass", TOKEN: "pass", CALL: "known"}, "works"),
        ({REGISTRATION: "pass", TOKEN: "pass"}, "works as far as it was judged"),
        ({REGISTRATION: "n/a", TOKEN: "n/a", CALL: "n/a"}, "could not be judged"),
    ],
)
def test_verdict_of_an_app(verdicts, message):
    """An app without a token does not work; an unjudged part limits the verdict."""
    requirements = [
        {"id": name, "area": "app", "text": "T.", "source": "S",
         "checks": [{"id": f"x[{name}]", "verdict": verdicts[name], "message": "m",
                     "reason": "the check writes"}] if name in verdicts else []}
        for name in (REGISTRATION, TOKEN, CALL)
    ]  # fmt: skip

    judged = reported.judged("Mine", 3, requirements)

    assert judged["verdict"] == message
    missing = message in {"works as far as it was judged", "could not be judged"}
    assert bool(judged["not_judged"]) == (missing and "blocked" not in verdicts.values())
