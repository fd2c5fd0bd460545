"""The vocabulary of assertions: what a check expects of a response, and what it received.

A 5xx is not a refusal: it does not prove that the server refuses what it must refuse. Every
function raises Mismatch, and only Mismatch, when the server is wrong.
"""

import json as jsonlib
import re
from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
from referencing import Registry, Resource

from conformance.mismatch import Judged, Mismatch, fail
from fixtures.driver.login_pages import Authorization
from fixtures.wire.client import Blocked, Response, query
from fixtures.wire.exchanges import LOG, NOT_JSON
from fixtures.wire.redaction import SECRETS

SCHEMAS = Path(__file__).parent / "schemas"


def working(use: Callable[..., Any], *arguments: Any) -> Any:
    """Expect a client library to succeed, and return its result.

    Any exception of a library means that it cannot use the response of the server.
    """
    __tracebackhide__ = True
    try:
        return use(*arguments)
    except (Blocked, Mismatch):
        raise
    except Exception as error:  # noqa: BLE001 - the libraries have no common base
        said = " ".join(str(error).split())
        last = LOG.exchanges[-1:]
        fail("the client library to work", f"{type(error).__name__}: {said[:300]}", last)


def that(condition: object, expected: str, received: object, judged: Judged) -> None:
    """Expect a condition.

    `expected` and `received` describe it; `received` may be a response.
    """
    __tracebackhide__ = True
    if not condition:
        fail(expected, _show(received), judged)


def equal(actual: object, expected: object, what: str, judged: Judged) -> None:
    """Expect a value; `what` is its name."""
    __tracebackhide__ = True
    if actual != expected:
        fail(f"{what} to be {_show(expected)}", _show(actual), judged)


def status(response: Response, *allowed: int) -> None:
    """Expect one of the status codes."""
    __tracebackhide__ = True
    that(
        response.status_code in allowed,
        f"status {' or '.join(map(str, allowed))}",
        response,
        response,
    )


def success(response: Response) -> None:
    """Expect a status of 200 to 299."""
    __tracebackhide__ = True
    that(
        response.is_success,
        "a status of 2xx",
        response,
        response,
    )


def refused(response: Response) -> None:
    """Expect a status of 400 to 499: the server says that the request is at fault."""
    __tracebackhide__ = True
    that(
        response.is_client_error,
        "a status of 4xx",
        response,
        response,
    )


def header(
    response: Response,
    name: str,
    value: str | None = None,
    *,
    contains: str | None = None,
    absent: bool = False,
) -> str:
    """Expect a header to be present, to have a value, to contain a word, or to be absent."""
    __tracebackhide__ = True
    found = ", ".join(response.headers.get_list(name))
    has = name in response.headers
    received = f"{name}: {found}" if has else f"no {name} header"
    if absent:
        that(not has, f"no header {name}", received, response)
    elif contains is not None:
        words = f"header {name} to contain {contains!r}"
        that(has and contains.lower() in found.lower(), words, received, response)
    elif value is not None:
        that(has and found == value, f"header {name} to be {value!r}", received, response)
    else:
        that(has, f"a header {name}", received, response)
    return found


def media_type(response: Response, *allowed: str) -> None:
    """Expect one of the media types, whatever their parameters."""
    __tracebackhide__ = True
    found = response.headers.get("content-type", "")
    that(
        found.partition(";")[0].strip().lower() in allowed,
        f"Content-Type {' or '.join(allowed)}",
        found or "no Content-Type",
        response,
    )


def json(response: Response) -> Any:
    """Expect a JSON body of any media type, and return it parsed."""
    __tracebackhide__ = True
    try:
        return response.json()
    except NOT_JSON:
        fail("a JSON body", _excerpt(response), response)


def json_object(response: Response) -> dict[str, Any]:
    """Expect a JSON object as body, and return it parsed."""
    __tracebackhide__ = True
    body = json(response)
    that(isinstance(body, dict), "a JSON object", body, response)
    return dict(body)


def member(response: Response, name: str, *, kind: type | tuple[type, ...] = object) -> Any:
    """Expect a member of the JSON object, of this kind if one is given, and return its value."""
    __tracebackhide__ = True
    body = json_object(response)
    that(name in body, f"a member {name!r}", f"members {sorted(body)}", response)
    value = body[name]
    right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    that(right, f"{name!r} to be {_kind_name(kind)}", value, response)
    return value


def schema(response: Response, name: str) -> Any:
    """Expect the body to match `conformance/schemas/<name>.json`, and return it parsed.

    A failure has all errors: `$.expires_in  '3600' is not of type 'integer'`.
    """
    __tracebackhide__ = True
    body = json(response)
    errors = schema_errors(body, name)
    if errors:
        fail(f"a body that fits the schema {name}", errors, response)
    return body


def schema_errors(body: Any, name: str) -> list[str]:
    """Return all differences from the schema with their JSON paths, in the order of the paths."""
    errors = sorted(_validator(name).iter_errors(body), key=lambda error: error.json_path)
    return [f"{error.json_path}  {_cut(error.message, 160)}" for error in errors]


@cache
def _validator(name: str) -> jsonschema.protocols.Validator:
    resources = {
        path.relative_to(SCHEMAS).as_posix(): jsonlib.loads(path.read_text("utf-8"))
        for path in SCHEMAS.rglob("*.json")
    }
    registry: Registry[Any] = Registry().with_resources(
        (file, Resource.from_contents(content)) for file, content in resources.items()
    )
    return jsonschema.Draft202012Validator(resources[f"{name}.json"], registry=registry)


def oauth_error(response: Response, *codes: str, statuses: Collection[int] = (400,)) -> None:
    """Expect an OAuth 2.0 error response (RFC 6749 section 5.2) with one of the codes."""
    __tracebackhide__ = True
    body = _object(response)
    wanted = f"{' or '.join(map(str, statuses))} with error {' or '.join(codes)}"
    error = body.get("error")
    that(
        response.status_code in statuses and isinstance(error, str) and error in codes,
        wanted,
        response,
        response,
    )


def no_token(response: Response, because: str = "") -> None:
    """Expect a response without tokens, and not a status of success.

    `because` says what was wrong with the request, and why it matters.
    """
    __tracebackhide__ = True
    body = _object(response)
    given = [name for name in ("access_token", "refresh_token", "id_token") if body.get(name)]
    received = f"{response.status_code} with {', '.join(given)}"
    that(not given, _with_reason("no token", because), received, response)
    no_server_error(response)
    said = f"{response.status_code} {_excerpt(response)}"
    that(not response.is_success, _with_reason("a refusal", because), said, response)


def no_server_error(response: Response) -> None:
    """Expect any status but a server error (5xx)."""
    __tracebackhide__ = True
    that(response.status_code < 500, "no server error", response, response)


def answered(response: Response) -> None:
    """Expect no server error, and JSON if the status is a success.

    For checks of what a response must not contain: an HTML page contains none of it.
    """
    __tracebackhide__ = True
    no_server_error(response)
    if response.is_success and response.content:
        json(response)


def redirect(response: Response, to: str | None = None) -> dict[str, str]:
    """Expect a redirect, to a URL that begins with `to` if given, and return its query."""
    __tracebackhide__ = True
    target = response.headers.get("location", "")
    that(response.is_redirect and target, "a redirect", response, response)
    if to is not None:
        that(_same_place(target, to), f"a redirect to {to}", response, response)
    return query(target)


def _same_place(target: str, to: str) -> bool:
    return target == to or target.startswith((f"{to}?", f"{to}&", f"{to}#"))


def login_page(response: Response) -> None:
    """Expect the page that asks for the user's password: the request was accepted so far."""
    __tracebackhide__ = True
    asks = response.status_code == 200 and re.search(r"""type=["']?password""", response.text)
    that(asks, "the login page", response, response)


def code(authorization: Authorization) -> str:
    """Expect that the authorization gave the client a code, and return the code."""
    __tracebackhide__ = True
    found = authorization.parameters.get("code")
    that(found, "a code", authorization.response, authorization.response)
    return str(found)


def no_code(authorization: Authorization) -> None:
    """Expect that the authorization gave the client no code."""
    __tracebackhide__ = True
    that(
        "code" not in authorization.parameters,
        "no code",
        authorization.response,
        authorization.response,
    )
    no_server_error(authorization.response)


def no_redirect_to(authorization: Authorization, url: str) -> None:
    """Expect that neither a redirect nor a page sends the browser to a URL."""
    __tracebackhide__ = True
    response = authorization.response
    host = urlsplit(url).netloc
    there = response.is_redirect and host in response.headers.get("location", "")
    there = there or bool(re.search(rf"(href|action|url|content)=[^>]*{host}", response.text))
    that(not there, f"nothing that leads to {host}", response, response)
    no_server_error(response)


def authorization_error(authorization: Authorization, *codes: str) -> None:
    """Expect one of the codes if the refusal has one, at the client or in a JSON body."""
    __tracebackhide__ = True
    error = authorization.parameters.get("error", _object(authorization.response).get("error"))
    words = f"error {' or '.join(codes)}"
    that(error is None or error in codes, words, str(error), authorization.response)
    no_server_error(authorization.response)


def contains(values: Iterable[Any], wanted: Any, what: str, judged: Judged) -> None:
    """Expect a list to contain a value; `what` is the name of the list."""
    __tracebackhide__ = True
    found = values if isinstance(values, list) else [values]
    that(wanted in found, f"{what} to contain {wanted!r}", found, judged)


def no_data(response: Response, *allowed: int, because: str = "") -> None:
    """Expect an API to refuse, with one of the status codes if any are given, and no records."""
    __tracebackhide__ = True
    wanted = f"status {' or '.join(map(str, allowed))}" if allowed else "a status of 4xx"
    received = f"{response.status_code} {_excerpt(response)}"
    that(response.is_client_error, _with_reason(wanted, because), received, response)
    if allowed:
        right = response.status_code in allowed
        that(right, _with_reason(wanted, because), received, response)
    body = _object(response)
    kind = body.get("resourceType", "OperationOutcome")
    shown = bool(body.get("data")) or kind != "OperationOutcome"
    that(not shown, _with_reason("no record", because), response, response)


def not_led_to(response: Response, place: str, because: str = "") -> None:
    """Expect that no header and no page of the response leads to a URL."""
    __tracebackhide__ = True
    leads = [response.headers.get(name, "") for name in ("location", "refresh")]
    if "html" in response.headers.get("content-type", ""):
        leads += re.findall(
            r"(?i)http-equiv=[\"']?refresh[^>]*|location(?:\.href)?\s*=[^;]*", response.text
        )
    found = [lead for lead in leads if place in lead]
    that(not found, _with_reason(f"nothing that leads to {place}", because), found, response)
    no_server_error(response)


def _with_reason(expected: str, because: str) -> str:
    return f"{expected}: {because}" if because else expected


def _object(response: Response) -> dict[str, Any]:
    """Return the JSON object of the response, or an empty one."""
    try:
        body = response.json()
    except NOT_JSON:
        return {}
    return body if isinstance(body, dict) else {}


def _kind_name(kind: type | tuple[type, ...]) -> str:
    names = {str: "a string", int: "an integer", bool: "a boolean", list: "an array"}
    names |= {dict: "an object", object: "there"}
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(names.get(each, each.__name__) for each in kinds)


def _show(value: object) -> str:
    if isinstance(value, Response):
        leads = value.headers.get("location") if value.is_redirect else None
        return f"{value.status_code} {leads or _excerpt(value)}"
    return _cut(value if isinstance(value, str) else repr(value), 400)


def _cut(text: str, limit: int) -> str:
    text = SECRETS.clean(text)  # before the cut: half a secret would not be recognised
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _excerpt(response: Response) -> str:
    text = " ".join(response.text.split())
    media_type = response.headers.get("content-type", "no media type").partition(";")[0]
    return f"{media_type}: {_cut(text, 240)}" if text else f"{media_type}, empty body"
