"""Exchanges of a check as conformance.json holds them, and which of them were judged.

An exchange is `{id, request: {method, url, headers, body}, response: {status, headers, body} or
null, problem, ms}`; headers are pairs of name and value. See `exchanges` and `judged` of a check in
conformance/schemas/conformance.json.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

Data = Mapping[str, Any]


def ordered(check: Data) -> tuple[list[Data], list[Data]]:
    """Return the judged exchanges of a check, the main one first, and the others as they came."""
    exchanges: Sequence[Data] = check.get("exchanges", ())
    by_id = {each["id"]: each for each in exchanges}
    judged = [by_id[name] for name in check.get("judged", ()) if name in by_id]
    names = {each["id"] for each in judged}
    return judged, [each for each in exchanges if each["id"] not in names]


def line(exchange: Data) -> str:
    """Return an exchange in one line: method, path, status and media type."""
    request, response = exchange["request"], exchange["response"]
    address = urlsplit(request["url"])
    asked = f"{request['method']} {address.path or '/'}"
    if response is None:
        return f"{asked} -> {exchange['problem'] or 'no answer'}"
    return f"{asked} -> {response['status']} {media_type(response) or 'no media type'}"


def media_type(response: Data) -> str:
    """Return the media type of a response without its parameters; empty if there is none."""
    values = (value for name, value in response["headers"] if name.lower() == "content-type")
    return str(next(values, "")).partition(";")[0].strip()


def as_text(check: Data) -> str:
    """Return the exchanges of a check as text: the judged ones whole, then a line for each other.

    Empty if there are none.
    """
    judged, others = ordered(check)
    blocks = ["\n".join(_whole(each)) for each in judged]
    if others:
        heading = "other exchanges of the check:" if judged else "exchanges of the check:"
        blocks.append("\n".join([heading, *map(line, others)]))
    return "\n\n".join(blocks)


def lines(check: Data) -> str:
    """Return the exchanges of a check with a line for each, the judged ones first and marked."""
    judged, others = ordered(check)
    return "\n".join([*(f"{line(each)}  (judged)" for each in judged), *map(line, others)])


def without_bodies(exchanges: Iterable[Data]) -> list[dict[str, Any]]:
    """Return exchanges with headers and no bodies."""
    return [
        {
            **each,
            "request": {**each["request"], "body": ""},
            "response": None if each["response"] is None else {**each["response"], "body": ""},
        }
        for each in exchanges
    ]


def alarms_without_bodies(alarms: Iterable[Data]) -> list[dict[str, Any]]:
    """Return alarms of the watch whose exchanges have headers and no bodies."""
    return [
        {**each, "exchange": without_bodies([each["exchange"]])[0]} if "exchange" in each else each
        for each in map(dict, alarms)
    ]


def _whole(exchange: Data) -> Iterator[str]:
    request, response = exchange["request"], exchange["response"]
    yield f"judged: {line(exchange)}"
    yield f"> {request['method']} {request['url']}"
    yield from _message(request, ">")
    if response is None:
        yield f"< {exchange['problem'] or 'no answer'}"
    else:
        yield f"< {response['status']}"
        yield from _message(response, "<")


def _message(message: Data, mark: str) -> Iterator[str]:
    yield from (f"{mark} {name}: {value}" for name, value in message["headers"])
    if message["body"]:
        yield from ("", message["body"], "")
