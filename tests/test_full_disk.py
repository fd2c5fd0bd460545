"""A run whose results cannot be written says so in one sentence, and keeps its verdict."""

import errno
import gzip

import pytest

from reports import merge, statement
from reports.render import files
from tests.reports.checks import GOOD, MIXED
from tests.reports.project import Project
from tests.runs import ROOT

#: A plugin: writing to a file or folder of these names fails, as on a full disk.
FULL_DISK = """
import builtins, errno, os, pathlib

FULL = set(os.environ["FULL"].split())


def unless_full(write):
    def wrapped(path, *arguments, **options):
        writes = write is not builtins_open or "w" in str(arguments)
        if writes and FULL & set(pathlib.Path(str(path)).parts):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *arguments, **options)
    return wrapped


builtins_open = builtins.open


def pytest_configure():
    from reports.render import files
    files.write = unless_full(files.write)
    pathlib.Path.write_text = unless_full(pathlib.Path.write_text)
    builtins.open = unless_full(builtins.open)
"""
ALL = "conformance.json statement.md statement.html badge.json badge.svg junit.xml allure"


def refuse(*_, **__):
    """Fail as a write to a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def project(tmp_path):
    """A project with a plugin that makes its disk full for some files."""
    project = Project(tmp_path)
    project.write("full_disk.py", FULL_DISK)
    return project


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
@pytest.mark.parametrize(
    ("full", "kept"),
    [
        ("conformance.json", "junit.xml"),
        ("statement.html", "conformance.json"),
        ("allure", "junit.xml"),
        ("junit.xml", "conformance.json"),
        (ALL, None),
    ],
    ids=["conformance.json", "statement.html", "allure", "junit.xml", "all"],
)
def test_full_disk_loses_no_verdict(project, workers, full, kept):
    """The result is on the terminal, each missing file is named, and the exit code is not 0."""
    project.check(GOOD)

    output = project.run("-p", "full_disk", workers, env={"FULL": full})

    assert output.returncode == 3, output.stdout + output.stderr
    assert "Gate " in output.stdout
    for name in full.split():
        assert f"{name} (No space left on device)" in output.stdout
    assert "Traceback" not in output.stdout + output.stderr
    assert kept is None or (project.results / kept).is_file()


def test_full_disk_leaves_a_worse_exit_code(project):
    """A run that is not conformant stays so, and no half of Allure's results is left."""
    project.check(MIXED)

    output = project.run("-p", "full_disk", "-n0", env={"FULL": "categories.json"})

    assert output.returncode == 1
    assert "allure (No space left on device)" in output.stdout
    assert list((project.results / "allure").iterdir()) == []


def test_full_disk_does_not_hide_a_result_of_ci(project):
    """The summary of a step that cannot be written is named too."""
    project.check(GOOD)
    summary = project.folder / "missing" / "summary"

    output = project.run("-n0", env={"GITHUB_STEP_SUMMARY": str(summary)})

    assert output.returncode == 3
    assert f"not written: {summary} (No such file or directory)" in output.stdout


def test_conformance_json_comes_first(tmp_path, monkeypatch):
    """Nothing is rendered before the result itself is written."""
    order = []
    monkeypatch.setattr(files, "write", lambda path, _: order.append(path.name))
    monkeypatch.setattr(files.statement, "render", lambda _: order.append("rendering") or {})
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    files.write_all(tmp_path, {})

    assert order == ["conformance.json", "rendering"]


@pytest.mark.parametrize(
    ("name", "place"),
    [("unlink", files.Path), ("TemporaryFile", files.tempfile)],
    ids=["earlier results", "new files"],
)
def test_folder_of_somebody_else_is_a_usage_error(tmp_path, monkeypatch, name, place):
    """Results that cannot be written are an error before anything is judged."""
    (tmp_path / "conformance.json").write_text("{}", "utf-8")
    monkeypatch.setattr(place, name, refuse)

    with pytest.raises(pytest.UsageError, match=r"cannot be written to \(No space left"):
        files.prepare(tmp_path)


def test_cache_in_a_read_only_folder_is_no_error(project):
    """A cache that pytest cannot write fails no run."""
    real = (ROOT / "pyproject.toml").read_text("utf-8")
    (project.folder / ".pytest_cache").write_text("in the way", "utf-8")
    project.check(GOOD)
    ignored = "filterwarnings=error\nignore::pytest.PytestCacheWarning"

    output = project.python("-m", "pytest", "-n0", "-pno:randomly", "-o", ignored)

    assert "ignore::pytest.PytestCacheWarning" in real
    assert output.returncode == 0, output.stdout + output.stderr


@pytest.mark.parametrize("program", [merge, statement])
def test_programs_name_the_files_that_they_cannot_write(program, project, capsys, monkeypatch):
    """`merge` and `statement` end in one sentence, and not with exit code 0."""
    project.check(GOOD)
    project.run("-n0", "--shard=1/1")
    monkeypatch.chdir(project.folder)
    monkeypatch.setattr(files, "write", refuse)

    code = program.main([str(project.results)])

    assert code == 4
    assert "not written: " in capsys.readouterr().err


def test_statement_reads_a_packed_run(project):
    """A packed conformance.json is rendered beside it."""
    project.check(GOOD)
    project.run("-n0")
    packed = project.folder / "packed.json.gz"
    packed.write_bytes(gzip.compress((project.results / "conformance.json").read_bytes()))

    assert statement.main([str(packed)]) == 0
    assert (project.folder / "statement.md").is_file()


@pytest.mark.parametrize("content", [bytes(range(256)), b"\x1f\x8b broken", b"{}", None])
def test_statement_prints_no_binary_data(tmp_path, capsys, content):
    """A file that is no conformance.json gets one printable sentence."""
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_bytes(content)

    assert statement.main([str(path)]) == 4
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err.strip().isprintable()) == ("", 1, True)


def test_folder_of_allure_keeps_other_files(tmp_path):
    """Only Allure's own files are removed."""
    for name in ("a-result.json", "environment.properties", "mine.txt"):
        (tmp_path / name).write_text("", "utf-8")

    files.clear_allure(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
