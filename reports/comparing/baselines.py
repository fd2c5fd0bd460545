"""Runs to compare with: any conformance.json, and the shipped ones of real releases."""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from fixtures.target import releases
from fixtures.target.releases import PREFIX
from reports.judging import catalogue, causes, outcome, requirement_results
from reports.judging.catalogue import WATCH, Catalogue

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
    return validated(*read(name, base))


def read(name: str, base: Path | None = None) -> tuple[Any, str]:
    """Return the same as `load`, and its path, without the validation, which takes a second.

    Raises NotComparable for what is not JSON, or of an unknown version.
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
    return in_newest_form(_read(path), str(path)), str(path)


def in_newest_form(data: Any, name: str) -> Any:
    """Return parsed data of any known version in the form of the newest; raise NotComparable."""
    if isinstance(data, dict) and data.get("schema_version") == 1:
        data = upgraded(data)
    if isinstance(data, dict) and data.get("schema_version") not in (2, None):
        raise NotComparable(
            f"{name}: schema_version {data['schema_version']} is not known to this suite; "
            "compare with the version of the suite that wrote it"
        )
    return completed(data)


def check(data: Any, name: str) -> dict[str, Any]:
    """Return parsed data if it is the result of a run, else raise NotComparable."""
    return validated(in_newest_form(data, name), name)


def validated(data: Any, name: str) -> dict[str, Any]:
    """Return data in the newest form if it follows the schema, else raise NotComparable."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
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


def completed(data: Any) -> Any:
    """Return a run of an earlier suite with the severities and the outcome that it did not have.

    A requirement that the catalogue does not know any more counts as of medium severity.
    """
    listed = data.get("requirements") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        return data
    known = catalogue.load()
    try:
        if any("severity" not in each for each in listed):
            listed = [{**each, **_severity(known, str(each.get("id")))} for each in listed]
            for each in listed:
                requirement_results.lower(each)
        data = {**data, "requirements": listed}
        if "gate" not in data:
            causes.explain(listed, known.causes)
            code = int(data["exit_code"])
            data = outcome.settle(data, status=code if code > 1 else 0)
    except (AttributeError, KeyError, TypeError, ValueError):
        return data  # the schema says what is wrong
    return data


def _severity(known: Catalogue, name: str) -> dict[str, str]:
    requirement = known.requirements.get(name)
    if requirement is None:
        return {"severity": "medium"}
    harm = {} if requirement.harm is None else {"harm": requirement.harm}
    return {"severity": requirement.severity, **harm}


def _read(path: Path) -> Any:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = zlib.decompressobj(31).decompress(raw, LARGEST)
        return json.loads(raw)
    except FileNotFoundError:
        raise NotComparable(f"{path}: there is no such file; name the results of a run") from None
    except RecursionError:
        reason = "it is nested too deeply"
    except (OSError, ValueError, zlib.error) as error:
        reason = str(getattr(error, "strerror", None) or error)
    raise NotComparable(
        f"{path} is not readable as conformance.json: {reason}; give the file that a run wrote"
    )
