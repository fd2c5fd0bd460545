"""Runs to compare with: any conformance.json, and the shipped ones of real releases.

`python -m reports.baselines conformance.json` ships one: it keeps verdicts, messages and answers,
leaves the exchanges out, and writes `reports/baselines/openemr-<version>.json.gz`.
"""

import argparse
import gzip
import json
import re
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

SHIPPED = Path(__file__).parent / "baselines"
SCHEMA = Path(__file__).parent.parent / "conformance" / "schemas" / "conformance.json"
SUFFIX = ".json.gz"
PREFIX = "openemr-"
#: What a comparison needs of a check.
KEPT = ("id", "verdict", "ms", "message", "reason", "in_answer")
LARGEST = 256 * 1024 * 1024
#: Where the server keeps its files, as messages of PHP tell it.
FOLDER = re.compile(r"(?<= in )/[^\s\"]*?(?=/(?:vendor|src|library|interface|apis|oauth2)/)")


@dataclass(frozen=True)
class Baseline:
    """A run to compare with, where it comes from, and whether what regressed fails the new run."""

    data: dict[str, Any]
    origin: str
    gates: bool = True


#: What a run is compared with, if it is.
BASELINE = pytest.StashKey[Baseline]()


class NotComparable(ValueError):
    """A run cannot be compared; the message says why and what to do."""


def names() -> list[str]:
    """Return the releases that are shipped."""
    files = sorted(SHIPPED.glob(f"{PREFIX}*{SUFFIX}"))
    return [path.name.removeprefix(PREFIX).removesuffix(SUFFIX) for path in files]


def shipped(version: str) -> str | None:
    """Return the shipped release that a version such as 8.1.0 is of, or None."""
    found = [name for name in names() if version == name or version.startswith(f"{name}.")]
    return max(found, key=len, default=None)


def load(name: str, base: Path | None = None) -> dict[str, Any]:
    """Return the parsed conformance.json that a path, a folder or a release's name stands for.

    Relative paths are looked up in `base`. Raises NotComparable.
    """
    path = (base or Path()) / name
    if path.is_dir():
        path /= "conformance.json"
    elif not path.exists():
        shipped = SHIPPED / f"{PREFIX}{name.removeprefix(PREFIX)}{SUFFIX}"
        if not shipped.exists():
            known = ", ".join(names()) or "none"
            raise NotComparable(
                f"{name}: there is no such file, and no such release is shipped (shipped: {known})"
            )
        path = shipped
    return check(_read(path), str(path))


def check(data: Any, name: str) -> dict[str, Any]:
    """Return parsed data if it is the result of a run, else raise NotComparable."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    if isinstance(data, dict) and data.get("schema_version") not in (1, None):
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


def condensed(data: Mapping[str, Any], release: str) -> dict[str, Any]:
    """Return a run without what a comparison does not need."""
    kept = dict(data)
    kept["target"] = {**data["target"], "name": f"{PREFIX}{release}"}
    kept["requirements"] = [
        {
            **requirement,
            "checks": [
                {key: check[key] for key in KEPT if key in check} | {"ms": 0}
                for check in requirement["checks"]
            ],
        }
        for requirement in data["requirements"]
    ]
    return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Ship the run that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m reports.baselines", description=__doc__)
    parser.add_argument("run", help="a conformance.json, or the folder that has one")
    parser.add_argument(
        "--name", help="the release; the version that the server reports if left out"
    )
    options = parser.parse_args(arguments)
    try:
        data = load(options.run)
    except NotComparable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    name = options.name or data["target"]["version"]
    partial = data["run"]["partial_reason"]
    if partial or not name or data["target"]["kind"] == "embedded":
        why = f"it is partial: {partial}" if partial else "it names no release of OpenEMR"
        sys.stderr.write(f"{options.run} is no baseline: {why}\n")
        return 2
    kept = condensed(data, name)
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    # Where the server was is nobody's business; messages name its address as well.
    address = urlsplit(data["target"]["url"])
    for told in (f"{address.scheme}://{address.netloc}", address.netloc):
        text = text.replace(told, f"{'https://' if '//' in told else ''}emr.example.org")
    text = FOLDER.sub("/openemr", text)
    SHIPPED.mkdir(exist_ok=True)
    path = SHIPPED / f"{PREFIX}{name}{SUFFIX}"
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
