"""Each missed check of a run names the exchanges that it judged, whoever fetched them."""

import pytest

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer
from tests.runs import EMBEDDED, run, target_file

#: Seven defects of seven areas. Most of the responses that show them are shared by several checks,
#: so that another check has fetched them.
DEFECTS = (
    "secret_is_short",
    "email_always_verified",
    "wildcard_opens_silently",
    "bundle_total_is_page",
    "rest_create_is_200",
    "refreshed_auth_time_is_new",
    "smart_capability_repeated",
)
#: With these every miss fails its check.
OPTIONS = ("--deviations=none", "--level=PRACTICE")
CHECKS = (
    "conformance/oauth/test_registration.py",
    "conformance/oauth/test_id_token.py",
    "conformance/oauth/test_scope_grant.py",
    "conformance/oauth/test_refresh.py",
    "conformance/fhir/test_search_bundle.py",
    "conformance/rest/test_writing.py",
    "conformance/smart/test_configuration.py",
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A target file for a server with the defects."""
    with EmbeddedServer() as server:
        url = f"{server.url}/~{'+'.join(DEFECTS)}"
        yield target_file(tmp_path_factory.mktemp("target"), url, EMBEDDED)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_missed_check_names_what_it_judged(target, tmp_path, workers):
    """Every failed check has judged exchanges, and each of them is among its exchanges."""
    finished = run(tmp_path, "-n", workers, f"--target={target}", *OPTIONS, *CHECKS)

    failed = [
        (each["id"], check)
        for each in finished.statement["requirements"]
        for check in each["checks"]
        if check["verdict"] == "fail"
    ]
    proved = {proof for name in DEFECTS for proof in load()[name].proves}
    assert proved <= {identifier for identifier, _ in failed}, finished.output
    assert not [check["id"] for _, check in failed if not check.get("judged")]
    strays = {
        check["id"]: missing
        for _, check in failed
        if (missing := {*check["judged"]} - {one["id"] for one in check["exchanges"]})
    }
    assert not strays
