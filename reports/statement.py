"""Renders a conformance.json again: as Markdown, as one HTML page, and as a badge.

`openemr-conformance statement conformance.json` writes these files beside it.
Exit codes: 0 written, 4 not written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.comparing import baselines
from reports.comparing.baselines import NotComparable
from reports.render import files
from reports.render.statement import render


def main(
    arguments: Sequence[str] | None = None, program: str = "openemr-conformance statement"
) -> int:
    """Render the conformance.json that is named on the command line."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("file", type=Path, help="a conformance.json, or the folder that has one")
    path = parser.parse_args(arguments).file
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        sys.stderr.write(f"{path}: there is no such file; name the result of a run\n")
        return 4
    try:
        rendered = render(baselines.load(str(path)))
        for name, text in rendered.items():
            files.write(folder / name, text)
    except NotComparable as error:
        sys.stderr.write(f"{error}\n")
        return 4
    except OSError as error:
        sys.stderr.write(f"not written: {folder} ({error.strerror or error})\n")
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
