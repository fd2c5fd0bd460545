"""What a granted scope opens at the APIs: its own resource and interaction, and no other."""

from functools import cache

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.given.sessions import PLACES

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
WRITING = "openid api:oemr user/facility.write"
FHIR_WRITING = "openid api:fhir user/Patient.write"
#: The scopes of SMART 2 with one letter each to write allergies.
LETTERS = {letter: f"user/allergy.{letter}" for letter in "cud"}
ONE = "00000000-0000-4000-8000-000000000000"


def fhir_scope(*kinds):
    """Return the scope to read these types."""
    return " ".join(["openid", "api:fhir", *(f"user/{kind}.read" for kind in kinds)])


def rest_scope(*kinds):
    """Return the scope to read these resources of the standard API."""
    return " ".join(["openid", "api:oemr", *(f"user/{kind}.read" for kind in kinds)])


@pytest.fixture(scope="module")
def of_five(registrar):
    """A client that may ask for `rs` of each of the FHIR types, made once: `of_five()`."""
    scopes = (f"user/{kind}.rs" for kind in FHIR)
    return cache(lambda: registrar.confidential(" ".join(["openid api:fhir", *scopes])))


@requirement("SCOPE-matrix-read")
@pytest.mark.parametrize("spelling", ["read", pytest.param("rs", marks=V2)])
@pytest.mark.parametrize("kind", list(FHIR))
def test_fhir_scope_opens_its_type_only(api, tokens, sign_in, of_five, kind, spelling):
    """A scope to read one FHIR type opens that type and no other."""
    rs = f"openid api:fhir user/{kind}.rs"
    token = {
        "read": lambda: tokens.staff(fhir_scope(kind)),
        "rs": lambda: sign_in(rs, client=of_five()).access_token,
    }[spelling]()
    own = api.get(FHIR[kind], token, params={"_count": "1"})

    expect.status(own, 200)
    for other in FHIR.keys() - {kind}:
        expect.no_data(api.get(FHIR[other], token, params={"_count": "1"}), 401, 403, 404)


@requirement("SCOPE-matrix-rest")
@pytest.mark.parametrize("kind", list(REST))
def test_rest_scope_is_needed_for_its_resource(api, tokens, kind):
    """A route of the standard API needs the scope of its own resource."""
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
        pytest.param("fhir", marks=needs("fhir")),
    ],
)
def test_scope_to_read_does_not_write(api, place, name, interaction):
    """A scope to read permits no create and no update."""
    path, token = place(name)
    response = {
        "create": lambda: api.post(path, token, json={}),
        "update": lambda: api.put(f"{path}/{ONE}", token, json={}),
    }[interaction]()

    expect.no_data(response, 401, 403)


@requirement("SCOPE-write-not-read")
@pytest.mark.parametrize("interaction", ["search", "read"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("rest", marks=needs("rest")),
        pytest.param("fhir", marks=needs("fhir")),
    ],
)
def test_scope_to_write_does_not_read(api, tokens, name, interaction):
    """A scope to write permits no read and no search."""
    path, scope = {"rest": ("/api/facility", WRITING), "fhir": ("/fhir/Patient", FHIR_WRITING)}[
        name
    ]
    token = tokens.staff(scope)
    response = api.get({"search": path, "read": f"{path}/{ONE}"}[interaction], token)

    expect.no_data(response, 401, 403)


@requirement("SCOPE-v2-rs-split")
@pytest.mark.parametrize("letter", ["r", "s"])
def test_reading_letters_are_apart(api, patient, v2_token, letter):
    """The letter r of a scope permits to read only, and the letter s to search only."""
    token = v2_token(f"user/Patient.{letter}")
    read = api.get(f"/fhir/Patient/{patient.uuid}", token)
    search = api.get("/fhir/Patient", token, params={"_count": "1"})
    permitted, other = {"r": (read, search), "s": (search, read)}[letter]

    expect.status(permitted, 200)
    expect.no_data(other, 401, 403)


@requirement("SCOPE-v2-cud-split")
@writes
@pytest.mark.parametrize("letter", list(LETTERS))
def test_writing_letters_are_apart(api, new_client, new_session, letter):
    """The letters c, u and d of a scope permit their own interaction and no other."""
    client = new_client.confidential(" ".join(["openid api:oemr", *LETTERS.values()]))
    session = new_session(f"openid api:oemr {LETTERS[letter]}", client=client)
    # Nobody has this id, so that nothing is written; who may not ask is told so before.
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
def test_read_is_the_same_as_rs(api, patient, tokens, v2_token, interaction):
    """The permission read of SMART 1 permits what rs of SMART 2 does."""
    old, new = tokens.staff(fhir_scope("Patient")), v2_token("user/Patient.rs")
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
    """A token without the scope for a resource is answered with 403."""
    token = {
        "rest": lambda: tokens.staff(rest_scope("facility")),
        "fhir": lambda: tokens.staff(fhir_scope("Practitioner")),
        "portal": lambda: tokens.patient("openid api:port patient/appointment.read"),
    }[name]()
    response = api.get(PLACES[name][0], token)

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
    """The refusal of a token without the scope says insufficient_scope in its challenge."""
    token = {
        "rest": lambda: tokens.staff(rest_scope("facility")),
        "fhir": lambda: tokens.staff(fhir_scope("Practitioner")),
    }[name]()
    response = api.get(PLACES[name][0], token)

    expect.refused(response)
    expect.header(response, "WWW-Authenticate", contains="insufficient_scope")


@requirement("SCOPE-case-sensitive")
@pytest.mark.parametrize("name", ["rest", "fhir"])
def test_letter_case_of_a_resource_counts(api, tokens, name):
    """The scope of a resource does not open the one that differs in capital letters only."""
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
def test_family_scope_is_needed(api, tokens, name):
    """The standard API needs the scope api:oemr, and the portal API the scope api:port."""
    token = {
        "rest": lambda: tokens.staff("openid api:fhir user/patient.read"),
        "portal": lambda: tokens.patient("openid api:fhir patient/patient.read"),
    }[name]()
    response = api.get(PLACES[name][0], token)

    expect.no_data(response, 401, 403)


@requirement("OPENEMR-SCOPE-docref")
def test_docref_needs_its_own_scope(api, patient, new_session, log_in_again):
    """The operation $docref needs its own scope."""
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
    """Each entry of a batch is authorized on its own, where batches are taken at all."""
    token = tokens.staff(fhir_scope("Practitioner"))
    entries = [{"request": {"method": "GET", "url": url}} for url in ("Practitioner", "Patient")]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    response = api.post("/fhir", token, json=bundle)

    answered = response.status_code in range(200, 502)
    expect.that(answered, "an answer", response.status_code, response)
    body = response.json() if response.is_success else {}
    answers = [each.get("resource", {}) for each in body.get("entry", [])]
    shown = [each for each in answers if "Patient" in str(each.get("entry", each))]
    expect.equal(shown, [], "what the second entry shows", response)
