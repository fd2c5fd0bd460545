"""A wrong target gets one sentence with the file, the key and what to do."""

import pytest

from fixtures.target.files import load
from fixtures.target.model import Target

URL = 'kind = "url"\nurl = "https://emr.example.org"\n'


@pytest.fixture
def written(tmp_path):
    """Writes a target file and returns its path."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind = ", "not valid TOML"),
        ('kind = "url"\n', "url: is missing"),
        ("", "is empty"),
        ("site = 'default'", "kind is missing"),
        (URL + 'colour = "red"\n', "colour: unknown key"),
        ('kind = "cloud"\n', "'cloud' is not one of 'embedded', 'url', 'container'"),
        (URL + "read_only = 1\n", "read_only"),
        (URL + 'features = ["oauth.magic"]\n', "unknown feature 'oauth.magic'"),
        (URL + '[users.admin]\nname = "admin"\n', "users.admin.password: is missing"),
        (URL + '[users.admin]\nname = "a"\npassword = "${NOT_SET}"\n', "variable NOT_SET"),
        (URL + '[tls]\nca_file = "missing.pem"\n', "missing.pem"),
        ('kind = "url"\nurl = "emr.example.org"\n', "no base URL"),
        ('kind = "url"\nurl = "https://emr.example.org/?a=b"\n', "no base URL"),
        ('kind = "url"\nurl = "https://emr.example.org:port"\n', "no base URL"),
        ('kind = "url"\nurl = "ftp://emr.example.org"\n', "no base URL"),
        ('kind = "url"\nurl = "https://[::1"\n', "no base URL"),
        ('kind = "url"\nurl = "https://emr.example.org/oauth2/default"\n', "below it: write"),
    ],
)
def test_wrong_file_is_a_usage_error(written, text, message):
    """A wrong target file is refused with its name and the error."""
    path = written(text)

    with pytest.raises(pytest.UsageError) as error:
        load(path, {})

    assert message in str(error.value)
    assert "mine.toml" in str(error.value)


def test_error_does_not_repeat_a_password(written):
    """The error of a password does not contain it."""
    path = written(URL + '[users.admin]\nname = "admin"\npassword = 12345678901\n')

    with pytest.raises(pytest.UsageError) as error:
        load(path, {})

    assert "12345678901" not in str(error.value)


def test_unknown_name_lists_the_known_ones():
    """The error of an unknown target lists the known ones."""
    with pytest.raises(pytest.UsageError, match="embedded"):
        load("openemr-99", {})


def test_missing_file_is_reported():
    """The error says that the file is missing."""
    with pytest.raises(pytest.UsageError, match="there is no target file"):
        load("nowhere.toml", {})


def test_url_without_a_password_says_what_to_set():
    """A URL needs an administrator, and the message says how to name one."""
    with pytest.raises(pytest.UsageError, match="OPENEMR_ADMIN_PASSWORD"):
        load("https://emr.example.org", {})


def test_url_with_an_empty_password_has_no_administrator():
    """An empty password is the explicit choice to have no administrator."""
    target = load("https://emr.example.org", {"OPENEMR_ADMIN_PASSWORD": ""})

    assert target.users == {}


def test_environment_is_put_into_strings(written):
    """`${NAME}` and `${NAME:-default}` are replaced in every string."""
    path = written(
        URL + 'site = "${SITE:-default}"\n[users.admin]\nname = "admin"\npassword = "${SECRET}"\n'
    )

    target = load(path, {"SECRET": "from the environment"})

    assert (target.site, target.users["admin"].password) == ("default", "from the environment")


def test_target_is_the_same_in_a_worker(written):
    """A worker gets the target of the controlling process."""
    target = load(written(URL + '[users.admin]\nname = "a"\npassword = "b"\n'), {})

    assert Target.from_dict(target.to_dict()) == target


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("http://[::1", "no base URL"),
        ("http://", "no base URL"),
        ("http://a..b", "no base URL"),
        ("http://emr.example.org:99999", "no base URL"),
        ("http://emr example", "no base URL"),
        ("http://emr.example.org/oauth2/default", "write http://emr.example.org$"),
        ("https://emr.example.org/emr/apis/default/fhir", "write https://emr.example.org/emr$"),
        ("https://emr.example.org/interface/login", "write https://emr.example.org$"),
        ("emr.example.org", "name a URL"),
    ],
)
def test_wrong_url_is_a_usage_error(name, message):
    """A URL that cannot be judged says how to write it."""
    with pytest.raises(pytest.UsageError, match=message):
        load(name, {"OPENEMR_ADMIN_PASSWORD": "pass"})


@pytest.mark.parametrize(
    "name",
    [
        "https://admin:s3cret@emr.example.org",
        "https://admin:s3/cret@emr.example.org/openemr",
        "HTTPS://admin:s3cret@[::1",
        "admin:s3cret@emr.example.org",
        "ftp://admin:s3cret@emr.example.org",
    ],
)
def test_password_in_a_url_is_refused_and_not_shown(name, written):
    """A password in a URL is not printed, whatever else is wrong."""
    file = written(f'kind = "url"\nurl = "{name}"\n')

    for target in (name, file):
        with pytest.raises(pytest.UsageError) as refused:
            load(target, {})
        assert "cret" not in str(refused.value)


def test_scheme_and_host_are_read_in_any_case():
    """`HTTPS://EMR.Example.org/OpenEMR` keeps only the case of its path."""
    target = load("HTTPS://EMR.Example.org/OpenEMR", {"OPENEMR_ADMIN_PASSWORD": ""})

    assert target.base_url == "https://emr.example.org/OpenEMR"


def test_folder_is_no_target(tmp_path):
    """A folder, and a file with another ending, say what to name."""
    (tmp_path / "staging").write_text(URL, "utf-8")

    with pytest.raises(pytest.UsageError, match="is a folder: name a file"):
        load(str(tmp_path), {})
    with pytest.raises(pytest.UsageError, match=r"ends in \.toml"):
        load(str(tmp_path / "staging"), {})
