"""The proof of the checks: each defect turns exactly the checks of its requirements red.

One embedded server serves all of them, each under its own URL with its own state.
"""

import pytest

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer
from tests.runs import run, target_file

DEFECTS = load()


@pytest.fixture(scope="session")
def embedded():
    """The base URL of a running embedded server."""
    with EmbeddedServer() as server:
        yield server.url


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_defect_is_caught_and_nothing_else(embedded, tmp_path, name):
    """With a defect on, the requirements that it breaks fail, and no others."""
    defect = DEFECTS[name]

    finished = run(
        tmp_path / "results",
        f"--target={target_file(tmp_path, f'{embedded}/~{name}')}",
        "--deviations=none",
        "--level=MAY",
        "-p",
        "no:allure_pytest",
    )

    failed = finished.verdicts("fail", "blocked", "warn")
    assert finished.exit_code == 1, finished.output
    assert failed == dict.fromkeys([*defect.proves, *defect.also], "fail"), finished.output


def test_healthy_server_conforms(embedded, tmp_path):
    """Without a defect every requirement passes."""
    finished = run(
        tmp_path / "results",
        f"--target={target_file(tmp_path, embedded)}",
        "--deviations=none",
        "--level=MAY",
    )

    assert finished.exit_code == 0, finished.output
    assert finished.verdicts("fail", "blocked", "warn", "known") == {}
