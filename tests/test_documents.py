"""README.md and docs/: short, with working links and commands, and with outputs of real runs."""

import re
import shlex
import tomllib
from functools import cache

import pytest

from fixtures.target import files
from openemr_conformance.command import PROGRAMS
from reports import documents, pictures
from reports.documents import NotWritten
from tests.runs import ROOT

README = (ROOT / "README.md").read_text("utf-8")
#: The README is for five minutes.
MOST_WORDS = 1500
#: Written by hand or by a program, but always for readers.
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: The folders of commands that are run with `python -m`.
OURS = ("fixtures", "reports")


def name(path):
    """Return the path of a page from the root."""
    return path.relative_to(ROOT).as_posix()


def prose(text):
    """Return a document without its blocks of code."""
    return BLOCK.sub("", text)


def anchors(text):
    """Return the anchors of a document, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def links(text):
    """Return the targets of the links and pictures of a document that are not on other servers."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def broken(page, text):
    """Return the links of a page to files or anchors that do not exist."""
    missing = []
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target != page and not target.exists():
            missing.append(link)
        elif anchor and target.suffix == ".md":
            known = anchors(text if target == page else target.read_text("utf-8"))
            missing += [link] if anchor not in known else []
    return missing


def commands(text):
    """Return the commands of the console blocks of a document, as words."""
    lines = [
        line[2:]
        for language, block in BLOCK.findall(text)
        if language == "console"
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    lines += re.findall(r"`((?:openemr-conformance|python -m reports|tox) [^`]*)`", prose(text))
    return [shlex.split(line, comments=True) for line in lines]


@cache
def help_of(*arguments):
    """Return the help of a program of the suite."""
    return documents.command(*arguments, "--help")


def unknown(words):
    """Return the program, module, environment or options of a command that do not exist."""
    while words and "=" in words[0]:
        words = words[1:]
    if words[:1] == ["tox"]:
        given = [words[index + 1] for index, word in enumerate(words) if word == "-e"]
        listed = (ROOT / "tox.ini").read_text("utf-8")
        return [each for each in given if f"[testenv:{each}]" not in listed]
    if words[:2] == ["python", "-m"]:
        path = ROOT / words[2].replace(".", "/")
        ours = words[2].split(".")[0] in OURS
        return (
            [words[2]] if ours and not (path.is_dir() or path.with_suffix(".py").exists()) else []
        )
    if words[:1] == ["pytest"]:
        return [word for word in words[1:] if word.endswith(".py") and not (ROOT / word).exists()]
    if words[:1] != ["openemr-conformance"]:
        return []
    program, *rest = words[1:] or ["run"]
    if program.startswith("-") or program == "...":
        program, rest = "run", words[1:]
    if program not in PROGRAMS:
        return [program]
    given = [word.partition("=")[0] for word in rest if word.startswith("--")]
    return [option for option in given if not re.search(rf"{option}\b", help_of(program))]


def test_readme_is_short():
    """The README has no more words than five minutes take."""
    assert len(README.split()) <= MOST_WORDS


def test_readme_keeps_its_two_commands():
    """One command runs the suite, one passes its tests; CI calls the same."""
    given = commands(README)

    assert ["tox", "-e", "conformance"] in given
    assert ["tox"] in given
    assert re.search(r"^\S*tox$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_work(page):
    """Each link to a file of the repository, or to a heading, leads somewhere."""
    assert broken(page, page.read_text("utf-8")) == []


def test_broken_links_are_found():
    """A missing file, a missing heading and a missing picture are found; code is no link."""
    text = "# A b\n[1](#a-b) [2](#c) [3](none.md) ![4](none.png) [5](README.md#none) `[6](x)`\n"

    assert broken(ROOT / "x.md", text) == ["#c", "none.md", "none.png", "README.md#none"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page):
    """Each command has a program, a module or an environment, and options that exist."""
    given = commands(page.read_text("utf-8")) if page.name != "CHANGELOG.md" else []

    assert {" ".join(words): unknown(words) for words in given if unknown(words)} == {}


@pytest.mark.parametrize(
    "command",
    [
        "openemr-conformance judge",
        "openemr-conformance --taget=x",
        "openemr-conformance compare a b --fromat html",
        "python -m reports.none",
        "tox -e none",
        "pytest tests/none.py",
    ],
)
def test_unknown_commands_are_found(command):
    """A program, an option or a file that does not exist is found."""
    assert unknown(shlex.split(command)) != []


def test_all_options_are_documented():
    """The table of options has each option of the suite, and no other."""
    text = (ROOT / "docs" / "running.md").read_text("utf-8")
    table = text.partition("## Options")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `(--[\w-]+)", table, re.MULTILINE))
    groups = re.findall(
        r"^openemr[ -]conformance.*?:\n((?:  .*\n|\n)+)", help_of("run").lower(), re.MULTILINE
    )

    assert len(groups) == 2
    assert documented == set(re.findall(r"^  (--[\w-]+)", "".join(groups), re.MULTILINE))


@pytest.mark.parametrize(
    "page", [p for p in documents.documents() if "\nkind " in p.read_text("utf-8")], ids=name
)
def test_target_files_are_valid(page, tmp_path):
    """Each target file of a document can be read, with the variables that it names."""
    text = page.read_text("utf-8")
    blocks = [block for language, block in BLOCK.findall(text) if language == "toml"]
    whole = [block for block in blocks if block.startswith("kind")]
    (tmp_path / "our-authority.pem").write_text("", "utf-8")
    path = tmp_path / "target.toml"
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "x")

    assert whole
    for block in whole:
        user = '[users.admin]\nname = "admin"\npassword = "pass"\n'
        path.write_text(block + ("" if "[users.admin]" in block else user), "utf-8")
        assert files.load(str(path), environment).kind == tomllib.loads(block)["kind"]


def test_the_index_has_every_page():
    """docs/README.md links every page of docs/."""
    index = ROOT / "docs" / "README.md"
    linked = {link.partition("#")[0] for link in links(index.read_text("utf-8"))}
    there = {path.name for path in index.parent.glob("*.md")} - {index.name}

    assert there - linked == set()


@pytest.mark.parametrize("page", documents.documents(), ids=name)
def test_outputs_are_up_to_date(page):
    """The parts between markers are those that the program would write now."""
    text = page.read_text("utf-8")

    assert documents.renewed(text) == text, "run tox -e docs"


def test_every_output_is_shown():
    """Each output that the program can write is in a document, and every marker is closed."""
    texts = [path.read_text("utf-8") for path in documents.documents()]
    shown = [each for text in texts for each in documents.names(text)]

    assert set(shown) == set(documents.PARTS)
    assert len(shown) == sum(text.count("<!-- output:") for text in texts)


def test_changed_outputs_are_renewed(monkeypatch):
    """A part with other text is written again; another port, secret or time makes no difference."""
    now = "judges http://127.0.0.1:1 <code 0bca> in 1.20s\n"
    monkeypatch.setattr(documents, "PARTS", {"x": lambda: now})
    part = "a\n<!-- output: x -->\n{}<!-- end -->\nb\n"
    other_run = part.format("judges http://127.0.0.1:23 <code ffff> in 70.11s (0:01:10)\n")

    assert documents.renewed(other_run) == other_run
    assert documents.renewed(part.format("judges nothing\n")) == part.format(now)
    with pytest.raises(NotWritten, match="output: y: give one of x"):
        documents.renewed(part.replace("x", "y").format(""))


def test_badges_are_up_to_date():
    """The badges of the README show the version of Python, the licence, releases, requirements."""
    folder = ROOT / documents.BADGES

    assert {p.name: p.read_text("utf-8") for p in folder.iterdir()} == documents.badges()


def test_pictures_show_the_shipped_runs():
    """Each picture was made of the runs that are shipped, and there is no other picture."""
    assert pictures.stale() == [], "run tox -e docs, where Chromium is installed"
    assert {path.name for path in (ROOT / "docs").rglob("*.png")} == set(pictures.PICTURES)


def test_picture_of_another_run_is_stale(tmp_path, monkeypatch):
    """A picture of another run, one that was replaced, and one that is missing are stale."""
    folder = tmp_path / pictures.FOLDER
    folder.mkdir()
    for each in [*pictures.PICTURES, pictures.DIGESTS]:
        (folder / each).write_bytes((ROOT / pictures.FOLDER / each).read_bytes())
    assert pictures.stale(tmp_path) == []

    (folder / "comparison.png").write_bytes(b"another picture")
    assert pictures.stale(tmp_path) == ["comparison.png"]
    (folder / "statement.png").unlink()
    assert pictures.stale(tmp_path) == ["statement.png", "comparison.png"]

    changed = pictures.Picture(("8.0.0",), 100, str)
    monkeypatch.setattr(pictures, "PICTURES", {"comparison.png": changed})
    (folder / "comparison.png").write_bytes((ROOT / "docs" / "comparison.png").read_bytes())
    assert pictures.stale(tmp_path) == ["comparison.png"]


def test_without_chromium_a_picture_is_kept(tmp_path, monkeypatch):
    """Without Chromium the pictures stay as they are, and the reason names what to install."""
    monkeypatch.setattr(pictures.shutil, "which", lambda _: None)
    (tmp_path / pictures.FOLDER).mkdir()

    made, problems = pictures.renew(tmp_path)

    assert made == []
    assert [each.partition(": ")[0] for each in problems] == [
        f"docs/{each}" for each in pictures.PICTURES
    ]
    assert all("apt install chromium" in each for each in problems)
    assert pictures.stale(tmp_path) == list(pictures.PICTURES)
