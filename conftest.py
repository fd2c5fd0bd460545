"""Loads the plugins of the suite and nothing more."""

pytest_plugins = [
    "fixtures.target",
    "fixtures.actors",
    "fixtures.records",
    "fixtures.resources",
    "fixtures.chart",
    "fixtures.bulk",
    "fixtures.sessions",
    "fixtures.lifecycle",
    "fixtures.aging",
    "fixtures.launches",
    "fixtures.recording",
    "conformance.watch",
    "reports.plugin",
]
