"""The consent page as a browser uses it: what is left ticked is granted, and nothing else.

The page is filled in and sent as a browser does it, scripts included. The letters and categories
are the page's doing: a finding is one of the server, page and all.
"""

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver.scope_rights import covers, rights
from fixtures.wire.client import Blocked
from fixtures.wire.exchanges import exchange_line

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LABORATORY, VITAL_SIGNS = f"{CATEGORY}|laboratory", f"{CATEGORY}|vital-signs"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-category"
PROBLEM, DIAGNOSIS = "problem-list-item", "encounter-diagnosis"
V2 = needs("fhir", "smart.v2_scopes")
GRANULAR = needs("fhir", "smart.granular_scopes")
LAUNCH = needs("fhir", "smart.v2_scopes", "smart.standalone_launch", "patients")
PATIENT = needs("fhir", "smart.granular_scopes", "patients", "smart.standalone_launch")

STAFF = "openid api:fhir"
VERSION_ONE = f"{STAFF} user/Patient.read user/Organization.read"
VERSION_TWO = f"{STAFF} user/Patient.rs user/Organization.rs"
BOTH_CONTEXTS = f"openid launch/patient {STAFF} user/Patient.rs patient/Patient.rs"
BOTH_VERSIONS = "openid api:oemr user/patient.read user/patient.cu"
OTHERS = f"{VERSION_ONE} fhirUser offline_access"
#: One resource in several scopes, which together mean one scope with all of their letters.
SPLIT = {
    "read": f"{STAFF} user/Patient.r user/Patient.s",
    "write": "openid api:oemr user/patient.r user/patient.c user/patient.u",
    "read_and_write": "openid api:oemr user/patient.rs user/patient.cu",
}
TWO_CATEGORIES = (
    f"{STAFF} user/Observation.rs?category={LABORATORY} user/Observation.rs?category={VITAL_SIGNS}"
)
PATIENT_CATEGORIES = (
    f"openid launch/patient api:fhir patient/Observation.rs?category={LABORATORY} "
    f"patient/Observation.rs?category={VITAL_SIGNS}"
)
#: The categories of a request that names none are on the page all the same.
EVERY_CATEGORY = f"{STAFF} user/Observation.rs"


def narrowed(scope, category):
    """Return the reading scope of a request, narrowed by a category."""
    context = "patient" if "patient/Observation" in scope else "user"
    return f"{context}/Observation.rs?category={category}"


def expect_approved(consent):
    """Expect that all rights to resources that were left ticked are granted."""
    lost = [str(one) for one in consent.approved if one.letter and not covers(consent.granted, one)]
    expect.equal(lost, [], "what was left ticked and not granted", consent.judged)


def expect_nothing_else(consent):
    """Expect that no right is granted that was not left ticked."""
    approved = {*consent.approved}
    more = [
        str(one)
        for one in rights(consent.granted)
        if one in consent.refused
        or (one.letter and approved.isdisjoint({one, one._replace(category="")}))
    ]
    expect.equal(more, [], "what is granted and was not ticked", consent.judged)


@requirement("RFC6749-3.3-consent-ticked")
@pytest.mark.parametrize(
    ("scope", "unticked", "again"),
    [
        pytest.param(VERSION_ONE, [], False, marks=needs("fhir", "smart.v1_scopes"), id="all"),
        pytest.param(VERSION_TWO, [], False, marks=V2, id="all_version_two"),
        pytest.param(
            "openid api:oemr user/patient.read user/patient.write",
            [],
            False,
            marks=needs("rest"),
            id="read_and_write",
        ),
        pytest.param(
            BOTH_VERSIONS, [], False, marks=needs("rest", "smart.v2_scopes"), id="both_versions"
        ),
        pytest.param(BOTH_CONTEXTS, [], False, marks=LAUNCH, id="both_contexts"),
        pytest.param(TWO_CATEGORIES, [], False, marks=GRANULAR, id="two_categories"),
        pytest.param(
            VERSION_ONE,
            ["user/Organization.read"],
            False,
            marks=needs("fhir", "smart.v1_scopes"),
            id="one_resource",
        ),
        pytest.param(VERSION_TWO, ["user/Patient.s"], False, marks=V2, id="one_letter"),
        pytest.param(VERSION_TWO, ["user/Patient.s"], True, marks=V2, id="ticked_again"),
    ],
)
def test_what_is_left_ticked_is_granted(browser_consent, scope, unticked, again):
    expect_approved(browser_consent(scope, *unticked, again=again))


@requirement("RFC6749-3.3-consent-ticked")
@needs("fhir", "smart.v1_scopes")
def test_scopes_without_a_resource_that_are_left_ticked_are_granted(browser_consent):
    consent = browser_consent(OTHERS)

    # A token response without `api:...` is a matter of RFC6749-3.3-scope-truthful.
    names = [str(right) for right in consent.approved if not right.letter]
    plain = [name for name in names if not name.startswith("api:")]
    lost = [scope for scope in plain if scope not in consent.granted]
    expect.equal(lost, [], "what was left ticked and not granted", consent.judged)


@requirement("SMART-2.2-scope-equivalence")
@pytest.mark.parametrize(
    "split",
    [
        pytest.param("read", marks=needs("fhir")),
        pytest.param("write", marks=needs("rest")),
        pytest.param("read_and_write", marks=needs("rest")),
    ],
)
def test_scopes_of_one_resource_are_all_granted(browser_consent, split):
    expect_approved(browser_consent(SPLIT[split]))


@requirement("RFC6749-authz-consent-subset")
@pytest.mark.parametrize(
    ("scope", "unticked"),
    [
        pytest.param(
            VERSION_ONE,
            ["user/Organization.read"],
            marks=needs("fhir", "smart.v1_scopes"),
            id="one_resource",
        ),
        pytest.param(VERSION_TWO, ["user/Patient.s"], marks=V2, id="one_letter"),
        pytest.param(BOTH_CONTEXTS, ["user/Patient.rs"], marks=LAUNCH, id="one_context"),
        pytest.param(OTHERS, ["fhirUser"], marks=needs("fhir", "smart.v1_scopes"), id="fhir_user"),
        pytest.param(BOTH_VERSIONS, [], marks=needs("rest", "smart.v2_scopes"), id="both_versions"),
        pytest.param(BOTH_CONTEXTS, [], marks=LAUNCH, id="both_contexts"),
    ],
)
@pytest.mark.usefixtures("code_exchange_control")
def test_what_is_unticked_is_not_granted(browser_consent, scope, unticked):
    expect_nothing_else(browser_consent(scope, *unticked))


@requirement("ONC-G10-consent-categories")
@pytest.mark.parametrize(
    ("scope", "user"),
    [
        pytest.param(TWO_CATEGORIES, "admin", id="requested"),
        pytest.param(PATIENT_CATEGORIES, "patient", marks=PATIENT, id="requested_of_a_patient"),
        pytest.param(EVERY_CATEGORY, "admin", id="not_requested"),
    ],
)
def test_category_that_is_unticked_is_not_granted(browser_consent, scope, user):
    consent = browser_consent(scope, narrowed(scope, LABORATORY), user=user)

    expect_nothing_else(consent)
    expect_approved(consent)


@requirement("SMART-2.2-consent-ticked-open")
@pytest.mark.parametrize(
    ("scope", "unticked"),
    [
        pytest.param(
            VERSION_ONE, "user/Organization.read", marks=needs("smart.v1_scopes"), id="one_resource"
        ),
        pytest.param(VERSION_TWO, "user/Organization.rs", marks=V2, id="version_two"),
    ],
)
def test_what_is_left_ticked_opens_its_resource(browser_consent, api, scope, unticked):
    consent = browser_consent(scope, unticked)
    response = api.get("/fhir/Patient?_count=1", consent.access_token)

    expect.that(
        response.status_code == 200, "200", response.status_code, [response, *consent.judged]
    )


@requirement("SMART-2.2-consent-unticked-closed")
@pytest.mark.parametrize(
    ("scope", "unticked", "path"),
    [
        pytest.param(
            VERSION_ONE,
            "user/Organization.read",
            "/fhir/Organization",
            marks=needs("smart.v1_scopes"),
            id="one_resource",
        ),
        pytest.param(
            VERSION_TWO, "user/Patient.s", "/fhir/Patient?_count=1", marks=V2, id="one_letter"
        ),
    ],
)
@pytest.mark.usefixtures("fhir_api_control")
def test_what_is_unticked_stays_closed(browser_consent, api, scope, unticked, path):
    consent = browser_consent(scope, unticked)
    response = api.get(path, consent.access_token)

    expect.no_data(response, 401, 403, because=f"the user unticked {unticked}")


@requirement("SMART-2.2-consent-unticked-closed")
@writes
@needs("rest", "administration", "smart.granular_scopes")
def test_category_that_is_unticked_stays_closed(browser_consent, api, tokens, records):
    owner = records.patient()
    records.add("medical_problem", owner)
    path = f"/fhir/Condition?patient={owner.uuid}"
    proof = api.get(path, tokens.staff(f"{STAFF} fhirUser user/Condition.read"))
    if proof.status_code != 200 or PROBLEM not in proof.text:
        line = exchange_line(proof.request, proof)
        raise Blocked(f"staff with the whole scope do not even see the problem: {line}")
    both = [f"user/Condition.rs?category={CONDITION}|{each}" for each in (PROBLEM, DIAGNOSIS)]
    consent = browser_consent(" ".join([STAFF, *both]), both[0])
    response = api.get(path, consent.access_token)

    expect.no_server_error(response)
    judged = [response, *consent.judged]
    shown = PROBLEM in response.text
    expect.that(not shown, "no problem: the user unticked them", "a problem", judged)
