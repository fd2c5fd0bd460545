"""Deviations for the findings of a run.

Reasons are what the checks received; links lead to the source of the requirement until somebody
puts the issue there.
"""

import json
from collections.abc import Mapping, Sequence
from glob import escape
from typing import Any

from reports import verdicts
from reports.judging.catalogue import WATCH

Data = Mapping[str, Any]

#: Verdicts that can be declared; a blocked check was not judged.
MISSED = frozenset((verdicts.FAIL, verdicts.WARN, verdicts.KNOWN))
LONGEST_REASON = 300


def entries(requirement: Data) -> list[dict[str, str]]:
    """Return the entries that waive the checks which missed a requirement, and no others.

    One for all if none was fulfilled; else one for a check, or for a check and its parameters.
    """
    checks = requirement["checks"]
    missed = [check for check in checks if check["verdict"] in MISSED]
    others = {check["id"] for check in checks if check["verdict"] not in MISSED}
    if not missed:
        return []
    if not others or missed[0]["id"].startswith(WATCH):
        return [_entry(requirement, missed[0])]
    found = []
    functions: dict[str, list[Data]] = {}
    for check in missed:
        functions.setdefault(check["id"].partition("[")[0], []).append(check)
    for function, several in functions.items():
        named = {"check": function.rpartition("::")[2]}
        if not any(other.partition("[")[0] == function for other in others):
            found.append(_entry(requirement, several[0], **named))
            continue
        for check in several:
            params = escape(check["id"].partition("[")[2].removesuffix("]"))
            found.append(_entry(requirement, check, **named, params=params))
    return found


def _entry(requirement: Data, missed: Data, /, **named: str) -> dict[str, str]:
    deviation: Data = {}
    if missed["verdict"] == verdicts.KNOWN:
        known = requirement.get("deviations", ())
        place = missed.get("deviation", 0)
        deviation = known[place] if place < len(known) else requirement.get("deviation", {})
    message = " ".join(str(missed.get("message") or "not fulfilled").split())
    reason = deviation.get("reason") or message[:LONGEST_REASON]
    link = deviation.get("link") or requirement["url"]
    return {"requirement": requirement["id"], **named, "reason": reason, "link": link}


def as_toml(listed: Sequence[Mapping[str, str]]) -> str:
    """Render entries as they stand in a file of deviations."""
    tables = (
        "\n".join(["[[deviation]]", *(f"{key} = {_text(value)}" for key, value in entry.items())])
        for entry in listed
    )
    return "\n\n".join(tables) + "\n"


def _text(value: str) -> str:
    # A basic string of TOML is one of JSON, but for DEL, which JSON does not escape.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
