"""Runs to compare with: any conformance.json, and the shipped ones of real releases."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from fixtures.target import releases
from fixtures.target.releases import PREFIX
from reports.judging.catalogue import WATCH

SHIPPED = Path(__file__).parents[1] / "baselines"
SCHEMA = Path(__file__).parents[2] / "conformance" / "schemas" / "conformance.json"
SUFFIX = ".json.gz"
#: In the results: the folder of the older release's results (see older_release.py).
BEFORE = "before"
#: How the id of a check began in version 1 that judges every exchange of a run.
OLD_WATCH = "conformance/watch.py::"
LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Baseline:
    """A run to compare with, where it comes from, and whether what regressed fails the new run."""

    data: dict[str, Any]
    origin: str
    gates: bool = True


class NotComparable(ValueError):
    """A run cannot be compared; the message says why and what to do."""


def names() -> list[str]:
    """Return the releases that are shipped."""
    files = sorted(SHIPPED.glob(f"{PREFIX}*{SUFFIX}"))
    return [path.name.removeprefix(PREFIX).removesuffix(SUFFIX) for path in files]


def shipped(version: str) -> str | None:
    """Return the shipped release that a version such as 8.1.0 is of, or None."""
    return releases.find(version, names(), patches=True)


def load(name: str, base: Path | None = None) -> dict[str, Any]:
    """Return the parsed conformance.json that a path, a folder or a release's name stands for.

    Relative paths are looked up in `base`. Raises NotComparable.
    """
    path = (base or Path()) / name
    if path.is_dir():
        path /= "conformance.json"
    elif not path.exists():
        release = shipped(name)
        if release is None:
            known = ", ".join(names()) or "none"
            raise NotComparable(
                f"{name}: there is no such file, and no such release is shipped (shipped: {known})"
            )
        path = SHIPPED / f"{PREFIX}{release}{SUFFIX}"
    return check(_read(path), str(path))


def check(data: Any, name: str) -> dict[str, Any]:
    """Return parsed data if it is the result of a run, else raise NotComparable."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    if isinstance(data, dict) and data.get("schema_version") == 1:
        data = upgraded(data)
    if isinstance(data, dict) and data.get("schema_version") not in (2, None):
        raise NotComparable(
            f"{name}: schema_version {data['schema_version']} is not known to this suite; "
            "compare with the version of the suite that wrote it"
        )
    error = next(jsonschema.Draft202012Validator(schema).iter_errors(data), None)
    if error is not None:
        raise NotComparable(
            f"{name} is no conformance.json: {error.json_path}: {error.message[:200]}"
        )
    return dict(data)


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Return a run of schema_version 1 in the form of version 2, without its exchanges.

    Version 1 kept them as text.
    """
    requirements = data.get("requirements")
    if not isinstance(requirements, list):
        return data
    for requirement in requirements:
        checks = requirement.get("checks") if isinstance(requirement, dict) else None
        for each in checks if isinstance(checks, list) else ():
            if isinstance(each, dict):
                each.pop("exchanges", None)
                each["id"] = WATCH.join(str(each.get("id")).split(OLD_WATCH))
    return {**data, "schema_version": 2}


def _read(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = zlib.decompressobj(31).decompress(raw, LARGEST)
        return json.loads(raw)
    except (OSError, ValueError, zlib.error, RecursionError) as error:
        raise NotComparable(
            f"{path} is not readable as conformance.json: {error}; give the file that a run wrote"
        ) from None
