"""Checks and a deviation for the small projects whose runs are tested."""

MIXED = '''
@requirement("T-must")
def test_first(secret):
    """The first thing is so."""
    raise Mismatch(
        expected="x to be 1",
        received=[f"x is 2 {secret}", "y"],
        in_answer="GET /x -> 200",
        reproduce=f"curl -d token={secret}",
        hint="look at x",
    )

@requirement("T-should")
@pytest.mark.parametrize("n", [1, 2])
def test_second(n):
    """The second thing is so."""
    assert n == 1

@requirement("T-rest")
def test_third(secret):
    """The third thing is so."""
    print(secret)
    raise ValueError(f"boom {secret}")

@requirement("T-portal")
def test_fourth():
    """The fourth thing is so."""
'''

GOOD = '''
@requirement("T-must")
@pytest.mark.parametrize("n", [1, 2])
def test_first(n):
    """The first thing is so."""

@requirement("T-should")
def test_second():
    """The second thing is so."""

@requirement("T-rest")
@pytest.mark.writes
def test_third():
    """The third thing is so."""

@requirement("T-portal")
def test_fourth():
    """The fourth thing is so."""
'''

#: As Ctrl-C does it, with all processes: a worker's parent is the one that leads the run.
INTERRUPTED = '''
import os, signal, time

@requirement("T-should")
def test_second():
    """The second thing is so."""

@requirement("T-must")
def test_first():
    """The first thing is so."""
    time.sleep(0.5)  # until it knows of the other check
    os.kill(os.getppid(), signal.SIGINT)
    raise KeyboardInterrupt
'''

DEVIATION = """
[[deviation]]
requirement = "T-must"
reason = "The first thing is otherwise."
link = "https://example.org/issues/1"
"""
