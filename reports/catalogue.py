"""The catalogue: what is required, read from conformance/ and checked against its schemas.

`python -m reports.catalogue` lists every requirement with its checks and its defects.
"""

import argparse
import contextlib
import functools
import importlib
import io
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "conformance" / "schemas"
LEVELS = ("MUST", "SHOULD", "MAY")
AREAS = (
    "discovery",
    "registration",
    "authorize",
    "pkce",
    "launch",
    "token",
    "refresh",
    "password",
    "client_credentials",
    "introspection",
    "revocation",
    "logout",
    "id_token",
    "smart_config",
    "bearer",
    "scope",
    "rest_envelope",
    "portal",
    "fhir_base",
    "fhir_search",
    "fhir_write",
    "bulk",
    "tls",
    "cors",
    "security_bcp",
    "settings",
    "upgrade",
    "app",
    "interop",
)


class CatalogueError(ValueError):
    """The catalogue contradicts its schemas or itself; the message has a line for every error."""


@dataclass(frozen=True)
class Feature:
    """A named capability that a target may declare."""

    name: str
    text: str

    @property
    def mark(self) -> str:
        """The name of the pytest mark that selects the checks which need this feature."""
        return self.name.replace(".", "_")


@dataclass(frozen=True)
class Requirement:
    """One sentence that a server must fulfil, with its source."""

    id: str
    area: str
    level: str
    text: str
    source: str
    url: str
    needs: tuple[str, ...] = ()
    untested: str | None = None
    unproved: str | None = None
    #: The kind of alarm that judges it on every exchange of a run (conformance/watch/alarms.py).
    watch: str | None = None

    @property
    def watch_id(self) -> str:
        """The name under which the watch stands among the checks."""
        return f"conformance/watch/alarms.py::{self.watch}"


@dataclass(frozen=True)
class Catalogue:
    """All features and all requirements, by name and by id, in the order of the areas."""

    features: Mapping[str, Feature]
    requirements: Mapping[str, Requirement]


def suite_version(root: Path = ROOT) -> str:
    """Return the version of the suite, as its packaging says it."""
    with (root / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file).get("project", {}).get("version", "unknown"))


def schema_errors(data: Any, schema: str, table: str, key: str) -> Iterator[str]:
    """Say everything that contradicts a schema, naming the entry (by `key`, else by number)."""
    validator = jsonschema.Draft202012Validator(json.loads((SCHEMAS / schema).read_text("utf-8")))
    for error in sorted(validator.iter_errors(data), key=lambda error: list(map(str, error.path))):
        path = list(error.absolute_path)
        if len(path) > 1 and path[0] == table:
            where = name_entry(data[table][path[1]], table, int(path[1]), key) + ": "
            path = path[2:]
        else:
            where = ""
        field = ".".join(map(str, path))
        yield where + (f"{field}: " if field else "") + error.message


def name_entry(entry: Any, table: str, index: int, key: str) -> str:
    """Name an entry of an array of tables by its key, or by its number where it has none."""
    named = entry.get(key) if isinstance(entry, dict) else None
    return f"{table} {index + 1} ({named})" if isinstance(named, str) else f"{table} {index + 1}"


def load(root: Path = ROOT) -> Catalogue:
    """Read features and requirements, or raise CatalogueError with every error found."""
    return _load(Path(root))


@functools.cache
def _load(root: Path) -> Catalogue:
    errors: list[str] = []
    conformance = root / "conformance"
    features: dict[str, Feature] = {}
    for where, _, entry in _entries(
        conformance / "features.toml", root, errors, table="feature", key="name"
    ):
        if entry["name"] in features:
            errors.append(f"{where}: name: this feature is listed twice")
        features[entry["name"]] = Feature(**entry)
    requirements: dict[str, Requirement] = {}
    files = sorted((conformance / "requirements").glob("*.toml"), key=_place)
    for path in files:
        if path.stem not in AREAS:
            errors.append(f"{path.relative_to(root)}: the file is not named after a known area")
        for where, area, entry in _entries(path, root, errors, table="requirement", key="id"):
            if entry["id"] in requirements:
                first = requirements[entry["id"]].area
                errors.append(f"{where}: id: this id is also used in {first}.toml")
            errors.extend(
                f"{where}: needs: there is no feature {name!r}"
                for name in entry.get("needs", ())
                if name not in features
            )
            entry["needs"] = tuple(entry.get("needs", ()))
            requirements[entry["id"]] = Requirement(area=area, **entry)
    if errors:
        raise CatalogueError("\n".join(errors))
    return Catalogue(features, requirements)


def _place(path: Path) -> tuple[int, str]:
    return (AREAS.index(path.stem) if path.stem in AREAS else len(AREAS), path.stem)


def _entries(
    path: Path, root: Path, errors: list[str], *, table: str, key: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the sound entries of a file and note the errors of the others."""
    shown = path.relative_to(root)
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        errors.append(f"{shown}: {error}")
        return
    found = [f"{shown}: {error}" for error in schema_errors(data, f"{table}s.json", table, key)]
    errors.extend(found)
    entries = data.get(table)
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        where = f"{shown}: {name_entry(entry, table, index, key)}"
        if not any(error.startswith(f"{where}:") for error in found):
            yield where, path.stem, entry


class _Recorder:
    """Notes which checks a collection finds for each requirement."""

    def __init__(self) -> None:
        self.checks: dict[str, list[str]] = {}
        self.errors: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the checks by their requirement."""
        for item in session.items:
            for mark in item.iter_markers("requirement"):
                self.checks.setdefault(str(mark.args[0]), []).append(item.nodeid)


def collect_checks(root: Path = ROOT) -> dict[str, list[str]]:
    """Collect the checks without starting a target, as node ids by requirement."""
    recorder = _Recorder()
    quiet = [f"-pno:{name}" for name in ("xdist", "randomly", "cacheprovider")]
    arguments = ["--collect-only", "--rootdir", str(root), *quiet, str(root / "conformance")]
    with contextlib.redirect_stdout(io.StringIO()):
        status = pytest.main(arguments, plugins=[recorder])
    if recorder.errors or status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CatalogueError("\n".join(["the checks could not be collected", *recorder.errors]))
    return recorder.checks


def collect_defects() -> dict[str, list[str]]:
    """Name the defects of the embedded server that prove each requirement."""
    try:
        catalogue = importlib.import_module("fixtures.embedded.defects").load()
    except ModuleNotFoundError:
        return {}
    proved: dict[str, list[str]] = {}
    for name, defect in catalogue.items():
        proves = (defect.proves,) if isinstance(defect.proves, str) else defect.proves
        for requirement in proves:
            proved.setdefault(requirement, []).append(name)
    return proved


def listing(
    catalogue: Catalogue, checks: Mapping[str, Sequence[str]], defects: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Join requirements, checks and defects into plain data."""
    return [
        {
            "id": requirement.id,
            "area": requirement.area,
            "level": requirement.level,
            "text": requirement.text,
            "source": requirement.source,
            "url": requirement.url,
            "needs": list(requirement.needs),
            "checks": _checks(requirement, checks),
            "defects": sorted(defects.get(requirement.id, ())),
            "untested": requirement.untested,
            "unproved": requirement.unproved,
        }
        for requirement in catalogue.requirements.values()
    ]


def _checks(requirement: Requirement, checks: Mapping[str, Sequence[str]]) -> list[str]:
    watch = [] if requirement.watch is None else [requirement.watch_id]
    return [*sorted(checks.get(requirement.id, ())), *watch]


def gaps(entry: Mapping[str, Any]) -> list[str]:
    """Say what an entry of the listing lacks, and the reason that it gives, if any."""
    found = []
    if not entry["checks"]:
        found.append("NO CHECK" + (f": {entry['untested']}" if entry["untested"] else ""))
    if entry["checks"] and not entry["defects"]:
        found.append("NO DEFECT" + (f": {entry['unproved']}" if entry["unproved"] else ""))
    return found


def _counts(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    checks = sum(len(entry["checks"]) for entry in entries)
    lines = [f"{len(entries)} requirements, {checks} checks"]
    checked = [entry for entry in entries if entry["checks"]]
    for what, reason, some in (("check", "untested", entries), ("defect", "unproved", checked)):
        bare = [entry for entry in some if not entry[f"{what}s"]]
        silent = [entry["id"] for entry in bare if not entry[reason]]
        lines.append(
            f"{len(bare)} without a {what}, {len(silent)} of them without a reason"
            + (f": {', '.join(silent)}" if silent else "")
        )
    return lines


def as_text(entries: Sequence[Mapping[str, Any]]) -> str:
    """Render the listing for a terminal."""
    lines = _counts(entries)
    area = None
    for entry in entries:
        if entry["area"] != area:
            area = entry["area"]
            lines += ["", area]
        lines.append(f"  {entry['id']} ({entry['level']}) {entry['text']}")
        lines.append(f"      {entry['source']}  {entry['url']}")
        lines.append(
            f"      checks: {len(entry['checks'])}  defects: {', '.join(entry['defects']) or '-'}"
        )
        lines += [f"  !   {gap}" for gap in gaps(entry)]
    return "\n".join(lines)


def as_markdown(entries: Sequence[Mapping[str, Any]]) -> str:
    """Render the listing as Markdown, with a table for each area."""
    lines = ["# Requirements", "", *(f"- {count}" for count in _counts(entries))]
    area = None
    for entry in entries:
        if entry["area"] != area:
            area = entry["area"]
            lines += ["", f"## {area}", ""]
            lines += ["| requirement | level | text | checks | defects |", "|---|---|---|---|---|"]
        text = entry["text"].replace("|", "\\|") + "".join(
            f"<br>**{gap}**".replace("|", "\\|") for gap in gaps(entry)
        )
        defects = ", ".join(f"`{name}`" for name in entry["defects"])
        lines.append(
            f"| [{entry['id']}]({entry['url']}) | {entry['level']} | {text} "
            f"| {len(entry['checks'])} | {defects} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """List the catalogue on standard output."""
    parser = argparse.ArgumentParser(prog="python -m reports.catalogue", description=__doc__)
    parser.add_argument("--format", choices=("text", "md", "json"), default="text")
    options = parser.parse_args(arguments)
    try:
        entries = listing(load(), collect_checks(), collect_defects())
    except CatalogueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.format == "json":
        text = json.dumps({"requirements": entries}, indent=2, ensure_ascii=False)
    else:
        text = as_text(entries) if options.format == "text" else as_markdown(entries)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
