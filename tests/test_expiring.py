"""Expired tokens are judged last, and long lifetimes are waited for only with --slow."""

import time

import pytest

from fixtures.given.expiring import Expiring
from tests.runs import run


def test_short_rest_of_a_lifetime_is_waited_for():
    """The check waits for the end of a lifetime that is close."""
    token = Expiring("the token", lifetime=0.1, patience=5, value="old")
    began = time.monotonic()

    assert token.expired() == "old"
    assert time.monotonic() - began >= 0.1


def test_long_lifetime_is_not_waited_for():
    """A long lifetime makes the check not applicable, with what to do."""
    token = Expiring("the token", lifetime=300, patience=10, value="young")

    with pytest.raises(pytest.skip.Exception, match=r"^n/a: the token lives for 300 s.*--slow"):
        token.expired()


@pytest.mark.parametrize("options", [("-n0",), ("-n2", "--randomly-seed=3")], ids=["one", "two"])
def test_expired_tokens_are_judged_last(tmp_path, options):
    """The checks of expired tokens are the last ones in every order."""
    some = ["conformance/oauth/test_expiry.py", "conformance/oauth/test_refresh.py"]
    finished = run(tmp_path / "results", "--target=embedded", "-v", *options, *some)
    lines = [line for line in finished.output.splitlines() if " PASS" in line]
    places = [number for number, line in enumerate(lines) if "test_expiry" in line]

    assert finished.exit_code == 0, finished.output
    assert len(places) == 3
    assert min(places) > len(lines) / 2
