"""The prose of the repository and the patterns of the style sheet that can be found by search."""

import ast
import fnmatch
import io
import re
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.runs import ROOT

#: A string literal with fewer words is a name, a key or a fragment.
SENTENCE = 5
#: The TOML keys whose values are sentences.
SENTENCE_KEYS = frozenset({"text", "reason", "untested", "unproved"})
KINDS = frozenset({"docstring", "comment", "message", "data", "document", "heading"})
#: These files quote the patterns.
QUOTING = frozenset({"tests/prose.py", "tests/test_prose.py"})


@dataclass(frozen=True)
class Pattern:
    """A turn of phrase to avoid, with one example that has it and its replacement."""

    name: str
    expression: re.Pattern[str]
    before: str
    after: str
    #: The kinds of passages that can have it.
    kinds: frozenset[str] = KINDS


@dataclass(frozen=True)
class Passage:
    """A docstring, comment, message, value of a data file, or part of a document."""

    path: str
    line: int
    kind: str
    text: str


@dataclass(frozen=True)
class Finding:
    """A passage in which a pattern was found."""

    passage: Passage
    pattern: str
    excerpt: str

    def __str__(self) -> str:
        """Return one line with the place, the pattern and the words around it."""
        return f"{self.passage.path}:{self.passage.line}: {self.pattern}: {self.excerpt!r}"


def _pattern(name: str, expression: str, before: str, after: str, *kinds: str) -> Pattern:
    return Pattern(name, re.compile(expression), before, after, frozenset(kinds) or KINDS)


PATTERNS = (
    _pattern(
        "'Who' as a subject",
        r"(?:^|(?<=[.:;] ))(?:Who|Whom|Whoever)\b(?!.*\?)",
        "Who breaks down refuses nothing.",
        "A 5xx is not a refusal.",
    ),
    _pattern(
        "'What' as a noun",
        r"(?:^|(?<=\. ))What\b(?!.*\?)",
        "What a check found.",
        "The finding of a check.",
        *(KINDS - {"heading"}),
    ),
    _pattern(
        "'tell' for report, return or distinguish",
        r"(?<!can )(?<!cannot )\b(?:[Tt]ells?|[Tt]elling|told)\b(?!(?: \w+){0,2} to\b)",
        "The lifetime is told in seconds.",
        "The expires_in is in seconds.",
    ),
    _pattern(
        "'say' for report or describe",
        r"\b(?:is|are|was|were|be|been) said\b",
        "All errors are said, not the first only.",
        "The message lists all errors.",
    ),
    _pattern(
        "'Say' for return or describe",
        r"^Says? (?:what|why|how|whether|that|so|in)\b",
        "Say why nothing could be run in a container.",
        "Return the reason why a container command failed.",
        "docstring",
    ),
    _pattern(
        "'is none' for is not one",
        r"(?<!there )\b(?:is|are|was|were) none\b",
        "Return the parsed JSON body; Blocked if it is none.",
        "Return the parsed JSON body; raise Blocked if it is not JSON.",
    ),
    _pattern(
        "a negation at the end",
        r"\b(?:has|have|had|knows?|needs?) not\b(?=[.,;:)]|$)",
        "A birth date that the patient has not.",
        "A birth date that the patient does not have.",
    ),
    _pattern(
        "a chain of genitives",
        r"\bof (?:whom|whoever)\b|\bof(?: \w+){1,3} of(?: \w+){1,3} of\b",
        "A launch from the chart of a person of whom an encounter is open.",
        "A launch from the chart of a patient with an open encounter.",
    ),
    _pattern(
        "an idiom: put to rest",
        r"\b(?:put|puts|putting) (?:\w+ )?to rest\b",
        "The user is put to rest at the end.",
        "The user is deactivated at the end.",
    ),
    _pattern(
        "an idiom: in the midst of",
        r"\bin the midst\b",
        "Ask for a logout in the midst of a login.",
        "Request a logout during a login.",
    ),
    _pattern(
        "an idiom: comes to",
        r"\b(?:comes?|came) to (?:be|rest|its end|a better)\b|\bbetter mind\b",
        "Something that comes to be after the first look.",
        "Something that is created after the first look.",
    ),
    _pattern(
        "an idiom: lying about",
        r"\blying about\b",
        "A file that is left lying about.",
        "A file that was not removed.",
    ),
    _pattern(
        "an idiom: looks on",
        r"\b(?:looks?|looked|looking) on(?: at)?\b(?! (?:the|a) (?:page|disk|server|way))",
        "The listener looks on at every hook.",
        "The listener is called for every hook.",
    ),
    _pattern(
        "an idiom: takes away",
        r"\b(?:takes?|took|taken|taking)(?: \w+){0,3} away\b",
        "Everything that was made is taken away.",
        "Everything that was created is removed.",
    ),
    _pattern(
        "an idiom: breaks down",
        r"\b[Bb](?:reaks?|reaking|roke|roken)(?: \w+){0,3} down\b|\b[Bb]reak-?downs?\b",
        "A null byte breaks the server down.",
        "A null byte causes a server error.",
    ),
    _pattern(
        "an idiom: as often as can",
        r"\bas (?:often|far|soon|much|long|many) as can\b|\bby and by\b|\bout of turn\b",
        "Leave steps out, as often as can.",
        "Leave steps out as often as possible.",
    ),
    _pattern(
        "an idiom: anew, for want of, for ever",
        r"\banew\b|\bfor want of\b|\bfor ever\b|\bthereof\b|\bwhereof\b",
        "The log is begun anew for want of a scope.",
        "A new log starts because a scope is missing.",
    ),
    _pattern(
        "'that there is' for existing",
        r"\bthat there (?:is|are|was|were)\b(?=[.,;:)]|$)",
        "A defect proves requirements that there are.",
        "A defect proves requirements that exist.",
    ),
)


def findings(prose: Iterable[Passage]) -> Iterator[Finding]:
    """Yield every pattern in every passage, and every docstring of a constructor."""
    for passage in prose:
        if passage.kind == "constructor":
            yield Finding(passage, "a docstring of a constructor", passage.text[:80])
            continue
        for pattern in PATTERNS:
            if passage.kind in pattern.kinds and (hit := pattern.expression.search(passage.text)):
                start = max(0, hit.start() - 30)
                yield Finding(passage, pattern.name, passage.text[start : hit.end() + 40])


def passages(root: Path = ROOT) -> Iterator[Passage]:
    """Yield the prose of the checks, the suite, the self-tests, the data files and documents."""
    for folder in ("conformance", "fixtures", "reports", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            if "node_modules" in path.parts:
                continue  # packages of npm, some of which contain Python
            name = path.relative_to(root).as_posix()
            if name not in QUOTING:
                yield from _of_python(name, path.read_text("utf-8"))
        for path in sorted((root / folder).rglob("*.toml")):
            yield from _of_toml(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    for path in sorted([*root.glob("*.md"), *(root / "docs").glob("*.md")]):
        if path.name != "CHANGELOG.md":  # what was written about a version stays as it was
            yield from of_markdown(path.relative_to(root).as_posix(), path.read_text("utf-8"))


def matches(path: str, patterns: frozenset[str]) -> bool:
    """Return whether a path fits one of the patterns, whose `*` stands for folders too."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _of_python(path: str, source: str) -> Iterator[Passage]:
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            first = node.body[0]
            docstrings.update(ast.walk(first))
            kind = "constructor" if getattr(node, "name", "") == "__init__" else "docstring"
            yield from _paragraphs(path, first.lineno, kind, text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            if node not in docstrings and len(words) >= SENTENCE:
                yield Passage(path, node.lineno, "message", " ".join(words))
    yield from _comments(path, source)


def _paragraphs(path: str, line: int, kind: str, text: str) -> Iterator[Passage]:
    for paragraph in text.split("\n\n"):
        yield Passage(path, line, kind, " ".join(paragraph.split()))
        line += paragraph.count("\n") + 2


def _comments(path: str, source: str) -> Iterator[Passage]:
    """Yield comments; those on lines that follow each other are one passage."""
    block: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield Passage(path, first, "comment", " ".join(block))
            block = []
        first = token.start[0] if not block else first
        last = token.start[0]
        block.append(token.string.lstrip("#: "))
    if block:
        yield Passage(path, first, "comment", " ".join(block))


def _of_toml(path: str, source: str) -> Iterator[Passage]:
    lines = source.splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            yield Passage(path, number, "comment", line.lstrip("# "))
    for text in _sentences(tomllib.loads(source)):
        shown = next((n for n, line in enumerate(lines, 1) if text[:30] in line), 1)
        yield Passage(path, shown, "data", text)


def _sentences(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in SENTENCE_KEYS and isinstance(value, str):
                yield value
            else:
                yield from _sentences(value)
    elif isinstance(data, list):
        for value in data:
            yield from _sentences(value)


def of_markdown(path: str, source: str) -> Iterator[Passage]:
    """Yield the headings, paragraphs and cells of a document, without its code."""
    in_block = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("```"):
            in_block = not in_block
            continue
        kind = "heading" if line.startswith("#") else "document"
        text = "" if in_block else re.sub(r"`[^`]*`", "CODE", line).strip(" -*|#")
        yield from (Passage(path, number, kind, cell) for cell in text.split(" | ") if cell)
