"""Changes for clients between two runs, by the answers that both kept.

Answers are compared check by check and request by request, so that two answers are compared only
where both runs sent the same request. A shared answer is fetched by any of several checks, and by
another one in each run. So an answer that is only in one of the runs is not a change; one that
replaces another is. Where no check has answers in both runs, all answers to a request are compared,
and it changed only if no answer of the one run is in the other.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reports.judging import client_answers

Data = Mapping[str, Any]
#: Status, media type, kind of body, error code.
Core = tuple[int, str, str, str]

Fields = Mapping[str, str]
#: By check and request, the answers with the fields of each.
Seen = Mapping[tuple[str, str], Mapping[Core, list[Fields]]]

ERRORS = "errors"
#: Fields that depend on the data alone: a Bundle without entries leaves them out.
DATA = frozenset(("*", "data.*", "entry"))
#: The expected kind of body by media type, and the names of the kinds.
LIKELY = {"json": "json", "html": "html", "plain": "text"}
WORDS = {"json": "JSON", "json array": "a JSON array", "html": "HTML", "text": "plain text"}
#: Kinds of change, those first that break most clients.
KINDS = {
    "refused": "Worked before, is refused now",
    "failing": "Fails with a server error now",
    "accepted": "Was refused before, works now",
    "status": "Another status",
    "media_type": "Another content type or kind of body",
    "error": "Another error code",
    "removed": "Fields removed, or of another type",
    "added": "Fields added",
}


def between(old: Data, new: Data) -> list[dict[str, Any]]:
    """Return what changed, the gravest first: kind, what, and the requests at which it shows.

    `old` and `new` are parsed conformance.json; only checks that both ran count.
    """
    common = _checks(old) & _checks(new)
    before, after = (_by_request(data, common) for data in (old, new))
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    shown: set[str] = set()
    for check, request in sorted(before.keys() & after.keys()):
        for was, now in _pairs(set(before[check, request]), set(after[check, request])):
            shown.add(request)
            requests = found.setdefault((_kind(was, now), f"{_say(was)} → {_say(now)}"), {})
            requests.setdefault(request, []).append(check)
    for request, was, now, check in _elsewhere(before, after, shown):
        requests = found.setdefault((_kind(was, now), f"{_say(was)} → {_say(now)}"), {})
        requests.setdefault(request, []).append(check)
    for request, kind, what, checks in _fields(before, after):
        found.setdefault((kind, what), {}).setdefault(request, []).extend(checks)
    listed = [
        {
            "kind": kind,
            "what": what,
            "requests": [
                {"request": request, "checks": len(set(checks)), "example": min(checks)}
                for request, checks in sorted(requests.items())
            ],
        }
        for (kind, what), requests in found.items()
    ]
    kinds = list(KINDS)
    return sorted(listed, key=lambda e: (kinds.index(e["kind"]), -len(e["requests"]), e["what"]))


def _checks(data: Data) -> set[str]:
    return {check["id"] for requirement in data["requirements"] for check in requirement["checks"]}


def _by_request(
    data: Data, wanted: set[str]
) -> dict[tuple[str, str], dict[Core, list[Mapping[str, str]]]]:
    found: dict[tuple[str, str], dict[Core, list[Mapping[str, str]]]] = {}
    for check, answer in client_answers.by_check(data.get("answers", ())):
        if check in wanted:
            core = (answer["status"], answer["content_type"], answer["body"], answer["error"])
            seen = found.setdefault((check, answer["request"]), {})
            seen.setdefault(core, []).append(answer["fields"])
    return found


def _elsewhere(
    before: Seen, after: Seen, shown: Collection[str]
) -> Iterator[tuple[str, Core, Core, str]]:
    """Yield the requests, beside those already found, without an answer in common."""
    sides: list[dict[str, dict[Core, str]]] = [{}, {}]
    for side, seen in zip(sides, (before, after), strict=True):
        for (check, request), cores in seen.items():
            for core in cores:
                side.setdefault(request, {}).setdefault(core, check)
    for request in sorted(sides[0].keys() & sides[1].keys() - set(shown)):
        was, now = sides[0][request], sides[1][request]
        if not was.keys() & now.keys():
            for one, other in _pairs(set(was), set(now)):
                yield request, one, other, now[other]


def _pairs(before: set[Core], after: set[Core]) -> Iterator[tuple[Core, Core]]:
    """Yield each answer that went with the one, most like it, that came for it.

    Of what is left over nobody knows whether it changed or was only asked for elsewhere.
    """
    went, came = sorted(before - after), sorted(after - before)
    close = sorted(
        ((was, now) for was in went for now in came),
        key=lambda pair: _likeness(*pair),
        reverse=True,
    )
    taken: set[tuple[str, Core]] = set()
    for was, now in close:
        if ("was", was) not in taken and ("now", now) not in taken:
            taken |= {("was", was), ("now", now)}
            yield was, now


def _likeness(was: Core, now: Core) -> tuple[bool, ...]:
    same = tuple(one == other for one, other in zip(was, now, strict=True))
    return (was[0] // 100 == now[0] // 100, *same)


def _kind(was: Core, now: Core) -> str:
    # A success with errors in its envelope, or a redirect with an error, did not work.
    worked, works = (core[0] < 400 and not core[3] for core in (was, now))
    if now[0] >= 500 and (worked or was[0] < 500):
        return "failing"
    if worked and not works:
        return "refused"
    if works and not worked:
        return "accepted"
    if was[0] != now[0]:
        return "status"
    return "media_type" if was[1:3] != now[1:3] else "error"


def _say(core: Core) -> str:
    status, media_type, body, error = core
    if body == "empty":
        said = f"{status} without a body" + (f" ({media_type})" if media_type else "")
    else:
        said = f"{status} {media_type or 'without a content type'}"
        if body != LIKELY.get(media_type.rpartition("/")[2].rpartition("+")[2], ""):
            said += f" that is {WORDS[body]}"
    return said + (f", error '{error}'" if error else "")


def _fields(before: Seen, after: Seen) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield request, kind of change, what, and checks.

    Which fields are there depends on the data too, so all answers of one sort to a request are
    taken together: a field of a record is gone if all had it and none has it any more.
    """
    common = before.keys() & after.keys()
    was, now = (_by_sort(side, common) for side in (before, after))
    for (request, sort), (old, checks) in sorted(was.items()):
        if (request, sort) not in now:
            continue
        new, _ = now[request, sort]
        # Errors have several forms at one route, and what OAuth answers depends on no record.
        strict = sort != ERRORS and "/apis/" in request
        gone, came = _missing(old, new, strict=strict), _missing(new, old, strict=strict)
        lost = [f"removed {', '.join(gone)}"] if gone else []
        types = _types(old, new)
        lost += [f"of another type: {', '.join(types)}"] if types else []
        if lost:
            lost += [f"added {', '.join(came)}"] if came else []
            yield request, "removed", f"{sort}: {'; '.join(lost)}", checks
        elif came:
            yield request, "added", f"{sort}: added {', '.join(came)}", checks


def _missing(here: Sequence[Fields], there: Sequence[Fields], *, strict: bool) -> list[str]:
    """Return the fields that are only here; strict: in every answer that could have them.

    Where nothing stands in `data`, its fields are not gone, only the record is not there.
    """
    found = []
    for name in {name for fields in here for name in fields} - DATA:
        could, others = ([f for f in side if _could(f, name)] for side in (here, there))
        everywhere = all(name in fields for fields in could) or not strict
        if everywhere and others and not any(name in fields for fields in others):
            found.append(name)
    return sorted(found)


def _could(fields: Fields, name: str) -> bool:
    return not name.startswith("data.") or any(each.startswith("data.") for each in fields)


def _types(old: Sequence[Fields], new: Sequence[Fields]) -> list[str]:
    """Return the fields of which no type is the same; what was null or empty had none."""
    kinds: list[dict[str, set[str]]] = [{}, {}]
    for side, answers_of in zip(kinds, (old, new), strict=True):
        for fields in answers_of:
            for name, kind in fields.items():
                side.setdefault(name, set()).update([kind] if kind else [])
    was, now = kinds
    return [
        f"{name} {'/'.join(sorted(was[name]))} → {'/'.join(sorted(now[name]))}"
        for name in sorted(was.keys() & now.keys() - DATA)
        if was[name] and now[name] and not was[name] & now[name]
    ]


def _by_sort(
    seen: Seen, common: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[list[Fields], list[str]]]:
    """Return the fields of all answers by request and sort, and the checks that got them."""
    found: dict[tuple[str, str], tuple[list[Fields], list[str]]] = {}
    for check, request in common:
        for (status, _, body, _), several in seen[check, request].items():
            if body == "json":
                sort = ERRORS if status >= 400 else str(status)
                fields, checks = found.setdefault((request, sort), ([], []))
                checks.append(check)
                fields.extend(several)
    return found
