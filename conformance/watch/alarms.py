"""Examines every exchange of a run, whatever check sent it; conformance/plugin.py calls it.

A check judges its own requests; a stack trace in another response would go unnoticed. Each kind of
alarm is its own requirement (`watch` in the catalogue). An alarm is in the report of the check that
sent the request: `{kind, where, what, line, reproduce, exchange}`. `where` is the route and not the
request, so that the same fault is reported once.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from conformance.watch.disclosure import INTERNALS
from fixtures.wire.client import Blocked, Response, json_body
from fixtures.wire.exchanges import Exchange, curl
from fixtures.wire.redaction import SHORTEST_SECRET

#: Values that a client sends and that only the server may know.
CONFIDED = {"password", "client_secret", "client_assertion", "code_verifier", "refresh_token"}
IN_URL = re.compile(
    r"[?&](?:access_token|refresh_token|id_token|client_secret|password)=[^&\s\"'<]"
)
#: Searching a word is many times faster than a pattern.
SECRET_WORDS = ("_token=", "client_secret=", "password=")
#: Statements of databases, and files of the server, in addition to the words of INTERNALS. Each
#: pattern is tried only if the text has its word, which is many times faster (`internals`).
INSIDE = {
    " WHERE ": re.compile(r"\bFROM `?\w+`? WHERE `?\w+`? ?[=<>]"),
    ".php": re.compile(r"\.php at \d+:\w|(?:/srv|/home|/usr|/opt|/work)/[\w./-]{1,120}\.php"),
    "Duplicate entry": re.compile(r"Duplicate entry '[^']*' for key"),
}
#: Endpoints of the authorization server that always return JSON.
SPEAKS_JSON = re.compile(
    r"^/apis/|^/oauth2/[^/]+/(?:token|introspect|registration|jwk|\.well-known/)|^/oauth2/[^/]+$"
)
OPEN = re.compile(r"/(?:metadata|version|product|OperationDefinition/.*|\.well-known/.*)$")
#: A longer body is data and not a page: its beginning is enough.
LONGEST_TEXT = 200_000


def server_error(exchange: Exchange, response: Response, path: str) -> str | None:
    """A server error (5xx); 501 is OpenEMR's status of an API that is switched off."""
    del exchange, path
    status = response.status_code
    return f"{status}" if status >= 500 and status != 501 else None


def internals(exchange: Exchange, response: Response, path: str) -> str | None:
    """A stack trace, a statement of the database, a file of the server.

    OpenEMR's own pages for administrators are left out: they show both on purpose.
    """
    del exchange
    if path.startswith("/interface/"):
        return None
    text = response.text[:LONGEST_TEXT]
    found = [word for word in INTERNALS if word in text]
    for word, pattern in INSIDE.items():
        if word in text and (shown := pattern.search(text)):
            found.append(shown.group()[:80])
    # The first one in the text is reported, in any order of the search.
    return f"{response.status_code} with {min(found, key=text.index)!r}" if found else None


def html(exchange: Exchange, response: Response, path: str) -> str | None:
    """An HTML page where a program expects JSON."""
    if not SPEAKS_JSON.search(path):
        return None
    page = "html" in exchange.response_headers.get("content-type", "") and response.content.strip()
    return f"{response.status_code} with HTML" if page else None


def broken_json(exchange: Exchange, response: Response, path: str) -> str | None:
    """A body with a JSON media type that is not JSON; an empty one is allowed."""
    del path
    media_type = exchange.response_headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.content or not media_type.endswith(("/json", "+json")):
        return None
    if "parsed" in response.extensions:  # the search for secrets has parsed it
        return None
    try:
        json.loads(response.content)
    except (ValueError, RecursionError) as error:
        return f"{response.status_code} {media_type} that cannot be parsed: {error}"
    return None


def secret_shown(exchange: Exchange, response: Response, path: str) -> str | None:
    """A secret in a URL that the server makes, or in the response to the client that sent it."""
    seen = f"{exchange.response_headers.get('location', '')}\n{response.text[:LONGEST_TEXT]}"
    if any(word in seen for word in SECRET_WORDS) and (found := IN_URL.search(seen)):
        return f"{response.status_code} with a URL that has {found.group()[1:].partition('=')[0]}"
    confided = _confided(exchange)
    told = "\n".join([response.text, *exchange.response_headers.values()]) if confided else ""
    for name, value in confided:
        if _is_member_of_answer(response, value):
            told = told.replace(value, "", 1)
        if value in told:
            return f"{response.status_code} that repeats the {name} of the request"
    return None


def _is_member_of_answer(response: Response, value: str) -> bool:
    """Return whether a response may repeat a secret of its request as one of its members.

    A registration has its own token (RFC 7592 section 3), and a refresh may give the same refresh
    token again (RFC 6749 section 6).
    """
    try:
        body = json_body(response)
    except Blocked:
        return False
    names = ("registration_access_token", "refresh_token")
    return isinstance(body, dict) and value in [body.get(name) for name in names]


def cacheable(exchange: Exchange, response: Response, path: str) -> str | None:
    """Patient data that a browser or a proxy may store."""
    authorized = "authorization" in exchange.request_headers and path.startswith("/apis/")
    if not authorized or not response.is_success or OPEN.search(path):
        return None
    control = exchange.response_headers.get("cache-control", "")
    return None if "no-store" in control else f"Cache-Control: {control or 'none'}"


Detector = Callable[[Exchange, Response, str], str | None]
KINDS: dict[str, Detector] = {
    "server_error": server_error,
    "internals": internals,
    "html": html,
    "broken_json": broken_json,
    "secret_shown": secret_shown,
    "cacheable": cacheable,
}
#: The alarms of a response to TRACE: HTTP-trace-off judges whether it is an echo.
OF_TRACE = ("server_error", "internals")


def find_alarms(exchange: Exchange, base: str, seen: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the alarms of an exchange, except those that its route has raised before.

    `base` is the URL of the server. The refusal of plain http comes from the web server and not
    from an endpoint: TLS-http-refused judges it.
    """
    response = exchange.response
    url, own = urlsplit(str(exchange.request.url)), urlsplit(base)
    if response is None or (url.scheme, own.scheme) == ("http", "https"):
        return []
    path = url.path.removeprefix(own.path)
    alarms = []
    for kind in OF_TRACE if exchange.request.method == "TRACE" else KINDS:
        what = KINDS[kind](exchange, response, path)
        if what is None:
            continue
        where = f"{exchange.request.method} {route(path, whole=kind != 'cacheable')}"
        if (kind, where) not in seen:
            seen.add((kind, where))
            alarm = {"kind": kind, "where": where, "what": what, "line": exchange.line}
            evidence = {"reproduce": curl(exchange.request), "exchange": exchange.as_dict()}
            alarms.append(alarm | evidence)
    return alarms


def route(path: str, *, whole: bool = True) -> str:
    """Return a path with a star for every id, or (not whole) only the API that it belongs to."""
    names = [
        part if re.fullmatch(r"[$.]?[A-Za-z][A-Za-z_.-]{0,40}\d?", part) else "*"
        for part in path.strip("/").split("/")
    ]
    return "/" + "/".join(names if whole else names[:3])


def _confided(exchange: Exchange) -> list[tuple[str, str]]:
    pairs = [("Authorization", exchange.request_headers.get("authorization", "").partition(" ")[2])]
    pairs += [(name, value) for name, value in exchange.form if name in CONFIDED]
    return [(name, value) for name, value in pairs if len(value) >= SHORTEST_SECRET]
