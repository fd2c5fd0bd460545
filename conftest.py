"""Loads the plugins of the suite: options and hooks, and the fixtures that checks take."""

import pytest

pytest.register_assert_rewrite("fixtures.given", "conformance.routes")

pytest_plugins = [
    "fixtures.plugin.hooks",
    "fixtures.given.actors",
    "fixtures.given.app",
    "fixtures.given.app_installation",
    "fixtures.given.authorizations",
    "fixtures.given.bulk_export",
    "fixtures.given.changed_records",
    "fixtures.given.client_libraries",
    "fixtures.given.consents",
    "fixtures.given.controls",
    "fixtures.given.curl_commands",
    "fixtures.given.ended_sessions",
    "fixtures.given.exclusive",
    "fixtures.given.expiring",
    "fixtures.given.fastapi_service",
    "fixtures.given.faulty_redemptions",
    "fixtures.given.fhir_resources",
    "fixtures.given.launches",
    "fixtures.given.marked_records",
    "fixtures.given.patient_compartment",
    "fixtures.given.records",
    "fixtures.given.server_settings",
    "fixtures.given.sessions",
    "fixtures.given.staff_accounts",
    "fixtures.given.token_life",
    "fixtures.given.upgraded",
    "conformance.plugin",
    "conformance.routes.openapi",
    "conformance.routes.route_tokens",
    "conformance.routes.scope_table",
    "reports.plugin",
]
