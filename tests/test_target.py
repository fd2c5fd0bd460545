"""What a wrong target gets: one sentence that names the file and the key, and what to do."""

import pytest

from fixtures.target.files import load
from fixtures.target.model import Target

URL = 'kind = "url"\nurl = "https://emr.example.org"\n'


@pytest.fixture
def written(tmp_path):
    """Writes a target file and gives its path."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ", "not valid TOML"),
        ('kind = "url"\n', "url: is missing"),
        ("", "kind is missing"),
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
    ],
)
def test_wrong_file_is_a_usage_error(written, text, said):
    """A wrong target file is refused with the file's name and what is wrong in it."""
    path = written(text)

    with pytest.raises(pytest.UsageError) as error:
        load(path, {})

    assert said in str(error.value)
    assert "mine.toml" in str(error.value)


def test_error_does_not_repeat_a_password(written):
    """What is wrong with a password is said without the password."""
    path = written(URL + '[users.admin]\nname = "admin"\npassword = 12345678901\n')

    with pytest.raises(pytest.UsageError) as error:
        load(path, {})

    assert "12345678901" not in str(error.value)


def test_unknown_name_lists_the_known_ones():
    """A target that is not there is answered with those that are."""
    with pytest.raises(pytest.UsageError, match="embedded"):
        load("openemr-99", {})


def test_missing_file_is_said():
    """A target file that is not there is said to be missing."""
    with pytest.raises(pytest.UsageError, match="there is no target file"):
        load("nowhere.toml", {})


def test_url_without_a_password_says_what_to_set():
    """A bare URL needs an administrator, and the message says how to name one."""
    with pytest.raises(pytest.UsageError, match="OPENEMR_ADMIN_PASSWORD"):
        load("https://emr.example.org", {})


def test_url_with_an_empty_password_has_no_administrator():
    """A bare URL can be judged without an administrator when that is said explicitly."""
    target = load("https://emr.example.org", {"OPENEMR_ADMIN_PASSWORD": ""})

    assert target.users == {}


def test_environment_is_put_into_strings(written):
    """`${NAME}` and `${NAME:-default}` are replaced in every string."""
    path = written(
        URL + 'site = "${SITE:-default}"\n[users.admin]\nname = "admin"\npassword = "${SECRET}"\n'
    )

    target = load(path, {"SECRET": "from the environment"})

    assert (target.site, target.users["admin"].password) == ("default", "from the environment")


def test_target_survives_the_way_to_a_worker(written):
    """A worker gets the target that the controlling process has."""
    target = load(written(URL + '[users.admin]\nname = "a"\npassword = "b"\n'), {})

    assert Target.from_dict(target.to_dict()) == target
