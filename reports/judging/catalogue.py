"""The catalogue: what is required, read from conformance/ and held in typed models (entries.py)."""

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.judging import causes
from reports.judging.entries import (
    CausesFile,
    FeatureEntry,
    FeaturesFile,
    HarmsFile,
    RequirementEntry,
    RequirementsFile,
    Table,
    errors,
    name_entry,
)
from reports.verdicts import CRITICAL, LEVELS, SEVERITIES

ROOT = Path(__file__).resolve().parents[2]
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
    """The catalogue has errors; the message has a line for every error."""


class Feature(FeatureEntry):
    """A named capability that a target may declare."""

    @property
    def mark(self) -> str:
        """The name of the pytest mark that selects the checks which need this feature."""
        return self.name.replace(".", "_")


class Requirement(RequirementEntry):
    """One sentence that a server must fulfil, with its source and its area."""

    area: str
    #: The harm that can follow from its miss, only of critical ones (conformance/harms.toml).
    harm: str | None = None

    @property
    def watch_id(self) -> str:
        """The id under which the watch is listed among the checks."""
        return f"{WATCH}{self.watch}"


@dataclass(frozen=True)
class Catalogue:
    """All features and all requirements, by name and by id, in the order of the areas."""

    features: Mapping[str, Feature]
    requirements: Mapping[str, Requirement]
    #: The requirements that are missed by the same fault, by the one that is the fault itself.
    causes: Mapping[str, Sequence[str]]

    def marks(self) -> list[str]:
        """Return the names of the pytest marks by which checks are selected."""
        marks = [*(level.lower() for level in LEVELS), *SEVERITIES]
        marks += [*AREAS, *(feature.mark for feature in self.features.values())]
        return list(dict.fromkeys(marks))


def suite_version(root: Path = ROOT) -> str:
    """Return the version of the suite, as its packaging says it."""
    with (root / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file).get("project", {}).get("version", "unknown"))


def load(root: Path = ROOT) -> Catalogue:
    """Read features and requirements, or raise CatalogueError with every error found."""
    return _load(Path(root))


@functools.cache
def _load(root: Path) -> Catalogue:
    found: list[str] = []
    conformance = root / "conformance"
    features: dict[str, Feature] = {}
    read = _Reader(root, found)
    for where, entry in read.entries(
        conformance / "features.toml", FeaturesFile, "feature", key="name"
    ):
        if entry["name"] in features:
            found.append(f"{where}: name: this feature is listed twice")
        features[entry["name"]] = Feature(**entry)
    harms = _harms(read, conformance / "harms.toml")
    requirements: dict[str, Requirement] = {}
    for path in sorted((conformance / "requirements").glob("*.toml"), key=_place):
        if path.stem not in AREAS:
            found.append(f"{path.relative_to(root)}: the file is not named after a known area")
        for where, entry in read.entries(path, RequirementsFile, "requirement", key="id"):
            if entry["id"] in requirements:
                first = requirements[entry["id"]].area
                found.append(f"{where}: id: this id is also used in {first}.toml")
            requirement = Requirement(area=path.stem, harm=harms.pop(entry["id"], None), **entry)
            if (requirement.severity == CRITICAL) is not (requirement.harm is not None):
                found.append(f"{where}: harms.toml has each critical requirement, and no other")
            found.extend(
                f"{where}: needs: there is no feature {name!r}"
                for name in requirement.needs
                if name not in features
            )
            requirements[requirement.id] = requirement
    found += [f"conformance/harms.toml: there is no requirement {name!r}" for name in harms]
    known = _causes(read, conformance / "causes.toml")
    severities = {each.id: SEVERITIES.index(each.severity) for each in requirements.values()}
    found += [f"conformance/causes.toml: {error}" for error in causes.errors(known, severities)]
    if found:
        raise CatalogueError("\n".join(found))
    return Catalogue(features, requirements, known)


def _harms(read: "_Reader", path: Path) -> dict[str, str]:
    """Return the harms by requirement."""
    harms: dict[str, str] = {}
    for where, entry in read.entries(path, HarmsFile, "harm", key="text"):
        for name in entry["requirements"]:
            if name in harms:
                read.errors.append(f"{where}: requirements: {name} has a harm already")
            harms[name] = entry["text"]
    return harms


def _causes(read: "_Reader", path: Path) -> dict[str, list[str]]:
    """Return the consequences by cause."""
    known: dict[str, list[str]] = {}
    for where, entry in read.entries(path, CausesFile, "cause", key="requirement"):
        if entry["requirement"] in known:
            read.errors.append(f"{where}: requirement: this cause is listed twice")
        known[entry["requirement"]] = list(entry["consequences"])
    return known


def _place(path: Path) -> tuple[int, str]:
    return (AREAS.index(path.stem) if path.stem in AREAS else len(AREAS), path.stem)


@dataclass(frozen=True)
class _Reader:
    """Reads files of the catalogue, and collects their errors."""

    root: Path
    errors: list[str]

    def entries(
        self, path: Path, model: type[Table], table: str, *, key: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each sound entry of a file, with the words that name it in an error."""
        shown = path.relative_to(self.root)
        try:
            data = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            self.errors.append(f"{shown}: {error}")
            return
        found = errors(data, model, table)
        entries = data.get(table)
        listed = entries if isinstance(entries, list) else []
        for each in found:
            named = "" if each.index is None else self._named(listed, each.index, table, key)
            self.errors.append(f"{shown}: {named}{each}")
        wrong = {each.index for each in found}
        for index, entry in enumerate(listed):
            if index not in wrong:
                yield f"{shown}: {name_entry(entry, table, index, key)}", entry

    @staticmethod
    def _named(entries: list[Any], index: int, table: str, key: str) -> str:
        return f"{name_entry(entries[index], table, index, key)}: "
