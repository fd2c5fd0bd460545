"""The catalogue: what is required, read from conformance/ and checked against its schemas."""

import functools
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from reports.verdicts import LEVELS

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "conformance" / "schemas"
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


#: How the id of a check starts that judges every exchange of a run.
WATCH = "conformance/watch/alarms.py::"


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
    #: The kind of alarm, if it is judged on every exchange of a run.
    watch: str | None = None

    @property
    def watch_id(self) -> str:
        """The name under which the watch stands among the checks."""
        return f"{WATCH}{self.watch}"


@dataclass(frozen=True)
class Catalogue:
    """All features and all requirements, by name and by id, in the order of the areas."""

    features: Mapping[str, Feature]
    requirements: Mapping[str, Requirement]

    def marks(self) -> list[str]:
        """Return the names of the pytest marks by which checks are selected."""
        marks = [level.lower() for level in LEVELS]
        marks += [*AREAS, *(feature.mark for feature in self.features.values())]
        return list(dict.fromkeys(marks))


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
