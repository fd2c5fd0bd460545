"""A healthy server conforms: in any order and with any number of workers."""

from tests.runs import ROOT, run
from tests.zygote import Zygote


def test_healthy_server_conforms_in_any_order(tmp_path):
    """Every requirement passes in the order of the files, and in another one with two workers."""
    with Zygote(ROOT) as process:
        straight = process.run(tmp_path / "straight")
    mixed = run(tmp_path / "mixed", "--target=embedded", "--level=MAY", "--randomly-seed=1", "-n2")

    assert straight.exit_code == 0, straight.output
    assert straight.verdicts("fail", "blocked", "warn", "known") == {}
    assert mixed.exit_code == 0, mixed.output
    assert mixed.verdicts() == straight.verdicts()
