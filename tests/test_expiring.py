"""What expires is judged last, and nobody waits long for it unasked."""

import time

import pytest

from fixtures.given.expiring import Expiring
from tests.runs import run


def test_little_is_waited_for():
    """What is left of a lifetime is waited for, if it is little."""
    token = Expiring("the token", lifetime=0.1, patience=5, value="old")
    began = time.monotonic()

    assert token.expired() == "old"
    assert time.monotonic() - began >= 0.1


def test_long_life_is_not_waited_for():
    """A lifetime that goes on makes the check not applicable, and says what to do."""
    token = Expiring("the token", lifetime=300, patience=10, value="young")

    with pytest.raises(pytest.skip.Exception, match=r"^n/a: the token lives for 300 s.*--slow"):
        token.expired()


@pytest.mark.parametrize("options", [("-n0",), ("-n2", "--randomly-seed=3")], ids=["one", "two"])
def test_expired_is_judged_last(tmp_path, options):
    """Whatever the order of the others, what has expired is judged at the end of the run."""
    some = ["conformance/oauth/test_expiry.py", "conformance/oauth/test_refresh.py"]
    finished = run(tmp_path / "results", "--target=embedded", "-v", *options, *some)
    lines = [line for line in finished.output.splitlines() if "PASSED" in line]
    places = [number for number, line in enumerate(lines) if "test_expiry" in line]

    assert finished.exit_code == 0, finished.output
    assert len(places) == 3
    assert min(places) > len(lines) / 2
