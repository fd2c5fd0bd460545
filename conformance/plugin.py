"""Adds alarms and facts about scopes to the last report of a check."""

import pytest

from conformance.routes.scope_table import NOTED
from conformance.watch import alarms
from fixtures.target.model import TARGET
from fixtures.wire.exchanges import LOG

#: The alarms so far, each as kind and route.
RAISED = pytest.StashKey[set[tuple[str, str]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Add the alarms and the facts about scopes to the properties of a finished check."""
    target = item.config.stash.get(TARGET, None)
    if call.when != "teardown" or target is None:
        return
    raised = item.config.stash.setdefault(RAISED, set())
    base = target.base_url
    found = [alarm for each in LOG.exchanges for alarm in alarms.find_alarms(each, base, raised)]
    if found:
        item.user_properties.append(("alarms", found))
    noted = item.config.stash.get(NOTED, None)
    if noted:
        item.user_properties.append(("scopes", {name: dict(noted[name]) for name in noted}))
        noted.clear()
