"""The catalogue, the checks and the defects are consistent."""

import json
import re
import subprocess
import sys

import pytest

from fixtures.embedded.defects import load
from reports.judging import catalogue
from reports.verdicts import PRACTICE
from tests.runs import ROOT

REQUIREMENTS = catalogue.load(ROOT).requirements


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


def test_only_sources_with_force_make_a_must_a_should_or_a_may():
    """Guides to good practice bind nobody: what only they demand is practice."""
    without_force = re.compile(r"(OWASP|CWE|Fetch)\b")
    binding = [
        each.id
        for each in REQUIREMENTS.values()
        if each.level != PRACTICE and all(map(without_force.match, each.source.split("; ")))
    ]

    assert binding == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "fixtures" / "target" / "deviations").glob("*.toml"))
)
def test_deviation_says_what_the_server_does_and_where(path):
    """A shipped deviation links to the source of the release that deviates."""
    text = path.read_text("utf-8")

    assert text.count("[[deviation]]") == text.count("\nlink")
    assert "blob/master" not in text
