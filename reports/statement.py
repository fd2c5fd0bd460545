"""Renders a conformance.json again: as Markdown, as one HTML page, and as a badge.

`python -m reports.statement conformance.json` writes these files beside it.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from jinja2 import UndefinedError

from reports.render.statement import render


def main(
    arguments: Sequence[str] | None = None, program: str = "python -m reports.statement"
) -> int:
    """Render the conformance.json that is named on the command line."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("file", type=Path, help="a conformance.json")
    path = parser.parse_args(arguments).file
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
