"""No secret leaves a run: not in the terminal, not in any file of the results."""

import json
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from fixtures.embedded.app import Application
from fixtures.embedded.server import EmbeddedServer
from fixtures.redaction import Secrets
from tests.runs import run, target_file

SECRET = {"access_token", "refresh_token", "id_token", "client_secret", "code_verifier", "code"}
SECRET |= {"registration_access_token", "client_assertion", "password", "id_token_hint"}


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
        self._pairs(scope["query_string"].decode())
        headers = dict(scope["headers"])

        async def listening() -> Message:
            message = await receive()
            if b"urlencoded" in headers.get(b"content-type", b""):
                self._pairs(message.get("body", b"").decode("utf-8", "replace"))
            return message

        async def telling(message: Message) -> None:
            for name, value in message.get("headers", []):
                if name == b"location":
                    self._pairs(urlsplit(value.decode("latin-1")).query)
                if name == b"set-cookie":
                    self._hear(value.decode().partition(";")[0].partition("=")[2])
            self._body(message.get("body", b""))
            await send(message)

        await super().__call__(scope, listening, telling)

    def _pairs(self, text: str) -> None:
        for name, value in parse_qsl(text):
            if name in SECRET:
                self._hear(value)

    def _body(self, body: bytes) -> None:
        if body.startswith(b"{"):
            for name, value in json.loads(body).items():
                if name in SECRET and isinstance(value, str):
                    self._hear(value)

    def _hear(self, value: str) -> None:
        # Shorter ones are words that checks send on purpose, such as `wrong`.
        if len(value) >= 20:
            self.heard.add(value)


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        pytest.param("", ("--bodies=all", "-v"), id="healthy"),
        pytest.param("codes_reusable+secret_may_be_omitted+token_answer_cacheable", (), id="one"),
        pytest.param(
            "codes_reusable+secret_may_be_omitted+token_answer_cacheable",
            ("--bodies=all", "-n2", "--tb=long"),
            id="workers",
        ),
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

    texts = {"terminal": finished.output}
    for path in finished.results.rglob("*"):
        if path.is_file():
            texts[path.name] = path.read_text("utf-8", "replace")
    leaks = {
        (name, value[:6])
        for name, text in texts.items()
        for value in listener.heard
        if value in text or quote(value, safe="") in text
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
