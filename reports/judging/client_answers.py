"""The answers that clients saw in a run, each once, with the checks that got it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: Request, status, media type, kind of body, error code, and fields as `name:type`, sorted.
Seen = tuple[str, int, str, str, str, str]
#: By answer, then by check without its parameters, the parameters of those that got it.
Answers = dict[Seen, dict[str, list[str]]]


def fold(known: Answers, check: str, seen: Iterable[Iterable[Any]]) -> None:
    """Add the answers that one check saw; `check` is its node id."""
    function, _, params = check.partition("[")
    for answer in seen:
        parameters = known.setdefault(tuple(answer), {}).setdefault(function, [])
        parameters.append(params.removesuffix("]"))


def as_data(known: Answers) -> list[dict[str, Any]]:
    """Return the answers as they stand in conformance.json."""
    return [
        {
            "request": request,
            "status": status,
            "content_type": media_type,
            "body": body,
            "error": error,
            "fields": dict(each.partition(":")[::2] for each in fields.split()),
            "checks": {name: sorted(checks[name]) for name in sorted(checks)},
        }
        for (request, status, media_type, body, error, fields), checks in sorted(known.items())
    ]


def seen(answer: Mapping[str, Any]) -> Seen:
    """Return an answer of conformance.json in the form in which it is folded."""
    fields = " ".join(f"{name}:{kind}" for name, kind in answer["fields"].items())
    head = (answer["request"], answer["status"], answer["content_type"], answer["body"])
    return (*head, answer["error"], fields)


def by_check(answers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each answer of conformance.json with the id of each check that got it."""
    for answer in answers:
        for function, parameters in answer["checks"].items():
            for each in parameters:
                yield f"{function}[{each}]" if each else function, answer
