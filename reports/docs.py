"""The documents that a program writes: `python -m reports.docs` brings them up to date.

It writes a page for each area of the catalogue to docs/requirements/, the marked parts of
README.md and docs/ (see documents.py), the badges, and the pictures, for which it needs Chromium.
With `--check` nothing is written. Exit codes: 0 up to date, 1 something is not up to date or could
not be written.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports import documents, pictures
from reports.documents import NotWritten
from reports.judging.catalogue import ROOT
from reports.render.requirement_pages import FOLDER, pages

RUN = "run python -m reports.docs"


def stale(folder: Path, written: Mapping[str, str], suffix: str = ".md") -> list[str]:
    """Return the names of the files that are missing, differ, or are not written any more."""
    there = {path.name: path.read_text("utf-8") for path in folder.glob(f"*{suffix}")}
    return sorted(
        name for name in there.keys() | written.keys() if there.get(name) != written.get(name)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents, or list those that are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m reports.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args(arguments)
    try:
        changed = _changed()
    except NotWritten as error:
        sys.stderr.write(f"not written: {error}\n")
        return 1
    if options.check:
        names = [path.relative_to(ROOT) for path in changed]
        names += [pictures.FOLDER / name for name in pictures.stale()]
        sys.stderr.write("".join(f"{name} is not up to date: {RUN}\n" for name in names))
        return int(bool(names))
    for path, text in changed.items():
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    made, problems = pictures.renew()
    sys.stderr.write("".join(f"not written: {each}\n" for each in problems))
    sys.stdout.write(f"{len(changed)} files and {len(made)} pictures written\n")
    return int(bool(problems))


def _changed() -> dict[Path, str | None]:
    """Return the new text of each file that is not up to date; None if it is to be removed."""
    changed: dict[Path, str | None] = {}
    for folder, written, suffix in (
        (ROOT / FOLDER, pages(), ".md"),
        (ROOT / documents.BADGES, documents.badges(), ".svg"),
    ):
        for name in stale(folder, written, suffix):
            changed[folder / name] = written.get(name)
    for path in documents.documents():
        text = path.read_text("utf-8")
        if (now := documents.renewed(text)) != text:
            changed[path] = now
    return changed


if __name__ == "__main__":
    sys.exit(main())
