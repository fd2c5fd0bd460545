"""Entries of the TOML files that people write for the catalogue and for deviations.

The JSON schemas in conformance/schemas are made of these models: `python -m reports.schemas`.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

#: Patterns of texts, with the sentence for a text that does not match.
PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9.-]*$": "should consist of letters, digits, dots and hyphens",
    r"^[a-z0-9_]+(\.[a-z0-9_]+)?$": "should be in lower case, as in fhir.bulk_export",
    r"\.$": "should be a sentence that ends with a full stop",
    r"^https?://\S+$": "should be an http(s) address",
    r"\S": "should not be blank",
}
ID, NAME, FULL_STOP, ADDRESS, NOT_BLANK = PATTERNS
#: Other errors in words, by the types of pydantic; `{}` is the value.
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is an unknown key",
    "model_type": "should be a table, and is {}",
    "list_type": "should be an array, and is {}",
    "string_type": "should be a string, and is {}",
    "string_too_short": "should not be empty",
    "bool_type": "should be true or false, and is {}",
    "date_type": "should be a date, and is {}",
    "date_from_datetime_inexact": "should be a date without a time, and is {}",
}

Text = Annotated[str, StringConstraints(min_length=1)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS)]
Sentence = Annotated[str, StringConstraints(min_length=1, pattern=FULL_STOP)]


class Table(BaseModel):
    """A table of a TOML file: no unknown keys, and no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FeatureEntry(Table):
    """A named capability that a target may declare."""

    name: Annotated[str, StringConstraints(pattern=NAME)]
    text: Sentence


class RequirementEntry(Table):
    """One sentence that a server must fulfil, with its source."""

    id: Annotated[str, StringConstraints(pattern=ID)]
    text: Sentence
    source: Text
    url: Address
    level: Literal["MUST", "SHOULD", "MAY", "PRACTICE"] = Field(
        description="The force of the source; PRACTICE where no specification demands it."
    )
    severity: Literal["critical", "high", "medium", "low"] = Field(
        description="The harm that a miss lets happen: see docs/severity.md."
    )
    needs: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(), description="The features that a target must have for it."
    )
    untested: Text | None = Field(default=None, description="Why no check can judge it.")
    unproved: Text | None = Field(default=None, description="Why no defect can show it.")
    watch: (
        Literal["server_error", "internals", "html", "broken_json", "secret_shown", "cacheable"]
        | None
    ) = Field(
        default=None,
        description="The kind of alarm, if it is judged on every exchange of a run.",
    )

    @validator(mode="after")
    def _needs_each_once(self) -> Self:
        if len(set(self.needs)) < len(self.needs):
            raise ValueError("needs: a feature is listed twice")
        return self


class CauseEntry(Table):
    """A requirement whose miss is the fault behind the misses of others."""

    requirement: Text
    consequences: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] = Field(
        description="Requirements that cannot be fulfilled, or are missed by the same fault."
    )
    reason: Sentence = Field(description="Why the consequences follow.")


class HarmEntry(Table):
    """The harm that follows from the miss of each of several critical requirements."""

    text: Sentence
    requirements: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]


class DeviationEntry(Table):
    """A requirement, or some of its checks, that the target does not fulfil."""

    requirement: Text
    reason: Annotated[str, StringConstraints(pattern=NOT_BLANK)] = Field(
        description="The behaviour of the server, in one sentence."
    )
    link: Address = Field(description="The issue, or the line of the server's source.")
    check: Text | None = Field(
        default=None, description="Pattern (fnmatch) of the test function's name."
    )
    params: Text | Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None,
        description="Pattern (fnmatch) of the parameter id; for WATCH-* a pattern, or several, "
        "of the route.",
    )
    expires: dt.date | None = Field(
        default=None, description="A TOML date; past it the entry counts as stale."
    )
    sometimes: bool = Field(
        default=False,
        description="It shows on some installations only, by their data or settings: not strict.",
    )
    blocked: bool = Field(
        default=False,
        description="It keeps the checks from judging: they may be blocked in place of failing.",
    )

    @validator(mode="after")
    def _one_pattern(self) -> Self:
        if isinstance(self.params, tuple) and not self.requirement.startswith("WATCH-"):
            raise ValueError("params: several patterns are for WATCH-* only; give one pattern")
        return self


class FeaturesFile(Table):
    """The features that a target may declare: conformance/features.toml."""

    feature: list[FeatureEntry]


class RequirementsFile(Table):
    """The requirements of one area: conformance/requirements/<area>.toml."""

    requirement: list[RequirementEntry]


class CausesFile(Table):
    """The causes of several misses: conformance/causes.toml."""

    cause: list[CauseEntry] = []


class HarmsFile(Table):
    """The harms of critical misses: conformance/harms.toml."""

    harm: list[HarmEntry] = []


class DeviationsFile(Table):
    """Known deviations: fixtures/target/deviations/*.toml, or a file of your own."""

    versions: list[Text] = Field(
        default=[], description="Patterns (fnmatch) of the versions that a shipped file is for."
    )
    deviation: list[DeviationEntry] = []


@dataclass(frozen=True)
class EntryError:
    """An error in a file: the number of its entry from zero, its field and kind, in words."""

    index: int | None
    field: str
    kind: str
    words: str

    def __str__(self) -> str:
        """Return the error with its field."""
        return f"{self.field}: {self.words}" if self.field else self.words


def errors(data: Mapping[str, Any], model: type[Table], table: str) -> list[EntryError]:
    """Return the errors of a parsed file, one for each field; `table` is its array of entries."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        found = [_in_words(each, table) for each in error.errors(include_url=False)]
        # A field that may be of several types has an error for each of them.
        return list({(each.index, each.field): each for each in reversed(found)}.values())[::-1]
    return []


def name_entry(entry: Any, table: str, index: int, key: str) -> str:
    """Name an entry of an array of tables by its key, or by its number where it has none."""
    named = entry.get(key) if isinstance(entry, dict) else None
    return f"{table} {index + 1} ({named})" if isinstance(named, str) else f"{table} {index + 1}"


def _in_words(error: Any, table: str) -> EntryError:
    place = list(error["loc"])
    index = None
    if len(place) > 1 and place[0] == table:
        index, place = int(place[1]), place[2:]
    # The part behind a field names the member of a union, and helps nobody.
    field = str(place[0]) if place else ""
    kind, value = error["type"], error["input"]
    if kind == "value_error":
        field, _, words = str(error["ctx"]["error"]).partition(": ")
    elif kind == "string_pattern_mismatch":
        words = f"{value!r} {PATTERNS[error['ctx']['pattern']]}"
    elif kind == "literal_error":
        words = f"{value!r} is not one of {error['ctx']['expected']}"
    elif kind in SENTENCES:
        words = SENTENCES[kind].format(repr(value))
    else:
        words = str(error["msg"])
    return EntryError(index, field, kind, words)
