"""A healthy server conforms in any order and with any number of workers."""

from tests.runs import run


def test_healthy_server_conforms_in_random_order(tmp_path):
    """Every requirement passes in random order with two workers.

    Runs in file order are those of test_disabled_features.py and of the documents' outputs.
    """
    finished = run(
        tmp_path / "results", "--target=embedded", "--level=PRACTICE", "--randomly-seed=1", "-n2"
    )

    assert finished.exit_code == 0, finished.output
    assert finished.verdicts("fail", "blocked", "warn", "known") == {}
