"""Renders a conformance.json again: as Markdown, as one HTML page, and as a badge.

`python -m reports.statement conformance.json` writes these files beside it.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from jinja2 import UndefinedError

from reports.render.statement import render


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the conformance.json that is named on the command line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1:
        sys.stderr.write("usage: python -m reports.statement conformance.json\n")
        return 2
    path = Path(given[0])
    try:
        rendered = render(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UndefinedError) as error:
        sys.stderr.write(f"{path} is not a conformance.json: {error!r}\n")
        return 2
    for name, text in rendered.items():
        (path.parent / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
