"""Writes those of conformance/schemas that are made of models: `python -m reports.schemas`.

With `--check` nothing is written, and the exit code is 1 if a schema is not up to date.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from fixtures.target.app_file import AppFile
from fixtures.target.target_file import TargetFile
from reports.judging import entries
from reports.judging.catalogue import ROOT

FOLDER = ROOT / "conformance" / "schemas"
MODELS: dict[str, TypeAdapter[Any]] = {
    "app.json": TypeAdapter(AppFile),
    "causes.json": TypeAdapter(entries.CausesFile),
    "deviations.json": TypeAdapter(entries.DeviationsFile),
    "features.json": TypeAdapter(entries.FeaturesFile),
    "harms.json": TypeAdapter(entries.HarmsFile),
    "requirements.json": TypeAdapter(entries.RequirementsFile),
    "target.json": TypeAdapter(TargetFile),
}


def schemas() -> dict[str, str]:
    """Return the schemas by the names of their files."""
    return {name: as_text(model) for name, model in MODELS.items()}


def as_text(model: TypeAdapter[Any]) -> str:
    """Return the JSON schema of a model."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | model.json_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schemas, or report those that are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m reports.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args(arguments)
    written = schemas()
    differing = [n for n, text in written.items() if (FOLDER / n).read_text("utf-8") != text]
    for name in differing:
        if options.check:
            sys.stderr.write(f"{name} is not up to date: run python -m reports.schemas\n")
        else:
            (FOLDER / name).write_text(written[name], "utf-8")
    if not options.check:
        sys.stdout.write(f"{len(differing)} of {len(written)} schemas written\n")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
