"""Settings of an administrator make checks not applicable, and never let them fail."""

import pytest

from fixtures.embedded.server import EmbeddedServer
from tests.fork_server import ForkServer
from tests.runs import ROOT, run, target_file


@pytest.fixture(scope="module")
def fork_server():
    """A process that has collected the checks, for runs to fork off."""
    with ForkServer(ROOT) as process:
        yield process


@pytest.mark.parametrize(
    ("settings", "lacking"),
    [
        # A new installation of OpenEMR, with manual approval.
        pytest.param(
            "password_grant_off+system_scopes_off+manual_approval_on",
            {
                "oauth.password_grant": "the password grant is switched off",
                "oauth.password_grant_patients": "the password grant is switched off for patients",
                "oauth.client_credentials": "system scopes are switched off",
                "oauth.automatic_approval": "an administrator has to approve every app",
            },
            id="as_installed",
        ),
        pytest.param(
            "rest_api_off",
            {"rest": "the standard API is switched off"},
            id="fhir_only",
        ),
        pytest.param(
            "password_grant_for_staff+consent_by_scope",
            {"oauth.password_grant_patients": "the password grant is switched off for patients"},
            id="password_for_staff",
        ),
    ],
)
def test_no_check_fails_for_a_setting(fork_server, tmp_path, settings, lacking):
    """A conforming server conforms with every setting, and missing features have reasons."""
    with EmbeddedServer() as server:
        target = target_file(tmp_path, f"{server.url}/~{settings}")
        finished = fork_server.run(tmp_path, target=target)

    assert finished.exit_code == 0, finished.output
    assert not finished.verdicts("fail", "blocked", "warn")
    undeclared = finished.statement["target"]["not_declared"]
    assert {name for name in undeclared if name.startswith("oauth.")} <= {*lacking}
    for name, why in lacking.items():
        assert why in undeclared[name]


def test_server_without_registration_cannot_be_judged(tmp_path):
    """Without a client the run ends at once, with what to do."""
    with EmbeddedServer() as server:
        target = target_file(tmp_path, f"{server.url}/~registration_closed")
        finished = run(tmp_path / "results", f"--target={target}")

    assert finished.exit_code == 6
    assert "nobody is registered (POST " in finished.output
    assert "name [clients] for it" in finished.output
