"""The verdict for a vendor's app: works, or works except for what, and who has to change what."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports import verdicts

Data = Mapping[str, Any]

AREA = "app"
FILE = "app.md"
WORKS, EXCEPT, NOT = "works", "works except", "does not work"
#: A run that was narrowed, or that had no way to try something, must not promise that it works.
SO_FAR, UNKNOWN = "works as far as it was judged", "could not be judged"
#: Without these there is nothing that the app could do at all.
VITAL = ("APP-registration", "APP-token")
#: The checks whose parameter says it all: a scope with its token, or a call.
NAMING = ("APP-scope", "APP-call")
#: Why a check of an app does not apply though nothing kept it from being judged.
NOT_USED = "the app does not use this"


def judged(name: str, made: int, requirements: Sequence[Data]) -> dict[str, Any]:
    """Return the verdict of a run for an app; `made` is how many checks its description makes.

    These are the checks that have a parameter; some more are the same for every app.
    """
    own = [each for each in requirements if each["area"] == AREA]
    checks = [check for each in own for check in each["checks"]]
    return {
        "name": name,
        "verdict": _verdict(own, made),
        "counts": verdicts.count(check["verdict"] for check in checks),
        "made": made,
        "exceptions": exceptions(own),
        "not_judged": _not_judged(own, made),
    }


def exceptions(requirements: Sequence[Data]) -> list[dict[str, str]]:
    """Return what does not work, as what, received, side and change; the causes before the rest."""
    found: dict[str, list[dict[str, str]]] = {verdicts.FAIL: [], verdicts.BLOCKED: []}
    for requirement in requirements:
        for check in requirement["checks"]:
            if requirement["area"] == AREA and check["verdict"] in found:
                found[check["verdict"]].append(_exception(requirement, check))
    # Checks that could not be judged follow from those that failed.
    return found[verdicts.FAIL] or found[verdicts.BLOCKED]


def _exception(requirement: Data, check: Data) -> dict[str, str]:
    parameter = _parameter(check)
    hint = str(check.get("hint", ""))
    side, change = "server", hint
    for prefix, where in (("in the app: ", "app"), ("on the server: ", "server")):
        if prefix in hint and (hint.startswith(prefix) or change == hint):
            side, change = where, hint.replace(prefix, "", 1)
    what = str(requirement["text"])
    if parameter and requirement["id"] not in NAMING:
        what = f"{what.removesuffix('.')}: {parameter}"
    elif parameter:
        what = parameter
    return {
        "requirement": requirement["id"],
        "what": what,
        "received": str(check.get("message", "")),
        "side": side,
        "change": change or f"it does not do what {requirement['source']} asks of it",
    }


def _parameter(check: Data) -> str:
    return str(check["id"]).partition("[")[2].removesuffix("]")


def _not_judged(requirements: Sequence[Data], made: int) -> list[str]:
    """Return the parts of an app that were not judged, with reasons; empty if all were."""
    reasons: dict[str, list[str]] = {}
    for requirement in requirements:
        for check in requirement["checks"]:
            reason = str(check.get("reason", "not run"))
            skipped = check["verdict"] in {verdicts.NOT_APPLICABLE, verdicts.UNTESTED}
            if skipped and reason != NOT_USED:
                reasons.setdefault(reason, []).append(requirement["id"])
    found = [f"{', '.join(dict.fromkeys(ids))}: {reason}" for reason, ids in reasons.items()]
    ran = sum(1 for each in requirements for check in each["checks"] if _parameter(check))
    unrun = max(0, made - ran)
    unrun += sum(1 for each in requirements if not each["checks"] and each["id"] in PLAIN)
    if unrun:
        found.append(f"{unrun} check{'s' if unrun > 1 else ''} of the app did not run")
    return found


#: The requirements whose checks are made once, whatever the app uses.
PLAIN = ("APP-registration", "APP-secret", "APP-address")


def _verdict(requirements: Sequence[Data], made: int) -> str:
    found = {
        requirement["id"]: [check["verdict"] for check in requirement["checks"]]
        for requirement in requirements
    }
    every = [verdict for several in found.values() for verdict in several]
    lost = any(
        verdict in {verdicts.FAIL, verdicts.BLOCKED}
        for name in VITAL
        for verdict in found.get(name, ())
    )
    nothing = lost and verdicts.PASS not in found.get("APP-token", ())
    if verdicts.FAIL in every:
        return NOT if nothing else EXCEPT
    if verdicts.BLOCKED in every:
        return UNKNOWN if nothing else EXCEPT
    if not _not_judged(requirements, made):
        return WORKS
    return SO_FAR if verdicts.PASS in every else UNKNOWN


def title(app: Data) -> str:
    """Return the verdict in one line."""
    number = len(app["exceptions"])
    points = f" in {number} point{'s' if number > 1 else ''}" if app["verdict"] == EXCEPT else ""
    return f"{app['name']}: {app['verdict']}{points}"


def tone(app: Data) -> str:
    """Return the verdict in whose colour an app's is shown."""
    if app["verdict"] in {NOT, EXCEPT}:
        return verdicts.FAIL
    return verdicts.PASS if app["verdict"] == WORKS else verdicts.WARN


def counted(app: Data) -> str:
    """Return the number of checks by verdict, in words."""
    counts = app["counts"]
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
    return f"{sum(counts.values())} checks of the app: {said or 'none'}"


def where(exception: Data) -> str:
    """Return on which side something has to change."""
    return "in the app" if exception["side"] == "app" else "on the server"


def lines(app: Data) -> Iterator[str]:
    """Yield the verdict in lines for a terminal."""
    wrong = app["exceptions"]
    yield f"the app {app['name']!r} {app['verdict']}{':' if wrong else ''}"
    for each in wrong:
        yield f"  {each['what']}: {each['received']}"
        yield f"    change {where(each)}: {each['change']}"
    yield from (f"  not judged: {said}" for said in app["not_judged"])
