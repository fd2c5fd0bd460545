"""The same verdicts in any order and with any number of workers."""

import pytest

from tests.runs import run


def verdicts(tmp_path, *options):
    """Run against the embedded server and give the verdict of every requirement."""
    finished = run(tmp_path / "results", "--target=embedded", "--level=MAY", *options)
    assert finished.exit_code == 0, finished.output
    return finished.verdicts()


@pytest.mark.parametrize("seed", [1])
def test_verdicts_do_not_depend_on_order_or_workers(tmp_path, seed):
    """A run in random order, with two workers, judges as one in the order of the files."""
    straight = verdicts(tmp_path / "straight")
    mixed = verdicts(tmp_path / "mixed", f"--randomly-seed={seed}", "-n2")

    assert mixed == straight
