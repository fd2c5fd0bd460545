"""No secret leaves a run: not in the terminal, not in any file of the results."""

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

#: What servers issue, and what only the client and the server may know. What checks send to be
#: refused (a bent code, a verifier that is too long) stands in their source and is no secret.
ISSUED = {"access_token", "refresh_token", "id_token", "client_secret", "code"}
ISSUED |= {"registration_access_token"}
SENT = {"client_assertion", "password"}


class Eavesdropper(Application):
    """The embedded OpenEMR, which writes down every secret that passes over the wire.

    It finds them by its own means, not by the suite's.
    """

    def __init__(self) -> None:
        """Have heard nothing yet."""
        super().__init__()
        self.heard: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and listen to both sides."""
        self._pairs(scope["query_string"].decode(), SENT)
        headers = dict(scope["headers"])

        async def listening() -> Message:
            message = await receive()
            if b"urlencoded" in headers.get(b"content-type", b""):
                self._pairs(message.get("body", b"").decode("utf-8", "replace"), SENT)
            return message

        async def telling(message: Message) -> None:
            for name, value in message.get("headers", []):
                if name == b"location":
                    self._pairs(urlsplit(value.decode("latin-1")).query, ISSUED)
                if name == b"set-cookie":
                    self._hear(value.decode().partition(";")[0].partition("=")[2])
            self._body(message.get("body", b""))
            await send(message)

        await super().__call__(scope, listening, telling)

    def _pairs(self, text: str, secret: set[str]) -> None:
        for name, value in parse_qsl(text):
            if name in secret:
                self._hear(value)

    def _body(self, body: bytes) -> None:
        # Exports are a document a line, which is no single one.
        with contextlib.suppress(ValueError):
            for name, value in json.loads(body).items() if body.startswith(b"{") else ():
                if name in ISSUED and isinstance(value, str):
                    self._hear(value)

    def _hear(self, value: str) -> None:
        # Shorter ones are words that checks send on purpose, such as `wrong`.
        if len(value) >= 20:
            self.heard.add(value)


BENT = "codes_reusable+secret_may_be_omitted+token_answer_cacheable"
SOME = [f"conformance/oauth/test_{topic}.py" for topic in ("code_exchange", "refresh", "logout")]


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        pytest.param("", ("--bodies=all", "-v", *SOME, "conformance/portal"), id="all-bodies"),
        pytest.param(BENT, ("-n2", "--tb=long"), id="whole-run-with-failures"),
    ],
)
def test_no_secret_is_in_any_output(tmp_path, prefix, options):
    """Every secret that went over the wire is absent from the terminal and from all results."""
    listener = Eavesdropper()
    server = EmbeddedServer()
    server.application = server._server.config.app = listener
    with server:
        url = f"{server.url}/~{prefix}" if prefix else server.url
        target = target_file(tmp_path, url)
        finished = run(tmp_path / "results", f"--target={target}", "--deviations=none", *options)

    files = [path for path in finished.results.rglob("*") if path.is_file()]
    texts = [(path.name, path.read_text("utf-8", "replace")) for path in files]
    texts.append(("terminal", finished.output))
    # A value can only stand in an unbroken run of its own characters: each run is looked at once.
    runs = {name: "\n".join(set(re.findall(r"[\w.~+/=%-]{20,}", text))) for name, text in texts}
    everything = "\n".join({line for found in runs.values() for line in found.splitlines()})
    leaks = {
        (name, value[:6])
        for value in listener.heard
        if value in everything or quote(value, safe="") in everything
        for name, found in runs.items()
        if value in found or quote(value, safe="") in found
    }

    assert finished.exit_code in {0, 1}, finished.output
    assert len(listener.heard) > 50
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
def test_secret_is_found_however_it_is_spelled(spelled):
    """A secret is replaced in URLs, in JSON, in headers, and inside of other text."""
    secrets = Secrets()
    secrets.remember("token", "abc/def+12345")

    assert "<token " in secrets.clean(spelled)
    assert "def" not in secrets.clean(spelled)


def test_short_password_is_taken_out_where_a_value_stands():
    """A password such as `pass` goes where it is one, and stays where it is a word."""
    secrets = Secrets()
    secrets.remember("password", "pass")

    assert secrets.clean("password=pass&x=pass") == (
        f"password={(label := secrets.clean('=pass')[1:])}&x={label}"
    )
    assert secrets.clean("2 passed, passing by pass-through") == "2 passed, passing by pass-through"


def test_equal_secrets_stay_recognisable():
    """Equal secrets get equal replacements, different ones different."""
    secrets = Secrets()
    secrets.remember("token", "first-secret-value")
    secrets.remember("token", "other-secret-value")

    first, again, other = secrets.clean(
        "first-secret-value first-secret-value other-secret-value"
    ).split("> ")
    assert first == again
    assert other.rstrip(">") != first


def test_longest_secret_wins_and_what_only_starts_like_one_stays():
    """Of secrets that start alike the whole one goes, and text that is cut off is left alone."""
    secrets = Secrets()
    for value in ("eyJ0eXAi.short", "eyJ0eXAi.short-and-longer", "eyJ0eXAieyJ0eXAi.nested"):
        secrets.remember("token", value)

    kinds = secrets.clean("eyJ0eXAi.short-and-longer|eyJ0eXAi.sho|eyJ0eXAieyJ0eXAi.short")

    label = secrets.clean("eyJ0eXAi.short")
    longer = secrets.clean("eyJ0eXAi.short-and-longer")
    assert kinds == f"{longer}|eyJ0eXAi.sho|eyJ0eXAi{label}"
    assert longer != label


def test_cleaning_costs_no_memory_for_the_secrets_that_are_known():
    """All tokens start alike; to clean a text that has one takes no memory for the others."""
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


def test_only_what_a_redirect_brings_is_a_code(monkeypatch):
    """What FHIR calls a code is no secret, or names of operations would be taken out of reports."""
    monkeypatch.setattr(exchanges, "SECRETS", secrets := Secrets())
    asked = httpx.Request("GET", "https://emr.example/fhir/OperationDefinition/status")
    operation = httpx.Response(200, json={"code": "bulkdata-status"}, request=asked)
    redirect = httpx.Response(302, headers={"Location": "https://app.example/?code=0123456789abc"})
    for answer in (operation, redirect):
        exchanges.ExchangeLog().add(exchanges.Exchange(asked, answer, None, 0.1))

    assert set(secrets.values()) == {"0123456789abc"}
