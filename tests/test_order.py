"""A healthy server conforms in any order and with any number of workers."""

from tests.fork_server import ForkServer
from tests.runs import ROOT, run


def test_healthy_server_conforms_in_any_order(tmp_path):
    """Every requirement passes in file order, and in random order with two workers."""
    with ForkServer(ROOT) as process:
        in_file_order = process.run(tmp_path / "file_order")
    in_random_order = run(
        tmp_path / "random_order", "--target=embedded", "--level=MAY", "--randomly-seed=1", "-n2"
    )

    assert in_file_order.exit_code == 0, in_file_order.output
    assert in_file_order.verdicts("fail", "blocked", "warn", "known") == {}
    assert in_random_order.exit_code == 0, in_random_order.output
    assert in_random_order.verdicts() == in_file_order.verdicts()
