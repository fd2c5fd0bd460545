"""FHIR searches of clinical apps: those of US Core, inclusion, scopes, $docref."""

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import entries, found, ids
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # the patients who are found are made by the run

CATEGORY = ("category", lambda one: at(one, "category", 0, "coding", 0, "code"))
STATUS = ("status", lambda one: at(one, "status"))
INTENT = ("intent", lambda one: at(one, "intent"))
#: The searches of US Core that combine `patient` with other parameters, and how to get values.
COMBINED = {
    "Encounter-date": ("Encounter", [("date", lambda one: since(at(one, "period", "start")))]),
    "MedicationRequest-intent": ("MedicationRequest", [INTENT]),
    "MedicationRequest-intent-status": ("MedicationRequest", [INTENT, STATUS]),
    "Observation-category": ("Observation", [CATEGORY]),
    "Observation-code": (
        "Observation",
        [("code", lambda one: at(one, "code", "coding", 0, "code"))],
    ),
    "Observation-category-date": (
        "Observation",
        [
            CATEGORY,
            (
                "date",
                lambda one: since(
                    at(one, "effectiveDateTime")
                    or at(one, "effectiveInstant")
                    or at(one, "effectivePeriod", "start")
                ),
            ),
        ],
    ),
}
#: The dates of the care that documents are about.
DOCUMENTS = {
    "current": {},
    "dates": {"start": "2000-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z"},
}
#: Searches of US Core for which a server may demand a status.
WITH_STATUS = {
    "Encounter": {},
    "MedicationRequest": {"intent": "order"},
    "Observation": {"category": "vital-signs"},
    "Procedure": {},
}
LIMITED = "openid api:fhir fhirUser user/AllergyIntolerance.read"
INCLUDING = {
    "include": {"_include": "AllergyIntolerance:patient"},
    "revinclude": {"_revinclude": "Provenance:target"},
}
ESCAPED = {
    "comma": "\\,",
    "dollar": "\\$",
    "bar": "\\|",
    "backslash": "\\\\",
}


@pytest.fixture
def allergy_search(resources):
    """Searches the allergies of the shared patient."""

    def search(token=None, **params):
        resources.key("AllergyIntolerance")
        params = {"patient": resources.person.uuid} | params
        token = token or resources.token
        return resources.api.get("/fhir/AllergyIntolerance", token, params=params)

    return search


@pytest.fixture(scope="module")
def prefix_patient(records):
    """A patient whose family name is the beginning of other names."""
    return records.patient()


@requirement("FHIR-search-mode")
@pytest.mark.parametrize("kind", ["Patient", "Observation"])
def test_entry_says_how_it_came_into_the_bundle(compartment, kind):
    response = compartment.search(kind)

    expect.that(found(response), f"the {kind}", response, response)
    modes = {(one.get("search") or {}).get("mode") for one in json_body(response)["entry"]}
    expect.that(modes <= {"match", "include", "outcome"}, "search.mode", modes, response)


@requirement("FHIR-search-include")
@pytest.mark.parametrize("case", INCLUDING)
def test_inclusion_takes_no_match_away(resources, allergy_search, case):
    key = resources.key("AllergyIntolerance")
    response = allergy_search(**INCLUDING[case])

    expect.status(response, 200)
    expect.that(
        key in ids(response), "the allergy, as without the inclusion", ids(response), response
    )


@requirement("FHIR-search-missing-scope")
@pytest.mark.parametrize("case", INCLUDING)
@pytest.mark.usefixtures("fhir_api_control")
def test_inclusion_gives_nothing_beyond_the_scopes(tokens, allergy_search, case):
    if case == "revinclude" and "Provenance" not in kinds_of(allergy_search(**INCLUDING[case])):
        not_applicable("the server has no Provenance of the record to include")
    response = allergy_search(tokens.staff(LIMITED), **INCLUDING[case])

    expect.no_server_error(response)
    kinds = kinds_of(response)
    words = "no resource of a type without a scope of the token"
    expect.that(kinds <= {"AllergyIntolerance", "OperationOutcome"}, words, kinds, response)


@requirement("FHIR-search-missing-scope")
@pytest.mark.parametrize("name", ["family", "birthdate"])
@pytest.mark.usefixtures("fhir_api_control")
def test_chained_parameter_tells_nothing_beyond_the_scopes(
    tokens, allergy_search, shared_patient, name
):
    real = {"family": shared_patient.family, "birthdate": shared_patient.fields["DOB"]}[name]
    wrong = {"family": "Nobodyatall", "birthdate": "1899-01-01"}[name]
    token = tokens.staff(LIMITED)
    answers = [allergy_search(token, **{f"patient.{name}": value}) for value in (real, wrong)]

    told = [(one.status_code, ids(one)) for one in answers]
    expect.equal(told[0], told[1], "the answer for the right value and for a wrong one", answers)


@requirement("FHIR-search-escape")
@pytest.mark.parametrize("sign", ESCAPED)
def test_escaped_sign_is_part_of_the_value(resources, records, prefix_patient, sign):
    plain = ESCAPED[sign][1:]
    mine = records.patient(lname=f"{prefix_patient.family}{plain}Junior")
    response = resources.search("Patient", {"family": f"{prefix_patient.family}{ESCAPED[sign]}J"})

    expect.status(response, 200)
    matches = resources.all_ids(response)
    expect.that(mine.uuid in matches, "the patient with the sign in the name", matches, response)
    # Others may be found too: punctuation is best ignored (FHIR R4 section 3.1.1.4.8).
    words = "no patient whose name ends before the sign"
    expect.that(prefix_patient.uuid not in matches, words, matches, response)


@requirement("USCORE-patient-search-set")
@pytest.mark.parametrize("names", ["identifier", "name", "birthdate-name", "gender-name"])
def test_patient_is_found_as_apps_ask(resources, shared_patient, names):
    resources.need_us_core("Patient")
    body = json_body(resources.read("Patient"))
    every = {
        "identifier": (body.get("identifier") or [{}])[0].get("value"),
        "name": shared_patient.family,
        "birthdate": shared_patient.fields["DOB"],
        "gender": shared_patient.fields["sex"].lower(),
    }
    response = resources.get_once("/Patient", {name: every[name] for name in names.split("-")})

    expect.status(response, 200)
    matches = resources.all_ids(response)
    expect.that(shared_patient.uuid in matches, "the patient", matches, response)


@requirement("USCORE-patient-category-searches")
@pytest.mark.parametrize("case", COMBINED)
def test_resource_is_found_by_patient_and_more(compartment, case):
    kind, more = COMBINED[case]
    compartment.need_us_core(kind)
    every = compartment.resources(kind)
    expect.that(every, f"the {kind} that was made", "none", compartment.search(kind))
    searched = [(one, {name: value(one) for name, value in more}) for one in every]
    one, params = next((each for each in searched if all(each[1].values())), (None, {}))
    if one is None:
        not_applicable(f"no {kind} has all elements of the search")
    params |= {"patient": compartment.person.uuid}
    response = compartment.get(f"/{kind}", params=params)
    if response.status_code == 400 and "status" not in params and one.get("status"):
        # A server may demand a status (US Core, Search for Servers Requiring Status).
        response = compartment.get(f"/{kind}", params=params | {"status": one["status"]})

    expect.status(response, 200)
    words, matches = f"{kind}/{one['id']}, which has {params}", compartment.all_ids(response)
    expect.that(one["id"] in matches, words, matches, response)


@requirement("USCORE-status-required")
@pytest.mark.parametrize("kind", WITH_STATUS)
def test_search_without_a_required_status_says_so(compartment, kind):
    compartment.need_us_core(kind)
    if kind not in compartment.types:
        not_applicable(f"the server does not declare a search for {kind}")
    params = {"patient": compartment.person.uuid, **WITH_STATUS[kind]}
    response = compartment.get(f"/{kind}", params=params)
    if response.is_success:
        not_applicable(f"the server demands no status in a search for {kind}")

    expect.status(response, 400)
    expect.schema(response, "operation_outcome")


@requirement("USCORE-docref")
@pytest.mark.usefixtures("fhir_api_control")
def test_docref_reads_a_parameters_body(api, compartment):
    path, patient = "/fhir/DocumentReference/$docref", compartment.person.uuid
    asked = api.post(path, compartment.token, params={"patient": patient})
    if asked.is_server_error:
        not_applicable("the server makes no documents at all")
    parameter = {"name": "patient", "valueId": patient}
    response = api.post(
        path,
        compartment.token,
        json={"resourceType": "Parameters", "parameter": [parameter]},
        headers={"Content-Type": "application/fhir+json"},
    )

    expect.equal(gist(response), gist(asked), "the result of a Parameters body", [response, asked])


@requirement("USCORE-docref-searchset")
@pytest.mark.parametrize("case", DOCUMENTS)
def test_docref_finds_documents_of_the_patient(api, compartment, target, case):
    patient = compartment.person.uuid
    compartment.search("Encounter")  # so that there is care to document
    path, params = "/fhir/DocumentReference/$docref", {"patient": patient}
    response = api.post(path, compartment.token, params=params)
    if not (response.is_success and "json" in response.headers.get("content-type", "")):
        not_applicable("the server makes no documents at all")
    if case != "current":
        response = api.post(path, compartment.token, params=params | DOCUMENTS[case])

    expect.status(response, 200)
    expect.equal(expect.member(response, "resourceType"), "Bundle", "resourceType", response)
    expect.equal(expect.member(response, "type"), "searchset", "type", response)
    subjects = {str(at(one, "subject", "reference")) for one in found(response)}
    others = {
        one for one in subjects if one.removeprefix(f"{target.fhir_url}/") != f"Patient/{patient}"
    }
    expect.that(not others, "documents of the patient only", sorted(others), response)


def kinds_of(response):
    """Return the types of all resources of a Bundle, included ones too."""
    return {one["resource"].get("resourceType") for one in entries(response)}


def at(value, *path):
    """Return the value at a path of names and numbers; None if there is none."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def since(time):
    """Return the search value for the day of a time and later; None without a time."""
    return f"ge{time[:10]}" if time else None


def gist(response):
    """Return status, number of documents and diagnostics, which do not change with time."""
    body = json_body(response) if response.content else {}
    issues = body.get("issue") or [{}]
    told = issues[0].get("diagnostics") or (issues[0].get("details") or {}).get("text")
    return response.status_code, len(body.get("entry") or []), told
