"""oidc-provider, an OpenID-certified server, is judged by the OAuth part of the suite.

Each configuration is a choice that the specifications leave to a server. A miss is a false alarm of
the suite, or a true finding that oauth_misses.toml argues for.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest

from conformance.routes import table
from tests.referee import npm_server
from tests.runs import ROOT, run, target_file

HERE = Path(__file__).parent
SERVER = HERE / "oauth"
MISSES = tomllib.loads((HERE / "oauth_misses.toml").read_text("utf-8")).get("miss", [])
CONFIGURATIONS = {
    "default": "",
    "jwt": "jwt",
    "pairwise": "pairwise",
    "remembered_consent": "remembered_consent",
    "less": "no_rotation,no_management,optional_pkce,no_cors",
}
#: The many checks of all routes are judged once.
ROUTES = ["conformance/oauth/test_route_scopes.py", "conformance/oauth/test_scope_matrix.py"]
TARGET = f"""{npm_server.PATIENTS}[features]
administration = false
"fhir.bulk_export" = false
"fhir.docref" = false
"""


@pytest.fixture(scope="session")
def facts(tmp_path_factory):
    """The file of scopes and routes that the server offers: those of the suite's tables."""
    npm_server.install(SERVER)
    routes = [
        {
            "method": route.method,
            "pattern": f"^{re.sub(r':[A-Za-z_]+', '[^/]+', route.path).replace('$', '[$]')}/?$",
            "family": route.family,
            "scopes": {role: f"{table.CONTEXT[role]}/{route.v1}" for role in route.roles},
        }
        for api in table.APIS
        for route in table.load(api)
        if not route.open
    ]
    routes.sort(key=lambda route: "[^/]" in route["pattern"])
    scopes = {scope for route in routes for scope in route["scopes"].values()}
    scopes |= {"openid", "offline_access", "fhirUser", "profile", "email", "phone", "address"}
    scopes |= {"api:oemr", "api:fhir", "api:port", "launch/patient", "online_access"}
    path = tmp_path_factory.mktemp("oauth") / "facts.json"
    path.write_text(json.dumps({"routes": routes, "scopes": sorted(scopes)}), "utf-8")
    return path


def argued(configuration):
    """Return the requirements that may be missed in a configuration."""
    return {
        each["requirement"]
        for each in MISSES
        if configuration in each.get("configurations", CONFIGURATIONS)
    }


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_only_argued_requirements_are_missed(facts, tmp_path, configuration):
    """A requirement that is missed, warned of or blocked is in the list, and no other is."""
    ignored = [] if configuration == "default" else [f"--ignore={ROOT / path}" for path in ROUTES]
    environment = {"CHOICES": CONFIGURATIONS[configuration], "FACTS": str(facts)}
    with npm_server.running(SERVER, "provider.mjs", tmp_path / "server.log", **environment) as url:
        finished = run(
            tmp_path / "results",
            "conformance/oauth",
            "conformance/smart",
            "-n2",
            "--deviations=none",
            f"--target={target_file(tmp_path, url, TARGET)}",
            *ignored,
        )

    assert finished.exit_code in (0, 1), finished.output
    missed = finished.verdicts("fail", "warn", "blocked")
    assert {*missed} == argued(configuration), finished.output
