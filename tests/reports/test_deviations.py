"""Deviations: which file counts, which check is waived, and what is wrong with an entry."""

import datetime as dt

import pytest

from reports.judging import deviations

ENTRY = '[[deviation]]\nrequirement = "A"\nreason = "So it is."\nlink = "https://example.org/1"\n'


def read(tmp_path, text):
    """Read deviations from text, knowing the requirements A and B."""
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    return deviations.read(path, ["A", "B", "WATCH-A"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENTRY.replace('"A"', '"C"'), "line 1: deviation 1 (C): there is no such requirement"),
        (ENTRY + "\n" + ENTRY.replace("So it is.", " "), "line 6: deviation 2 (A): reason"),
        (ENTRY.replace("link", "lnk"), "remove the key or correct its spelling"),
        (ENTRY.replace("https://example.org/1", ""), "link: "),
        (ENTRY.partition("link")[0], "link: is missing; give the http(s) address"),
        (ENTRY + 'expires = "2027-01-01"\n', "write the date as 2027-06-30, without quotes"),
        (ENTRY + "params = 3\n", "params: should be a string, and is 3"),
        (ENTRY + 'params = ["a"]\n', "params: several patterns are for WATCH-* only"),
        ("[[deviation]\n", "not readable as TOML"),
    ],
    ids=["unknown", "reason", "key", "empty-link", "no-link", "date", "type", "list", "toml"],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path, text, message):
    """An error names the file, the line, the entry and what to do."""
    with pytest.raises(pytest.UsageError) as caught:
        read(tmp_path, text)

    assert str(caught.value).startswith(str(tmp_path / "own.toml"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    """A file that is not there is a usage error."""
    with pytest.raises(pytest.UsageError, match="there is no such file"):
        deviations.choose(["x.toml"], version=None, known=[], base=tmp_path)


def test_an_entry_is_for_the_checks_that_it_names(tmp_path):
    """An entry may be narrowed by the name of the function and by the parameter id."""
    (entry,) = read(tmp_path, ENTRY + 'check = "test_a*"\nparams = "password-*"\n')

    assert entry.matches("A", "test_ab", "password-basic")
    assert not entry.matches("A", "test_ab", None)
    assert not entry.matches("A", "test_b", "password-basic")
    assert not entry.matches("B", "test_ab", "password-basic")


def test_an_entry_of_the_watch_may_name_several_routes(tmp_path):
    """One cause shows at many routes; each is named, and no other is waived."""
    text = ENTRY.replace('"A"', '"WATCH-A"') + 'params = ["GET /a/*", "PUT /b"]\n'
    (entry,) = read(tmp_path, text)

    assert entry.matches("WATCH-A", "server_error", "GET /a/1")
    assert entry.matches("WATCH-A", "server_error", "PUT /b")
    assert not entry.matches("WATCH-A", "server_error", "PUT /a/1")


def test_an_entry_expires_after_its_last_day(tmp_path):
    """An expired entry waives nothing."""
    (entry,) = read(tmp_path, ENTRY + "expires = 2020-01-31\n")
    found = deviations.Deviations((entry,))

    assert not entry.expired(dt.date(2020, 1, 31))
    assert entry.expired(dt.date(2020, 2, 1))
    assert found.find("A", "test_a", None) is None


@pytest.mark.parametrize(
    ("version", "names"),
    [("7.0.3.4", ["openemr-7.toml"]), ("8.0.0", []), (None, [])],
    ids=str,
)
def test_shipped_files_are_chosen_by_version(tmp_path, version, names):
    """A shipped file names the versions that it is for."""
    (tmp_path / "openemr-7.toml").write_text('versions = ["7.0.3*"]\n' + ENTRY, "utf-8")

    found = deviations.choose([], version=version, known=["A"], base=tmp_path, shipped=tmp_path)

    assert list(found.files) == names


def test_given_files_replace_the_shipped_ones(tmp_path):
    """Files of the user's own, or none, are used instead of those that are shipped."""
    (tmp_path / "openemr-7.toml").write_text('versions = ["*"]\n' + ENTRY, "utf-8")
    (tmp_path / "own.toml").write_text(ENTRY, "utf-8")
    where = {"version": "7", "known": ["A"], "base": tmp_path, "shipped": tmp_path}

    assert deviations.choose(["own.toml"], **where).files == ("own.toml",)
    assert deviations.choose(["none"], **where).files == ()
    with pytest.raises(pytest.UsageError, match="leave one of them out"):
        deviations.choose(["none", "own.toml"], **where)


def test_a_release_stands_for_its_shipped_file(tmp_path):
    """It is named beside files of the user's own, in every form; only the latter are strict."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "openemr-7.0.3.toml").write_text('versions = ["7.0.3*"]\n' + ENTRY, "utf-8")
    (tmp_path / "own.toml").write_text(ENTRY, "utf-8")
    where = {"version": "9", "known": ["A"], "base": tmp_path, "shipped": folder}

    for name in ("7.0.3", "openemr-7.0.3", "7.0.3.4"):
        found = deviations.choose([name, "own.toml"], **where)
        assert found.files == ("openemr-7.0.3.toml", "own.toml")
        assert [entry.strict for entry in found.entries] == [False, True]
    strict = deviations.choose(["7.0.3"], **where, strict=True)
    assert [entry.strict for entry in strict.entries] == [True]
    with pytest.raises(pytest.UsageError, match=r"a release whose .* are shipped \(7\.0\.3\)"):
        deviations.choose(["6.1"], **where)


def test_a_folder_is_not_read_as_toml(tmp_path):
    """The reason is in words, and the advice fits it."""
    with pytest.raises(pytest.UsageError) as caught:
        deviations.choose(["."], version=None, known=[], base=tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read (Is a directory); name a TOML file"
