"""The badge of a run: data for shields.io, and a picture that needs no service."""

from collections.abc import Mapping
from typing import Any

from reports import verdicts
from reports.judging import outcome
from reports.render import environment
from reports.render.escaping import visible

LABEL = "OpenEMR conformance"
COLOURS = {
    verdicts.PASS: "#1b6e3c",
    verdicts.WARN: "#9a5b00",
    verdicts.KNOWN: "#6a4fa3",
    verdicts.FAIL: "#b3261e",
}
#: The colour of a badge that says neither good nor bad.
NEUTRAL = "#2f5d8a"
#: The width of a character in the font and size of the picture, about; and the space around a text.
CHARACTER, SPACE = 6.6, 12


def as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the badge as shields.io reads it from an endpoint."""
    message, colour = _message(data)
    return {"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}


def as_svg(data: Mapping[str, Any]) -> str:
    """Return the badge as a picture."""
    return svg(LABEL, *_message(data))


def svg(label: str, message: str, colour: str) -> str:
    """Return a badge with these texts as a picture; the colour is that of its right half."""
    left, right = (round(len(text) * CHARACTER) for text in (label, message))
    return environment.svg(
        "badge.svg.j2",
        label=label,
        message=message,
        colour=colour,
        left=left,
        right=right,
        space=SPACE,
    )


def _message(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text and the colour of the right half."""
    misses, version = data["misses"], data["target"]["version"]
    result = str(data["result"])
    if result == outcome.NOT_CONFORMANT:
        result = f"{misses['must']} MUSTs missed"
        result += f", {misses['critical']} critical" if misses["critical"] else ""
    if data["target"]["kind"] == "embedded":
        result += " (embedded)"
    elif version:
        result = f"{visible(version)}: {result}"
    gate = "" if data["gate"]["passed"] else ", gate not passed"
    return result + gate, COLOURS[outcome.tone(data)]
