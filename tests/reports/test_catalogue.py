"""The catalogue: errors are all found and named, and the listing shows what is missing."""

import json

import jsonschema
import pytest

from reports import catalogue as listing
from reports import schemas
from reports.judging import catalogue, entries
from tests.reports.project import Project

LEVELS = "'MUST', 'SHOULD', 'MAY' or 'PRACTICE'"


@pytest.fixture
def project(tmp_path):
    """Lay out a project with a sound catalogue."""
    return Project(tmp_path)


def test_the_suites_own_catalogue_is_sound():
    """Features and requirements of the suite fulfil their schemas."""
    loaded = catalogue.load()

    assert "oauth.password_grant" in loaded.features
    assert loaded.features["oauth.password_grant"].mark == "oauth_password_grant"


def test_requirements_are_read_in_the_order_of_the_areas(project):
    """The area of a requirement is the name of its file, and areas have an order."""
    text = (project.folder / "conformance/requirements/token.toml").read_text("utf-8")
    project.write("conformance/requirements/discovery.toml", text.replace('"T-', '"D-'))

    requirements = list(catalogue.load(project.folder).requirements.values())

    assert [(each.id, each.area) for each in requirements[3:5]] == [
        ("D-portal", "discovery"),
        ("T-must", "token"),
    ]
    assert requirements[4].needs == ()


def test_every_error_is_named_with_file_entry_and_key(project):
    """All errors are reported at once."""
    project.write(
        "conformance/requirements/tokens.toml",
        """
        [[requirement]]
        id = "T-must"
        text = "No full stop"
        source = ""
        url = "nowhere"
        level = "SHALL"
        severity = "high"

        [[requirement]]
        id = "T-must"
        text = "A thing is so."
        source = "RFC 1"
        url = "https://example.org"
        level = "MUST"
        severity = "high"
        needs = ["flying"]

        [[requirement]]
        text = "A thing is so."
        """,
    )
    project.write("conformance/requirements/bulk.toml", "[[requirement")

    with pytest.raises(catalogue.CatalogueError) as caught:
        catalogue.load(project.folder)

    message = str(caught.value)
    place = "conformance/requirements/tokens.toml: "
    for expected in (
        f"{place}the file is not named after a known area",
        f"{place}requirement 1 (T-must): text: 'No full stop' should be a sentence that ends with",
        f"{place}requirement 1 (T-must): source: should not be empty",
        f"{place}requirement 1 (T-must): url: 'nowhere' should be an http(s) address",
        f"{place}requirement 1 (T-must): level: 'SHALL' is not one of {LEVELS}",
        f"{place}requirement 2 (T-must): id: this id is also used in token.toml",
        f"{place}requirement 2 (T-must): needs: there is no feature 'flying'",
        f"{place}requirement 3: id: is missing",
        "conformance/requirements/bulk.toml: ",
    ):
        assert expected in message


def test_the_schemas_are_up_to_date(capsys):
    """Editors and validators read what the suite itself holds a file to."""
    assert schemas.main(["--check"]) == 0, capsys.readouterr().err


def test_a_schema_refuses_what_its_model_refuses():
    """Unknown keys, missing ones and wrong levels are errors for both."""
    sound = {"id": "A", "text": "So.", "source": "x", "url": "https://e.org/"}
    sound |= {"level": "MUST", "severity": "high"}
    schema = jsonschema.Draft202012Validator(json.loads(schemas.schemas()["requirements.json"]))

    for entry, valid in (
        (sound, True),
        ({**sound, "needs": ["rest"]}, True),
        ({**sound, "area": "token"}, False),
        ({**sound, "level": "SHALL"}, False),
        ({**sound, "severity": "grave"}, False),
        ({**sound, "text": "So"}, False),
        ({"id": "A"}, False),
    ):
        data = {"requirement": [entry]}
        assert schema.is_valid(data) is valid
        assert (not entries.errors(data, entries.RequirementsFile, "requirement")) is valid


def test_a_broken_catalogue_is_a_usage_error(project):
    """A run does not start with a catalogue that has errors."""
    project.write("conformance/features.toml", '[[feature]]\nname = "Rest"\ntext = "So."\n')

    output = project.run()

    assert output.returncode == 4
    assert "conformance/features.toml: feature 1 (Rest): name: " in output.stderr


def test_the_listing_shows_what_has_no_check_and_no_defect(project):
    """Gaps are counted at the top and marked at their requirement."""
    loaded = catalogue.load(project.folder)

    checks = {"T-must": ["a::b"], "T-should": ["a::c"]}
    entries = listing.listing(loaded, checks, {"T-must": ["wrong"]})
    text, markdown = listing.as_text(entries), listing.as_markdown(entries)

    assert text.startswith(
        "4 requirements, 2 checks\n3 MUST, 1 SHOULD, 0 MAY, 0 PRACTICE\n"
        "2 without a check, 2 of them without a reason"
    )
    assert "1 without a defect, 1 of them without a reason: T-should" in text
    assert (text.count("!   NO CHECK"), text.count("!   NO DEFECT")) == (2, 1)
    assert (markdown.count("**NO CHECK**"), markdown.count("**NO DEFECT**")) == (2, 1)
    assert entries[0]["checks"] == ["a::b"]
    assert entries[0]["defects"] == ["wrong"]


def test_the_listing_collects_checks_without_a_target(project):
    """The module lists as JSON what pytest collects."""
    project.check('@requirement("T-must")\ndef test_first():\n    pass\n')
    project.write(
        "list.py",
        """
        import json, sys
        from pathlib import Path
        from reports import catalogue

        root = Path(sys.argv[1])
        print(json.dumps(catalogue.collect_checks(root)))
        """,
    )

    output = project.python("list.py", project.folder)

    assert json.loads(output.stdout) == {"T-must": ["conformance/oauth/test_things.py::test_first"]}
