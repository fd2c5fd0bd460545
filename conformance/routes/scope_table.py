"""A pytest plugin that collects the facts about each scope for the statement of a run.

The facts are whether a scope is advertised, registrable, granted and enforced, as far as checks
find out. They are in the report of the check that found them (see reports/scopes.py).
"""

import pytest

NOTED = pytest.StashKey[dict[str, dict[str, bool]]]()


class ScopeFacts:
    """Collects facts about scopes, for the report of the running check."""

    def __init__(self, noted: dict[str, dict[str, bool]]) -> None:
        self._noted = noted
        self._told: dict[tuple[str, str], bool] = {}

    def note(self, scope: str, **facts: bool) -> None:
        """Note facts about a scope: `note(scope, granted=True)`; a bad fact is never replaced."""
        for fact, value in facts.items():
            now = self._told.get((scope, fact), True) and value
            if self._told.get((scope, fact)) is not now:
                self._told[scope, fact] = now
                self._noted.setdefault(scope, {})[fact] = now


@pytest.fixture(scope="session")
def scope_facts(pytestconfig: pytest.Config) -> ScopeFacts:
    """Collects facts about scopes."""
    return ScopeFacts(pytestconfig.stash.setdefault(NOTED, {}))
