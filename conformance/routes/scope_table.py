"""A pytest plugin that carries what the checks learn of each scope into the statement of a run.

Of a scope is noted whether it is advertised, registrable, granted and enforced; what no check came
to see stays out. It travels in the report of the check that saw it (see reports/scopes.py).
"""

import pytest

NOTED = pytest.StashKey[dict[str, dict[str, bool]]]()


class Scopes:
    """Takes down what is learnt of each scope; the report of the running check takes it along."""

    def __init__(self, noted: dict[str, dict[str, bool]]) -> None:
        """Write here."""
        self._noted = noted
        self._told: dict[tuple[str, str], bool] = {}

    def note(self, scope: str, **facts: bool) -> None:
        """Note facts of a scope, each once: `note(scope, granted=True)`; a bad one stays."""
        for fact, value in facts.items():
            now = self._told.get((scope, fact), True) and value
            if self._told.get((scope, fact)) is not now:
                self._told[scope, fact] = now
                self._noted.setdefault(scope, {})[fact] = now


@pytest.fixture(scope="session")
def scopes(pytestconfig: pytest.Config) -> Scopes:
    """Takes down what is learnt of each scope."""
    return Scopes(pytestconfig.stash.setdefault(NOTED, {}))
