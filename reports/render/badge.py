"""The badge of a run: data for shields.io, and a picture that needs no service."""

from collections.abc import Mapping
from html import escape
from typing import Any

from reports import verdicts

LABEL = "OpenEMR conformance"
GOOD, ODD, BAD = "#1b6e3c", "#9a5b00", "#b3261e"
#: A character of the picture's font at its size is about so wide.
WIDTH = 6.6


def as_json(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the badge as shields.io reads it from an endpoint."""
    message, colour = _said(data)
    return {"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}


def as_svg(data: Mapping[str, Any]) -> str:
    """Return the badge as a picture."""
    message, colour = _said(data)
    left, right = (round(len(text) * WIDTH) + 12 for text in (LABEL, message))
    whole = f"{escape(LABEL)}: {escape(message)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{whole}"><title>{whole}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444b54"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        'text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - 12}">{escape(LABEL)}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - 12}">{escape(message)}</text>'
        "</g></svg>\n"
    )


def _said(data: Mapping[str, Any]) -> tuple[str, str]:
    result = str(data["result"])
    counts = data["counts"]["requirements"]
    version = data["target"]["version"]
    if data["target"]["kind"] == "embedded":
        result += " (embedded)"
    elif version:
        result = f"{version} {result}"
    if data["result"] == verdicts.NOT_CONFORMANT:
        bad = counts[verdicts.FAIL] + counts[verdicts.BLOCKED]
        return f"{result}: {bad} of {sum(counts.values())}" if bad else result, BAD
    if data["result"] == verdicts.PARTIAL:
        return result, ODD
    return result, GOOD
