"""The embedded server with a fault in every response after the first ones."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from fixtures.embedded.app import Application
from fixtures.embedded.server import EmbeddedServer

Fault = Callable[[Scope, Receive, Send], Awaitable[None]]


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    """Never send a response."""
    await asyncio.sleep(3600)


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection in the middle of the body."""
    await _head(send, b"application/json", length=1000)
    await send({"type": "http.response.body", "body": b'{"access'})


async def html(scope: Scope, receive: Receive, send: Send) -> None:
    """Send an HTML page to every request."""
    await _head(send, b"text/html")
    await send({"type": "http.response.body", "body": b"<html><h1>Maintenance</h1></html>"})


async def garbage(scope: Scope, receive: Receive, send: Send) -> None:
    """Send bytes that are not JSON as JSON."""
    await _head(send, b"application/json")
    await send({"type": "http.response.body", "body": bytes(range(256)) * 4})


async def deep(scope: Scope, receive: Receive, send: Send) -> None:
    """Send JSON that is nested too deeply for a parser."""
    await _head(send, b"application/json")
    await send({"type": "http.response.body", "body": b"[" * 100_000})


async def circles(scope: Scope, receive: Receive, send: Send) -> None:
    """Redirect every request to itself."""
    path = scope["raw_path"] or scope["path"].encode()
    await send({"type": "http.response.start", "status": 302, "headers": [(b"location", path)]})
    await send({"type": "http.response.body", "body": b""})


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    """Send 100 MB."""
    await _head(send, b"application/json")
    for _ in range(100):
        await send({"type": "http.response.body", "body": b" " * 2**20, "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})


async def drip(scope: Scope, receive: Receive, send: Send) -> None:
    """Send one byte every 0.2 seconds, without an end."""
    await _head(send, b"application/json")
    for _ in range(10_000):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(0.2)


async def _head(send: Send, media_type: bytes, length: int | None = None) -> None:
    headers = [(b"content-type", media_type)]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})


class FailingApplication(Application):
    """The embedded OpenEMR, with a fault in every response but the first `after` ones."""

    def __init__(self, fault: Fault, after: int) -> None:
        super().__init__()
        self.fault = fault
        self.remaining = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, correctly or with the fault."""
        self.remaining -= 1
        await (super().__call__ if self.remaining >= 0 else self.fault)(scope, receive, send)


class FailingServer(EmbeddedServer):
    """The embedded server with the failing application."""

    def __init__(self, fault: Fault, after: int) -> None:
        super().__init__()
        self.application = self._server.config.app = FailingApplication(fault, after)
