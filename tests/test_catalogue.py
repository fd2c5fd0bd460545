"""The catalogue, the checks and the defects are consistent."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.embedded.defects import load
from reports import catalogue
from tests.runs import ROOT

REQUIREMENTS = catalogue.load(ROOT).requirements


def checks() -> Iterator[tuple[Path, str, str, str]]:
    """Yield file, function, docstring and requirement of every check."""
    for path in sorted((ROOT / "conformance").rglob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "requirement":
                        identifier = str(ast.literal_eval(mark.args[0]))
                        yield path, node.name, ast.get_docstring(node) or "", identifier


def test_docstring_of_a_check_is_its_requirement():
    """A check says what it judges in the requirement's own words."""
    differing = [
        f"{path.name}::{name}: {docstring.partition(chr(10))[0]!r}"
        for path, name, docstring, identifier in checks()
        if identifier in REQUIREMENTS
        and " ".join(docstring.partition("\n\n")[0].split()) != REQUIREMENTS[identifier].text
    ]

    assert differing == []


def test_defects_name_requirements_of_the_catalogue():
    """A defect proves existing requirements."""
    unknown = [
        f"{defect.name}: {identifier}"
        for defect in load().values()
        for identifier in (*defect.proves, *defect.also)
        if identifier not in REQUIREMENTS
    ]

    assert unknown == []


def test_every_requirement_is_checked_and_proved():
    """A requirement has a check and a defect, or a reason for having none."""
    listing = json.loads(
        subprocess.run(
            [sys.executable, "-m", "reports.catalogue", "--format", "json"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
    )["requirements"]

    unchecked = [each["id"] for each in listing if not each["checks"] and not each["untested"]]
    unproved = [
        each["id"]
        for each in listing
        if each["checks"] and not each["defects"] and not each["unproved"]
    ]
    assert (unchecked, unproved) == ([], [])


@pytest.mark.parametrize(
    "path", sorted((ROOT / "fixtures" / "target" / "deviations").glob("*.toml"))
)
def test_deviation_says_what_the_server_does_and_where(path):
    """A shipped deviation links to the source of the release that deviates."""
    text = path.read_text("utf-8")

    assert text.count("[[deviation]]") == text.count("\nlink")
    assert "blob/master" not in text
