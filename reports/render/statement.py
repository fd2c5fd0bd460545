"""The renderings of a run: conformance.json as Markdown, as one HTML page, and as a badge."""

import json
from collections.abc import Mapping
from typing import Any

from reports.judging import app_verdict
from reports.render import badge, markdown, page

STATEMENT = "statement.md"
PAGE = "statement.html"
BADGE = "badge.json"
PICTURE = "badge.svg"


def render(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the renderings of a run by the names of their files."""
    judged = {app_verdict.FILE: markdown.app_alone(data)} if "app" in data else {}
    return judged | {
        STATEMENT: markdown.render(data),
        PAGE: page.render(data),
        BADGE: json.dumps(badge.as_json(data), ensure_ascii=False) + "\n",
        PICTURE: badge.as_svg(data),
    }
