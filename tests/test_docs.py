"""The documents show existing files, and commands with their real output."""

import re
import shlex
import tomllib

import pytest

from fixtures.embedded.server import EmbeddedServer
from reports.judging import catalogue
from tests.runs import ROOT, run, target_file

DOCS = ROOT / "docs"
WRITING = (DOCS / "writing-a-check.md").read_text("utf-8")
DEVIATION = (DOCS / "declaring-a-deviation.md").read_text("utf-8")
WRONG = "registration_answers_200"
NARROW = ["conformance/oauth/test_registration.py", "-k", "test_registration_answers_created"]


def blocks(text, language):
    """Return the code blocks of a document in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(
    ("language", "number", "file"),
    [
        ("toml", 0, "conformance/requirements/token.toml"),
        ("python", 0, "conformance/oauth/test_token.py"),
        ("toml", 1, "fixtures/embedded/defects/token.toml"),
        ("python", 1, "fixtures/embedded/mutations/tokens.py"),
    ],
)
def test_example_of_a_check_is_in_the_suite(language, number, file):
    """Each block of the example is in the file that is named before it."""
    block = blocks(WRITING, language)[number]

    assert f"`{file}`" in WRITING
    assert block in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("text", [WRITING, DEVIATION], ids=["writing", "deviation"])
def test_documents_name_existing_things(text):
    """Every path and requirement that a document names exists."""
    paths = re.findall(r"`((?:conformance|fixtures|tests|reports)/[\w./-]+)`", text)
    ids = re.findall(r'requirement = "([\w.-]+)"', text)
    commands = [line[2:] for block in blocks(text, "console") for line in block.splitlines()]
    named = [word for line in commands for word in shlex.split(line) if word.endswith(".py")]

    assert [path for path in [*paths, *named] if not (ROOT / path).exists()] == []
    assert set(ids) <= set(catalogue.load(ROOT).requirements)


@pytest.fixture(scope="module")
def embedded():
    """A running embedded server."""
    with EmbeddedServer() as server:
        yield server


def declared(folder, number):
    """Write one of the document's deviations to a file, and return its path."""
    block = blocks(DEVIATION, "toml")[number]
    assert tomllib.loads(block)
    path = folder / "ours.toml"
    path.write_text(block, "utf-8")
    return path


def test_declared_deviation_is_known(embedded, tmp_path):
    """The document's deviation makes a failing requirement a known one."""
    url = target_file(tmp_path, f"{embedded.url}/~{WRONG}")
    finished = run(
        tmp_path / "results", *NARROW, f"--target={url}", f"--deviations={declared(tmp_path, 0)}"
    )

    assert finished.exit_code == 0, finished.output
    assert finished.verdicts("known") == {"RFC7591-3.2.1-201-created": "known"}


def test_fulfilled_deviation_is_stale(embedded, tmp_path):
    """On a server without the fault the document's narrow deviation is stale and fails the run."""
    url = target_file(tmp_path, embedded.url)
    finished = run(
        tmp_path / "results", *NARROW, f"--target={url}", f"--deviations={declared(tmp_path, 1)}"
    )

    assert finished.exit_code == 1
    assert re.search(r"stale .*: fulfilled now by a check that it waives; delete", finished.output)
