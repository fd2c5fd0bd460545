"""The catalogue as pages for readers: `python -m reports.docs` writes docs/requirements/.

A page for each area: what is required, by which source, which checks judge it, and what releases of
OpenEMR are known to do instead. Nothing is imported or collected: the marks stand in the source.
With `--check` nothing is written, and the exit code is 1 if a page is not up to date.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.judging.catalogue import ROOT
from reports.render.requirement_pages import FOLDER, pages


def stale(folder: Path, written: Mapping[str, str]) -> list[str]:
    """Return the names of the pages that are missing, differ, or belong to no area."""
    there = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
    return sorted(
        name for name in there.keys() | written.keys() if there.get(name) != written.get(name)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or list those that are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m reports.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args(arguments)
    folder = ROOT / FOLDER
    written = pages()
    differing = stale(folder, written)
    if options.check:
        for name in differing:
            sys.stderr.write(f"{FOLDER / name} is not up to date: run python -m reports.docs\n")
        return 1 if differing else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in differing:
        path = folder / name
        if name in written:
            path.write_text(written[name], "utf-8")
        else:
            path.unlink()
    sys.stdout.write(f"{len(differing)} of {len(written)} pages written to {FOLDER}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
