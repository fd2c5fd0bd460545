"""FHIR search: the matches of each type of parameter."""

from datetime import datetime, timedelta, timezone

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import found, ids
from fixtures.target.model import not_applicable
from fixtures.wire.client import json_body

pytestmark = writes  # the patients who are found are made by the run

#: The birth dates of the five patients: 1950-02-15, 1960-03-15, 1970-04-15, 1980-05-15, 1990-06-15.
#: The values are the numbers of the matches.
BORN = {
    "1970-04-15": [2],
    "eq1970-04-15": [2],
    "1970-04": [2],
    "1970": [2],
    "gt1970-04-15": [3, 4],
    "ge1970-04-15": [2, 3, 4],
    "lt1970-04-15": [0, 1],
    "le1970-04-15": [0, 1, 2],
    "gt1970": [3, 4],
    "lt1970": [0, 1],
    "ge1970-05": [3, 4],
    "le1970-03": [0, 1],
}
FIVE = range(5)
#: Whether an encounter is found by a prefix and a time so many seconds from its start.
NEAR = {("ge", 0): True, ("lt", 0): False, ("lt", 1): True}


@pytest.fixture
def expect_matches(resources, namesakes):
    """Expects a search to find some of the five patients of one family name, by number."""

    def search(params, *, expected):
        params = [("family", namesakes[0].family), *params]
        response = resources.get_once("/Patient", params)
        numbers = {one.uuid: number for number, one in enumerate(namesakes)}
        told = [numbers.get(key, key) for key in resources.all_ids(response)]
        expect.status(response, 200)
        expect.equal(sorted(told, key=str), sorted(expected, key=str), "the matches", response)

    return search


@requirement("FHIR-search-id")
def test_id_finds_exactly_one(resources, namesakes):
    response = resources.search("Patient", {"_id": namesakes[1].uuid})

    expect.status(response, 200)
    expect.equal(ids(response), [namesakes[1].uuid], "the matches", response)


@requirement("FHIR-search-id")
@pytest.mark.parametrize("wrong", ["beginning", "other_type"])
@pytest.mark.usefixtures("fhir_api_control")
def test_id_finds_nothing_else(resources, namesakes, wrong):
    value = {
        "beginning": lambda: namesakes[1].uuid[:13],
        "other_type": lambda: resources.key("Encounter"),
    }[wrong]()
    response = resources.search("Patient", {"_id": value})

    expect.answered(response)
    expect.equal(ids(response), [], "the matches", response)


@requirement("FHIR-search-string")
@pytest.mark.parametrize("form", ["whole", "beginning", "upper_case", "lower_case"])
def test_family_is_found_by_its_beginning(resources, namesakes, form):
    family = namesakes[0].family
    value = {
        "whole": family,
        "beginning": family[:-1],
        "upper_case": family.upper(),
        "lower_case": family.lower(),
    }[form]
    response = resources.get_once("/Patient", {"family": value})

    expect.status(response, 200)
    expect.json_object(response)
    missing = {one.uuid for one in namesakes} - {*resources.all_ids(response)}
    expect.that(not missing, "the five patients of the family", f"without {missing}", response)


@requirement("FHIR-search-string-beginning")
def test_family_is_not_found_by_its_end(resources, namesakes):
    response = resources.search("Patient", {"family": namesakes[0].family[6:]})

    expect.status(response, 200)
    expect.json_object(response)
    mine = {one.uuid for one in namesakes} & {*resources.all_ids(response)}
    expect.that(not mine, "none of the family", sorted(mine), response)


@requirement("FHIR-search-string")
@pytest.mark.parametrize("sign", ["%", "_", "*"], ids=["percent", "underscore", "asterisk"])
def test_wildcard_of_a_database_is_a_letter(resources, namesakes, sign):
    family = namesakes[0].family
    response = resources.search("Patient", {"family": f"{family[:8]}{sign}{family[9:]}"})

    expect.status(response, 200)
    expect.json_object(response)
    expect.equal(ids(response), [], "the matches", response)


@requirement("FHIR-search-string")
@pytest.mark.parametrize("name", ["given", "name"])
def test_given_name_is_found(expect_matches, namesakes, name):
    expect_matches([(name, namesakes[3].fields["fname"])], expected=[3])


@requirement("FHIR-search-string")
@pytest.mark.parametrize("modifier", ["exact", "contains"])
@pytest.mark.usefixtures("fhir_api_control")
def test_string_modifier_is_honoured_or_refused(resources, namesakes, modifier):
    family = namesakes[0].family
    hit, miss = {
        "exact": (family, family.upper()),
        "contains": (family[3:], "nothinglikeit"),
    }[modifier]
    answers = [resources.search("Patient", {f"family:{modifier}": value}) for value in (hit, miss)]

    counts = [len(resources.all_ids(answer)) for answer in answers]
    refused = all(answer.is_client_error for answer in answers)
    expect.that(refused or counts == [len(namesakes), 0], "5 and 0 matches", counts, answers)


@requirement("FHIR-search-token")
@pytest.mark.parametrize("gender", ["female", "male"])
def test_gender_finds_its_patients(expect_matches, namesakes, gender):
    wanted = [n for n in FIVE if namesakes[n].fields["sex"].lower() == gender]
    expect_matches([("gender", gender)], expected=wanted)


@requirement("FHIR-search-token")
@pytest.mark.parametrize("form", ["code", "system_and_code"])
def test_identifier_finds_its_patient(resources, shared_patient, form):
    identifier = next(
        one
        for one in json_body(resources.read("Patient")).get("identifier", [])
        if one.get("value") and one.get("system")
    )
    value = {
        "code": identifier["value"],
        "system_and_code": f"{identifier['system']}|{identifier['value']}",
    }[form]
    response = resources.get_once("/Patient", {"identifier": value})

    expect.status(response, 200)
    expect.that(shared_patient.uuid in ids(response), "the patient", ids(response), response)


@requirement("FHIR-search-token")
@pytest.mark.parametrize(
    "form", ["code", "system_and_code", "other_system", "system", "only_other_system"]
)
def test_category_finds_its_condition(resources, shared_patient, form):
    key = resources.key("Condition")
    system = "http://terminology.hl7.org/CodeSystem/condition-category"
    value = {
        "code": "problem-list-item",
        "system_and_code": f"{system}|problem-list-item",
        "other_system": "http://example.org/nothing|problem-list-item",
        "system": f"{system}|",
        "only_other_system": "http://example.org/nothing|",
    }[form]
    response = resources.search("Condition", {"patient": shared_patient.uuid, "category": value})

    expected = "other_system" not in form
    matches = resources.all_ids(response)
    expect.status(response, 200)
    expect.equal(key in matches, expected, "whether the condition is found", response)


@requirement("FHIR-search-reference")
@pytest.mark.parametrize("form", ["id", "type_and_id"])
@pytest.mark.parametrize("kind", ["Encounter", "AllergyIntolerance", "Condition", "Appointment"])
def test_patient_is_a_reference(resources, shared_patient, kind, form):
    key = resources.key(kind)
    value = {"id": shared_patient.uuid, "type_and_id": f"Patient/{shared_patient.uuid}"}[form]
    response = resources.get_once(f"/{kind}", {"patient": value})

    expect.status(response, 200)
    matches = resources.all_ids(response)
    expect.that(key in matches, f"the {kind}", matches, response)
    others = [one for one in found(response) if shared_patient.uuid not in str(one)]
    expect.that(not others, "resources of the patient only", others, response)


@requirement("FHIR-search-or")
def test_values_with_a_comma_are_alternatives(expect_matches):
    expect_matches([("gender", "female,male")], expected=FIVE)


@requirement("FHIR-search-or")
def test_ids_with_a_comma_are_alternatives(resources, namesakes):
    wanted = [namesakes[0].uuid, namesakes[3].uuid]
    response = resources.search("Patient", {"_id": ",".join(wanted)})

    expect.status(response, 200)
    expect.equal(sorted(ids(response)), sorted(wanted), "the matches", response)


@requirement("FHIR-search-or")
def test_repeated_parameters_must_all_fit(expect_matches):
    expect_matches([("birthdate", "ge1960"), ("birthdate", "lt1980")], expected=[1, 2])


@requirement("FHIR-search-or")
def test_different_parameters_must_all_fit(expect_matches, namesakes):
    expect_matches([("gender", "female"), ("birthdate", "gt1960")], expected=[2, 4])


@requirement("FHIR-search-date-prefixes")
@pytest.mark.parametrize("value", BORN)
def test_birth_date_is_compared(expect_matches, value):
    expect_matches([("birthdate", value)], expected=BORN[value])


@requirement("FHIR-search-date-time")
@pytest.mark.parametrize("zone", ["own", "other"])
@pytest.mark.parametrize(("prefix", "seconds"), NEAR)
def test_time_is_compared_to_the_second(resources, shared_patient, prefix, seconds, zone):
    declared = resources.declared.get("Encounter", {}).get("searchParam", [])
    if "date" not in {one.get("name") for one in declared}:
        not_applicable("the server declares no search of encounters by date")
    start = json_body(resources.read("Encounter")).get("period", {}).get("start", "")
    if "T" not in start:
        not_applicable("the encounter has no time to search for")
    moment = datetime.fromisoformat(start) + timedelta(seconds=seconds)
    if zone == "other":
        moment = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    value = prefix + moment.isoformat(timespec="seconds")
    response = resources.search("Encounter", {"patient": shared_patient.uuid, "date": value})

    expected = NEAR[prefix, seconds]
    matches = resources.all_ids(response)
    expect.status(response, 200)
    found_it = resources.key("Encounter") in matches
    expect.equal(found_it, expected, f"whether the encounter from {start} is found", response)


@requirement("FHIR-search-lastupdated")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("ge2020-01-01", FIVE, id="ge_long_ago"),
        pytest.param("gt2020-01-01T00:00:00Z", FIVE, id="gt_long_ago"),
        pytest.param("lt2020-01-01", [], id="lt_long_ago"),
        pytest.param("gt2100-01-01", [], id="gt_far_ahead"),
        pytest.param("le2100-01-01", FIVE, id="le_far_ahead"),
    ],
)
def test_time_of_the_last_change_is_compared(expect_matches, value, expected):
    expect_matches([("_lastUpdated", value)], expected=expected)


@requirement("FHIR-search-sort")
@pytest.mark.parametrize("sign", ["", "-"], ids=["ascending", "descending"])
@pytest.mark.parametrize("name", ["birthdate", "given"])
def test_sort_orders_the_matches(resources, namesakes, name, sign):
    params = {"family": namesakes[0].family, "_sort": f"{sign}{name}"}
    response = resources.search("Patient", params)

    ordered = [one.uuid for one in namesakes]  # birth dates and given names have the same order
    matches = resources.all_ids(response)
    expect.status(response, 200)
    expect.equal(matches, ordered[::-1] if sign else ordered, "the order", response)
