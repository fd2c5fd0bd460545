"""Docstrings, comments, messages, data and documents follow the style sheet in CONTRIBUTING.md."""

import re

import pytest

from tests.prose import KINDS, PATTERNS, Passage, findings, of_markdown, passages
from tests.runs import ROOT

#: The number of patterns in the style sheet, constructors included.
IN_THE_STYLE_SHEET = 8
#: Passages that may keep a pattern: a part of their text, and the reason.
ALLOWED: dict[str, str] = {}


@pytest.fixture(scope="module")
def prose():
    """All prose of the repository."""
    return list(passages())


@pytest.fixture(scope="module")
def found(prose):
    """Every finding that is not allowed."""
    return [
        finding
        for finding in findings(prose)
        if not any(part in finding.passage.text for part in ALLOWED)
    ]


def test_prose_follows_the_style_sheet(found):
    """No pattern of the style sheet is found."""
    unexpected = [str(finding) for finding in found]

    assert not unexpected, "\n".join(["see the style sheet in CONTRIBUTING.md", *unexpected])


def test_allowed_passages_exist(prose):
    """An entry of ALLOWED that no passage needs is deleted."""
    texts = [finding.passage.text for finding in findings(prose)]

    assert [part for part in ALLOWED if not any(part in text for text in texts)] == []


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_pattern_is_found_in_its_example(pattern):
    """Each pattern is found in its example, and in no replacement."""
    assert pattern.expression.search(pattern.before)
    assert names(pattern.after) == []


def test_every_kind_of_passage_is_read(prose):
    """Docstrings, comments, messages, data and documents are all searched."""
    assert {passage.kind for passage in prose} >= KINDS


def test_code_in_a_document_is_no_prose():
    """Code blocks and code within a line are skipped, and the lines keep their numbers."""
    text = "Text with `What code`.\n\n```\nWhat is code.\n```\n\n- What is prose.\n"

    assert list(of_markdown("x.md", text)) == [
        Passage("x.md", 1, "document", "Text with CODE."),
        Passage("x.md", 7, "document", "What is prose."),
    ]


def test_style_sheet_shows_the_patterns():
    """Each example in the style sheet has a pattern, and its replacement has none."""
    sheet = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\|[^|]*\| `([^`|]*)` \| `([^`|]*)` \|$", sheet, re.MULTILINE)

    assert len(rows) == IN_THE_STYLE_SHEET
    unknown = [before for before, _ in rows if not names(before)]
    assert [before for before in unknown if not before.startswith("def __init__")] == []
    assert [after for _, after in rows if names(after)] == []


def names(text):
    """Return the names of the patterns in a text."""
    return [each.name for each in PATTERNS if each.expression.search(text)]
