"""A granted scope opens its own resource and interaction at the APIs, and nothing else."""

from functools import cache

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.given.controls import require_success
from fixtures.given.sessions import API_PATHS

FHIR = {
    "Patient": "/fhir/Patient",
    "Practitioner": "/fhir/Practitioner",
    "Organization": "/fhir/Organization",
    "Observation": "/fhir/Observation",
    "Encounter": "/fhir/Encounter",
}
REST = {
    "patient": "/api/patient",
    "facility": "/api/facility",
    "practitioner": "/api/practitioner",
    "user": "/api/user",
}
V2 = needs("smart.v2_scopes")
#: The scopes of SMART 2 to write allergies, with one letter each.
LETTERS = {letter: f"user/allergy.{letter}" for letter in "cud"}
ONE = "00000000-0000-4000-8000-000000000000"


def fhir_scope(*kinds):
    """Return the scope to read these types."""
    return " ".join(["openid", "api:fhir", *(f"user/{kind}.read" for kind in kinds)])


def rest_scope(*kinds):
    """Return the scope to read these resources of the standard API."""
    return " ".join(["openid", "api:oemr", *(f"user/{kind}.read" for kind in kinds)])


@pytest.fixture(scope="module")
def client_for_five_types(registrar):
    """A client that may request `rs` of each FHIR type here, made once."""
    scopes = (f"user/{kind}.rs" for kind in FHIR)
    return cache(lambda: registrar.confidential(" ".join(["openid api:fhir", *scopes])))


@requirement("SCOPE-matrix-read")
@pytest.mark.parametrize("spelling", ["read", pytest.param("rs", marks=V2)])
@pytest.mark.parametrize("kind", list(FHIR))
def test_fhir_scope_opens_its_type_only(
    api, tokens, new_shared_session, client_for_five_types, kind, spelling
):
    rs = f"openid api:fhir user/{kind}.rs"
    token = {
        "read": lambda: tokens.staff(fhir_scope(kind)),
        "rs": lambda: new_shared_session(rs, client=client_for_five_types()).access_token,
    }[spelling]()
    own = api.get(FHIR[kind], token, params={"_count": "1"})

    expect.status(own, 200)
    for other in FHIR.keys() - {kind}:
        expect.no_data(api.get(FHIR[other], token, params={"_count": "1"}), 401, 403, 404)


@requirement("SCOPE-matrix-rest")
@pytest.mark.parametrize("kind", list(REST))
def test_rest_scope_is_needed_for_its_resource(api, tokens, kind):
    own = api.get(REST[kind], tokens.staff(rest_scope(kind)))

    expect.status(own, 200)
    for other in REST.keys() - {kind}:
        expect.no_data(api.get(REST[kind], tokens.staff(rest_scope(other))), 401, 403)


@requirement("SCOPE-read-not-write")
@pytest.mark.parametrize("interaction", ["create", "update"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=needs("rest")),
        pytest.param("fhir", marks=needs("fhir.patient_create", "fhir.patient_update")),
    ],
)
def test_scope_to_read_does_not_write(api, api_path_and_token, name, interaction):
    path, token = api_path_and_token(name)
    response = {
        "create": lambda: api.post(path, token, json={}),
        "update": lambda: api.put(f"{path}/{ONE}", token, json={}),
    }[interaction]()

    expect.no_data(response, 401, 403)


@requirement("SCOPE-write-not-read")
@pytest.mark.parametrize(
    "below", [pytest.param("", id="search"), pytest.param(f"/{ONE}", id="read")]
)
@pytest.mark.parametrize(
    ("path", "scope"),
    [
        pytest.param(
            "/api/facility",
            "openid api:oemr user/facility.write",
            marks=needs("rest"),
            id="rest",
        ),
        pytest.param(
            "/fhir/Patient",
            "openid api:fhir user/Patient.write",
            marks=needs("fhir"),
            id="fhir",
        ),
    ],
)
def test_scope_to_write_does_not_read(api, tokens, path, scope, below):
    reading = tokens.staff(scope.replace(".write", ".read"))
    require_success(api.get(path, reading), "a token to read")
    response = api.get(f"{path}{below}", tokens.staff(scope))

    expect.no_data(response, 401, 403)


@requirement("SCOPE-v2-rs-split")
@pytest.mark.parametrize("letter", ["r", "s"])
def test_reading_letters_are_apart(api, patient, smart_v2_token, letter):
    token = smart_v2_token(f"user/Patient.{letter}")
    read = api.get(f"/fhir/Patient/{patient.uuid}", token)
    search = api.get("/fhir/Patient", token, params={"_count": "1"})
    permitted, other = {"r": (read, search), "s": (search, read)}[letter]

    expect.status(permitted, 200)
    expect.no_data(other, 401, 403)


@requirement("SCOPE-v2-cud-split")
@writes
@pytest.mark.parametrize("letter", list(LETTERS))
def test_writing_letters_are_apart(api, new_client, new_session, letter):
    client = new_client.confidential(" ".join(["openid api:oemr", *LETTERS.values()]))
    session = new_session(f"openid api:oemr {LETTERS[letter]}", client=client)
    # No patient has this id, so that nothing is written. A missing scope is refused before that.
    path = f"/api/patient/{ONE}/allergy"
    calls = {
        "c": lambda: api.post(path, session.access_token, json={}),
        "u": lambda: api.put(f"{path}/{ONE}", session.access_token, json={}),
        "d": lambda: api.delete(f"{path}/{ONE}", session.access_token),
    }
    own = calls[letter]()

    expect.that(own.status_code not in {401, 403}, f"{letter} permitted", own.status_code, own)
    for other in calls.keys() - {letter}:
        expect.no_data(calls[other](), 401, 403)


@requirement("SCOPE-v1-v2-equivalence")
@pytest.mark.parametrize("interaction", ["search", "read", "create"])
def test_read_is_the_same_as_rs(api, patient, tokens, smart_v2_token, interaction):
    old, new = tokens.staff(fhir_scope("Patient")), smart_v2_token("user/Patient.rs")
    call = {
        "search": lambda token: api.get("/fhir/Patient", token, params={"_count": "1"}),
        "read": lambda token: api.get(f"/fhir/Patient/{patient.uuid}", token),
        "create": lambda token: api.post("/fhir/Patient", token, json={}),
    }[interaction]
    first, second = call(old), call(new)

    expect.equal(second.status_code, first.status_code, "the status with rs", [second, first])


@requirement("RFC6750-3.1-insufficient-scope")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=needs("rest"), id="rest"),
        pytest.param("fhir", marks=needs("fhir"), id="fhir"),
        pytest.param("portal", marks=needs("portal", "patients"), id="portal"),
    ],
)
def test_missing_scope_is_answered_with_403(api, tokens, name):
    token = {
        "rest": lambda: tokens.staff(rest_scope("facility")),
        "fhir": lambda: tokens.staff(fhir_scope("Practitioner")),
        "portal": lambda: tokens.patient("openid api:port patient/appointment.read"),
    }[name]()
    response = api.get(API_PATHS[name][0], token)

    expect.no_data(response, 403)


@requirement("RFC6750-3.1-insufficient-scope-said")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=needs("rest"), id="rest"),
        pytest.param("fhir", marks=needs("fhir"), id="fhir"),
    ],
)
def test_missing_scope_is_named_in_the_challenge(api, tokens, name):
    token = {
        "rest": lambda: tokens.staff(rest_scope("facility")),
        "fhir": lambda: tokens.staff(fhir_scope("Practitioner")),
    }[name]()
    response = api.get(API_PATHS[name][0], token)

    expect.refused(response)
    expect.header(response, "WWW-Authenticate", contains="insufficient_scope")


@requirement("SCOPE-case-sensitive")
@pytest.mark.parametrize("name", ["rest", "fhir"])
def test_letter_case_of_a_resource_counts(api, tokens, name):
    scope = "openid api:oemr api:fhir"
    own, path, scope = {
        "rest": ("/api/patient", "/fhir/Patient", f"{scope} user/patient.read"),
        "fhir": ("/fhir/Patient", "/api/patient", f"{scope} user/Patient.read"),
    }[name]
    token = tokens.staff(scope)
    control = api.get(own, token)
    response = api.get(path, token)

    expect.status(control, 200)
    expect.no_data(response, 401, 403)


@requirement("OPENEMR-SCOPE-api-family")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=[needs("rest"), V2], id="rest"),
        pytest.param("portal", marks=[needs("portal", "patients"), V2], id="portal"),
    ],
)
def test_family_scope_is_needed(api, api_path_and_token, tokens, name):
    path, _ = api_path_and_token(name)
    token = {
        "rest": lambda: tokens.staff("openid api:fhir user/patient.read"),
        "portal": lambda: tokens.patient("openid api:fhir patient/patient.read"),
    }[name]()
    response = api.get(path, token)

    expect.no_data(response, 401, 403)


@requirement("OPENEMR-SCOPE-docref")
def test_docref_needs_its_own_scope(api, patient, new_session, log_in_again):
    reading = "openid api:fhir user/Patient.read user/DocumentReference.read"
    own = f"{reading} user/DocumentReference.$docref"
    parameters = {"patient": patient.uuid}
    path = "/fhir/DocumentReference/$docref"
    session = new_session(own)
    with_it = api.post(path, session.access_token, params=parameters)
    without = log_in_again(session, scope=reading)
    response = api.post(path, without.access_token, params=parameters)

    expect.that(with_it.status_code not in {401, 403}, "no refusal", with_it.status_code, with_it)
    expect.no_data(response, 401, 403)


@requirement("SCOPE-batch")
def test_batch_is_authorized_entry_by_entry(api, tokens):
    token = tokens.staff(fhir_scope("Practitioner"))
    entries = [{"request": {"method": "GET", "url": url}} for url in ("Practitioner", "Patient")]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    response = api.post("/fhir", token, json=bundle)

    answered = response.status_code in range(200, 502)
    expect.that(answered, "an answer", response.status_code, response)
    body = response.json() if response.is_success else {}
    answers = [each.get("resource", {}) for each in body.get("entry", [])]
    shown = [each for each in answers if "Patient" in str(each.get("entry", each))]
    expect.equal(shown, [], "the entries that the second request shows", response)
