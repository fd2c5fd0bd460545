"""A healthy server conforms: in any order and with any number of workers."""

from tests.runs import run


def test_healthy_server_conforms_in_any_order(tmp_path):
    """Every requirement passes in the order of the files, and in another one with two workers."""
    options = ("--target=embedded", "--level=MAY")
    straight = run(tmp_path / "straight", *options)
    mixed = run(tmp_path / "mixed", *options, "--randomly-seed=1", "-n2")

    assert straight.exit_code == 0, straight.output
    assert straight.verdicts("fail", "blocked", "warn", "known") == {}
    assert mixed.exit_code == 0, mixed.output
    assert mixed.verdicts() == straight.verdicts()
