"""Plugins that look on at every fixture or check are there where a check needs them."""

from types import SimpleNamespace

import pluggy
import pytest

from fixtures import overhead

NAMES = ("anyio", "hypothesispytest", "setuponly", "setupplan")


@pytest.fixture
def left(monkeypatch):
    """Start a run of checks with these fixtures, keywords and options; name the plugins left."""
    monkeypatch.setattr(overhead, "judges", lambda _: True)

    def start(fixtures=(), keywords=(), **options):
        plugins = pluggy.PluginManager("pytest")
        for name in NAMES:
            plugins.register(object(), name)
        shown = dict.fromkeys(("setupshow", "setuponly", "setupplan"), False) | options
        config = SimpleNamespace(option=SimpleNamespace(**shown), pluginmanager=plugins)
        item = SimpleNamespace(fixturenames=list(fixtures), keywords=set(keywords))
        overhead.pytest_runtestloop(SimpleNamespace(config=config, items=[item]))
        return {name for name in NAMES if plugins.has_plugin(name)}

    return start


def test_checks_of_the_suite_need_none(left):
    """What no check needs is taken away."""
    assert left(fixtures=["api"], keywords=["must"]) == set()


@pytest.mark.parametrize(
    ("checks", "needed"),
    [
        ({"fixtures": ["anyio_backend"]}, {"anyio"}),
        ({"keywords": ["hypothesis"]}, {"hypothesispytest"}),
        ({"setupshow": True}, {"setuponly", "setupplan"}),
    ],
)
def test_what_a_check_or_an_option_needs_stays(left, checks, needed):
    """A coroutine, a check with @given and the options that show fixtures keep their plugins."""
    assert left(**checks) == needed
