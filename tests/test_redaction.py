"""No secret of a run appears in the terminal or in a file of the results."""

import contextlib
import json
import re
import tracemalloc
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from fixtures.embedded.app import Application
from fixtures.embedded.server import EmbeddedServer
from fixtures.wire import exchanges
from fixtures.wire.redaction import Secrets
from tests.runs import run, target_file

#: Values that servers issue, and values that only client and server may know. Values that checks
#: send to be refused (a wrong code, a long verifier) are in their source, and not secret.
ISSUED = {"access_token", "refresh_token", "id_token", "client_secret", "code"}
ISSUED |= {"registration_access_token"}
SENT = {"client_assertion", "password"}


class RecordingApplication(Application):
    """The embedded OpenEMR, which records every secret in requests and responses.

    It does not use the redaction of the suite to find them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recorded: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond, and record the secrets of request and response."""
        self._pairs(scope["query_string"].decode(), SENT)
        headers = dict(scope["headers"])

        async def receiving() -> Message:
            message = await receive()
            if b"urlencoded" in headers.get(b"content-type", b""):
                self._pairs(message.get("body", b"").decode("utf-8", "replace"), SENT)
            return message

        async def sending(message: Message) -> None:
            for name, value in message.get("headers", []):
                if name == b"location":
                    self._pairs(urlsplit(value.decode("latin-1")).query, ISSUED)
                if name == b"set-cookie":
                    self._record(value.decode().partition(";")[0].partition("=")[2])
            self._body(message.get("body", b""))
            await send(message)

        await super().__call__(scope, receiving, sending)

    def _pairs(self, text: str, secret: set[str]) -> None:
        for name, value in parse_qsl(text):
            if name in secret:
                self._record(value)

    def _body(self, body: bytes) -> None:
        # An export has one document per line, and is not JSON as a whole.
        with contextlib.suppress(ValueError):
            for name, value in json.loads(body).items() if body.startswith(b"{") else ():
                if name in ISSUED and isinstance(value, str):
                    self._record(value)

    def _record(self, value: str) -> None:
        # Shorter values are words that checks send on purpose, such as `wrong`.
        if len(value) >= 20:
            self.recorded.add(value)


DEFECTS = "codes_reusable+secret_may_be_omitted+token_answer_cacheable"
SOME = [f"conformance/oauth/test_{topic}.py" for topic in ("code_exchange", "refresh", "logout")]


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        pytest.param("", ("--bodies=all", "-v", *SOME, "conformance/portal"), id="all-bodies"),
        pytest.param(DEFECTS, ("-n2", "--tb=long"), id="whole-run-with-failures"),
    ],
)
def test_no_secret_is_in_any_output(tmp_path, prefix, options):
    """No recorded secret is in the terminal or in a result."""
    listener = RecordingApplication()
    server = EmbeddedServer()
    server.application = server._server.config.app = listener
    with server:
        url = f"{server.url}/~{prefix}" if prefix else server.url
        target = target_file(tmp_path, url)
        finished = run(tmp_path / "results", f"--target={target}", "--deviations=none", *options)

    files = [path for path in finished.results.rglob("*") if path.is_file()]
    texts = [(path.name, path.read_text("utf-8", "replace")) for path in files]
    texts.append(("terminal", finished.output))
    # Only sequences of the characters of secrets are searched, each once.
    runs = {name: "\n".join(set(re.findall(r"[\w.~+/=%-]{20,}", text))) for name, text in texts}
    everything = "\n".join({line for found in runs.values() for line in found.splitlines()})
    leaks = {
        (name, value[:6])
        for value in listener.recorded
        if value in everything or quote(value, safe="") in everything
        for name, found in runs.items()
        if value in found or quote(value, safe="") in found
    }

    assert finished.exit_code in {0, 1}, finished.output
    assert len(listener.recorded) > 50
    assert len(texts) > 10
    assert leaks == set()


@pytest.mark.parametrize(
    "spelled",
    [
        "token=abc%2Fdef%2B12345&x=1",
        '{"token":"abc\\/def+12345"}',
        "Authorization: Bearer abc/def+12345",
        "Basic YWJjL2RlZisxMjM0NQ",
        "xabc/def+12345x",
    ],
)
def test_secret_is_found_in_every_spelling(spelled):
    """A secret is replaced in URLs, in JSON, in headers, and within other text."""
    secrets = Secrets()
    secrets.remember("token", "abc/def+12345")

    assert "<token " in secrets.clean(spelled)
    assert "def" not in secrets.clean(spelled)


def test_short_password_is_replaced_as_a_value_only():
    """A password such as `pass` is replaced as a value, and stays within words."""
    secrets = Secrets()
    secrets.remember("password", "pass")

    assert secrets.clean("password=pass&x=pass") == (
        f"password={(label := secrets.clean('=pass')[1:])}&x={label}"
    )
    assert secrets.clean("2 passed, passing by pass-through") == "2 passed, passing by pass-through"


def test_equal_secrets_stay_recognisable():
    """Equal secrets get equal replacements, and different ones different replacements."""
    secrets = Secrets()
    secrets.remember("token", "first-secret-value")
    secrets.remember("token", "other-secret-value")

    first, again, other = secrets.clean(
        "first-secret-value first-secret-value other-secret-value"
    ).split("> ")
    assert first == again
    assert other.rstrip(">") != first


def test_longest_secret_is_replaced():
    """Of secrets with the same start the longest is replaced; a mere start is kept."""
    secrets = Secrets()
    for value in ("eyJ0eXAi.short", "eyJ0eXAi.short-and-longer", "eyJ0eXAieyJ0eXAi.nested"):
        secrets.remember("token", value)

    kinds = secrets.clean("eyJ0eXAi.short-and-longer|eyJ0eXAi.sho|eyJ0eXAieyJ0eXAi.short")

    label = secrets.clean("eyJ0eXAi.short")
    longer = secrets.clean("eyJ0eXAi.short-and-longer")
    assert kinds == f"{longer}|eyJ0eXAi.sho|eyJ0eXAi{label}"
    assert longer != label


def test_redaction_needs_little_memory_for_many_secrets():
    """All tokens have the same start; redacting one needs no memory for the others."""
    secrets = Secrets()
    tokens = [f"eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{number:01000}" for number in range(300)]
    for token in tokens:
        secrets.remember("access_token", token)

    tracemalloc.start()
    try:
        cleaned = [secrets.clean(f"Bearer {token}") for token in tokens[:5]]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert all(re.fullmatch(r"Bearer <access_token \w{4}>", each) for each in cleaned)
    assert most < 100_000


def test_only_the_code_of_a_redirect_is_secret(monkeypatch):
    """FHIR uses `code` for names, which must stay in reports."""
    monkeypatch.setattr(exchanges, "SECRETS", secrets := Secrets())
    asked = httpx.Request("GET", "https://emr.example/fhir/OperationDefinition/status")
    operation = httpx.Response(200, json={"code": "bulkdata-status"}, request=asked)
    redirect = httpx.Response(302, headers={"Location": "https://app.example/?code=0123456789abc"})
    for answer in (operation, redirect):
        exchanges.ExchangeLog().add(exchanges.Exchange(asked, answer, None, 0.1))

    assert set(secrets.values()) == {"0123456789abc"}


def test_an_id_that_was_a_launch_value_is_no_secret():
    """A check launches an app with a patient's id: it is shown in other places and in lists."""
    secrets = Secrets()
    patient, launch = "946da61d-9cff-4416-8d27-805f19f9d7d8", "eyJhIjoxfQ.eyJiIjoyfQ"

    secrets.remember_named([("launch", patient), ("launch", launch)])

    assert secrets.clean(f'["{patient}"] Patient/{patient}') == f'["{patient}"] Patient/{patient}'
    assert launch not in secrets.clean(f"launch={launch}")
