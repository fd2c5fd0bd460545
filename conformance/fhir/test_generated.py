"""Patients, searches and ids that Hypothesis makes of the documented types of fields."""

from urllib.parse import quote

import pytest

from conformance import expect, requirement, samples, writes
from fixtures.given.fhir_resources import found
from fixtures.wire.client import json_body

pytestmark = writes

PATIENTS = 6
SEARCHES = 20
IDS = 8
SHOWN = {"family": "family", "given": "given"}


@pytest.fixture
def mine(records):
    """Return a patient of this check's own."""
    return records.patient()


@requirement("REST-generated-patients")
def test_generated_patient_is_kept_by_the_standard_api(api, staff, mine):
    """Any patient of the documented fields is kept as it was written, or refused."""
    problems, last = [], None
    for one in samples.patients(PATIENTS):
        sent = {"fname": one["given"], "lname": one["family"], "sex": one["sex"]}
        sent |= {"DOB": one["born"], "street": one["street"], "city": one["city"]}
        response = api.put(mine.path, staff, json=mine.fields | sent)
        last = last or response
        if response.is_success:
            read = json_body(api.get(mine.path, staff))
            told = read.get("data", read)
            changed = {name: told.get(name) for name in sent if told.get(name) != sent[name]}
            problems += [
                ({name: sent[name]}, f"came back as {changed[name]!r}") for name in changed
            ]
        elif not response.is_client_error:
            problems.append((sent, f"{response.status_code}"))

    words = "each patient as it was written, or a refusal"
    expect.that(not problems, words, samples.shortest(problems), last)


@requirement("FHIR-generated-patients")
def test_generated_patient_is_kept_by_fhir(resources, mine):
    """Any patient of the documented types is kept as it was written, or refused."""
    problems, last = [], None
    for one in samples.patients(PATIENTS):
        sent = {"gender": one["sex"].lower(), "birthDate": one["born"]}
        name = {"family": one["family"], "given": [one["given"]]}
        address = {"line": [one["street"]], "city": one["city"]}
        body = {"resourceType": "Patient", "id": mine.uuid, **sent}
        body |= {"name": [{"use": "official", **name}], "address": [{"use": "home", **address}]}
        response = resources.put(f"/Patient/{mine.uuid}", body)
        last = last or response
        if response.is_success:
            read = resources.body(mine)
            told = {**read, **(read.get("name") or [{}])[0], **(read.get("address") or [{}])[0]}
            wanted = {**sent, **name, **address}
            problems += [
                ({each: wanted[each]}, f"came back as {told.get(each)!r}")
                for each in wanted
                if told.get(each) != wanted[each]
            ]
        elif not response.is_client_error:
            problems.append((body, f"{response.status_code}"))

    words = "each patient as it was written, or a refusal"
    expect.that(not problems, words, samples.shortest(problems), last)


@requirement("FHIR-generated-searches")
def test_generated_search_finds_what_was_asked_for(resources, person):
    """Whatever is searched for, nothing breaks and every match has what was asked for."""
    problems, last = [], None
    for name, value in samples.searches(SEARCHES):
        response = resources.search("Patient", {name: value, "_count": "3"})
        last = last or response
        if response.is_server_error:
            problems.append(({name: value}, f"{response.status_code}"))
        elif response.is_success:
            kind = expect.member(response, "resourceType")
            expect.equal(kind, "Bundle", "resourceType", response)
            problems += [
                ({name: value}, f"found {each}") for each in unfit(response, name, value)[:1]
            ]

    expect.that(not problems, "matches that fit", samples.shortest(problems), last)


@requirement("FHIR-generated-searches")
def test_generated_id_is_not_found(resources, person):
    """Whatever is searched for, nothing breaks and every match has what was asked for."""
    problems, last = [], None
    for key in samples.ids(IDS):
        if key.strip(".") == "":
            continue  # a step in the path and no id
        response = resources.get(f"/Patient/{quote(key, safe='')}")
        last = last or response
        if not response.is_client_error:
            problems.append((key, f"{response.status_code}"))

    expect.that(not problems, "a refusal of every id", samples.shortest(problems), last)


def unfit(response, name, value):
    """Return the names of the matches that do not begin with what was searched for."""
    if name not in SHOWN or "," in value:
        return []
    begins = value.strip().replace("\\", "").casefold()
    return [one.get("name") for one in found(response) if not starts(one, name, begins)]


def starts(resource, name, text):
    """Tell whether a name of the patient begins with a text, or a word of it does."""
    every = []
    for one in resource.get("name") or []:
        value = one.get(name)
        every += value if isinstance(value, list) else [value]
    return any(text[:1] in str(one).casefold() and text in str(one).casefold() for one in every)
