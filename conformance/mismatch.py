"""How a check says that the server is wrong: what it expected, received and judged."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from fixtures.wire import pitfalls
from fixtures.wire.client import Response
from fixtures.wire.exchanges import Exchange, curl, exchange_of

#: The judged exchanges of an assertion: a response, an exchange without one, or several. The first
#: is the main one of a failure; `()` means that nothing went over the wire.
Judged = Response | Exchange | Sequence[Response | Exchange]


class Mismatch(AssertionError):
    """The response of the server is not what the requirement asks for."""

    def __init__(self, expected: str, received: str | list[str], judged: Judged = ()) -> None:
        self.expected = expected
        self.received = received
        self.judged = _exchanges(judged)
        first = self.judged[0] if self.judged else None
        self.in_answer = None if first is None else first.line
        self.reproduce = None if first is None else curl(first.request)
        response = None if first is None else first.response
        self.hint = None if response is None else _hint(response, expected)
        lines = [received] if isinstance(received, str) else received
        super().__init__(f"expected {expected}, received {'; '.join(lines)}")


def _exchanges(judged: Judged) -> list[Exchange]:
    several = [judged] if isinstance(judged, Response | Exchange) else judged
    return [each if isinstance(each, Exchange) else exchange_of(each) for each in several]


def _hint(response: Response, expected: str) -> str | None:
    """Return the known pitfall that fits a response, if a success was expected."""
    if not re.search(r"to work|status 2\d\d|2xx|JSON|object|token", expected):
        return None
    html = "html" in response.headers.get("content-type", "")
    return None if response.is_success and not html else pitfalls.hint(response)


def fail(expected: str, received: str | list[str], judged: Judged) -> NoReturn:
    """Raise a Mismatch."""
    __tracebackhide__ = True
    raise Mismatch(expected, received, judged)


@contextlib.contextmanager
def advice(hint: str) -> Iterator[None]:
    """Add advice to a failure in the block, unless a known pitfall fits better."""
    __tracebackhide__ = True
    try:
        yield
    except Mismatch as missed:
        missed.hint = missed.hint or hint
        raise
