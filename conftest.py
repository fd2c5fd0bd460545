"""Loads the plugins of the suite and nothing more."""

pytest_plugins = [
    "fixtures.target",
    "fixtures.actors",
    "fixtures.records",
    "fixtures.charts",
    "fixtures.clerk",
    "fixtures.resources",
    "fixtures.compartment",
    "fixtures.bulk",
    "fixtures.sessions",
    "fixtures.lifecycle",
    "fixtures.aging",
    "fixtures.launches",
    "fixtures.recording",
    "conformance.watch",
    "conformance.scopes",
    "conformance.keyring",
    "conformance.openapi",
    "reports.plugin",
]
