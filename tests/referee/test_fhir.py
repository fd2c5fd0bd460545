"""Medplum's FHIR server, which nobody here wrote, is judged by the FHIR part of the suite.

Each configuration is a set of choices that FHIR R4 leaves to a server. A miss is a false alarm of
the suite, or a true finding that fhir_misses.toml argues for.
"""

import json
import tomllib
from pathlib import Path

import pytest

from conformance.routes import table
from tests.referee import npm_server
from tests.runs import run, target_file

HERE = Path(__file__).parent
OAUTH, FHIR = HERE / "oauth", HERE / "fhir"
MISSES = tomllib.loads((HERE / "fhir_misses.toml").read_text("utf-8")).get("miss", [])
#: The choices (tests/referee/fhir/medplum.mjs), and the checks that they concern.
CONFIGURATIONS = {
    "base": ("", ["conformance/fhir"]),
    "all_choices": ("outcome,rich,urn,versioned,delete", ["conformance/fhir"]),
    "readonly": (
        "readonly",
        [
            "conformance/fhir/test_writing.py",
            "conformance/fhir/test_undeclared_writes.py",
            "conformance/fhir/test_write_headers.py",
            "conformance/fhir/test_versions.py",
            "conformance/fhir/test_metadata.py",
            "conformance/fhir/test_capabilities.py",
        ],
    ),
}


@pytest.fixture(scope="session")
def facts(tmp_path_factory):
    """The file of scopes that the server offers: those of the suite's tables of routes."""
    npm_server.install(OAUTH)
    npm_server.install(FHIR)
    scopes = {
        f"{table.CONTEXT[role]}/{route.v1}"
        for api in table.APIS
        for route in table.load(api)
        if not route.open and "$" not in route.path
        for role in route.roles
    }
    scopes |= {"openid", "offline_access", "online_access", "fhirUser", "profile", "email"}
    scopes |= {"address", "phone", "launch/patient", "api:oemr", "api:fhir", "api:port"}
    path = tmp_path_factory.mktemp("fhir") / "facts.json"
    path.write_text(json.dumps({"routes": [], "scopes": sorted(scopes)}), "utf-8")
    return path


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_only_argued_checks_are_missed(facts, tmp_path, configuration):
    """A check that fails, warns or is blocked is in the list, and every check of the list does."""
    choices, paths = CONFIGURATIONS[configuration]
    environment = {"CHOICES": choices, "FACTS": str(facts), "APIS": "../fhir/apis.mjs"}
    with npm_server.running(OAUTH, "provider.mjs", tmp_path / "server.log", **environment) as url:
        target = target_file(tmp_path, url, npm_server.PATIENTS)
        finished = run(
            tmp_path / "results", *paths, "-n0", "--deviations=none", f"--target={target}"
        )

    assert finished.exit_code in (0, 1), finished.output
    verdicts = {
        (requirement["id"], check["id"].rpartition("::")[2]): check["verdict"]
        for requirement in finished.statement["requirements"]
        for check in requirement["checks"]
    }
    missed = {each for each, verdict in verdicts.items() if verdict in {"fail", "warn", "blocked"}}
    argued = {(miss["requirement"], check) for miss in MISSES for check in miss["checks"]}
    if configuration == "readonly":  # runs few checks, and those of writes are not applicable
        argued = {each for each in argued if verdicts.get(each, "n/a") != "n/a"}
    assert missed == argued, finished.output


def test_argument_names_requirement_reason_and_source():
    """Each entry of the list can be followed up."""
    for miss in MISSES:
        assert miss["checks"], miss
        assert miss["reason"].endswith("."), miss
        assert miss["source"].startswith("https://"), miss
