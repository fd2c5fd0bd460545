"""Patients, searches and ids that Hypothesis makes of the documented types of fields."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest

from conformance import expect, requirement, samples, writes
from fixtures.given.fhir_resources import found
from fixtures.wire.client import Response, json_body

pytestmark = writes

PATIENTS = 6
SEARCHES = 20
IDS = 8
#: How many problems a failure shows.
MOST_SHOWN = 2
SHOWN = {"family": "family", "given": "given"}


@pytest.fixture
def mine(records):
    """Return a patient of this check's own."""
    return records.patient()


@requirement("REST-generated-patients")
def test_generated_patient_is_kept_by_the_standard_api(api, staff, mine):
    """Any patient of the documented fields is kept as it was written, or refused."""
    problems = []
    for one in samples.patients(PATIENTS):
        sent = {"fname": one["given"], "lname": one["family"], "sex": one["sex"]}
        sent |= {"DOB": one["born"], "street": one["street"], "city": one["city"]}
        response = api.put(mine.path, staff, json=mine.fields | sent)
        if response.is_success:
            read = api.get(mine.path, staff)
            body = json_body(read)
            shown = body.get("data", body)
            problems += [
                Problem({name: sent[name]}, f"came back as {shown.get(name)!r}", [read, response])
                for name in sent
                if shown.get(name) != sent[name]
            ]
        elif not response.is_client_error:
            problems.append(Problem(sent, f"{response.status_code}", [response]))

    expect_none(problems, "each patient as it was written, or a refusal")


@requirement("FHIR-generated-patients")
def test_generated_patient_is_kept_by_fhir(resources, mine):
    """Any patient of the documented types is kept as it was written, or refused."""
    problems = []
    for one in samples.patients(PATIENTS):
        sent = {"gender": one["sex"].lower(), "birthDate": one["born"]}
        name = {"family": one["family"], "given": [one["given"]]}
        address = {"line": [one["street"]], "city": one["city"]}
        body = {"resourceType": "Patient", "id": mine.uuid, **sent}
        body |= {"name": [{"use": "official", **name}], "address": [{"use": "home", **address}]}
        response = resources.put(f"/Patient/{mine.uuid}", body)
        if response.is_success:
            read, answer = resources.shown(mine)
            shown = {**read, **(read.get("name") or [{}])[0], **(read.get("address") or [{}])[0]}
            wanted = {**sent, **name, **address}
            problems += [
                Problem(
                    {each: wanted[each]}, f"came back as {shown.get(each)!r}", [answer, response]
                )
                for each in wanted
                if shown.get(each) != wanted[each]
            ]
        elif not response.is_client_error:
            problems.append(Problem(body, f"{response.status_code}", [response]))

    expect_none(problems, "each patient as it was written, or a refusal")


@requirement("FHIR-generated-searches")
def test_generated_search_finds_what_was_asked_for(resources, person):
    """Whatever is searched for, nothing breaks and every match has what was asked for."""
    problems = []
    for name, value in samples.searches(SEARCHES):
        response = resources.search("Patient", {name: value, "_count": "3"})
        if response.is_server_error:
            problems.append(Problem({name: value}, f"{response.status_code}", [response]))
        elif response.is_success:
            kind = expect.member(response, "resourceType")
            expect.equal(kind, "Bundle", "resourceType", response)
            problems += [
                Problem({name: value}, f"found {each}", [response])
                for each in unfit(response, name, value)[:1]
            ]

    expect_none(problems, "matches that fit")


@requirement("FHIR-generated-searches")
def test_generated_id_is_not_found(resources, person):
    """Whatever is searched for, nothing breaks and every match has what was asked for."""
    problems = []
    for key in samples.ids(IDS):
        if key.strip(".") == "":
            continue  # a step in the path and no id
        response = resources.get(f"/Patient/{quote(key, safe='')}")
        if not response.is_client_error:
            problems.append(Problem(key, f"{response.status_code}", [response]))

    expect_none(problems, "a refusal of every id")


@dataclass(frozen=True)
class Problem:
    """A value that a server treats wrongly, what came of it, and the responses that show it."""

    value: object
    outcome: str
    responses: list[Response]


def expect_none(problems, expected):
    """Expect no problem; show those with the shortest values."""
    __tracebackhide__ = True
    shortest = sorted(problems, key=lambda one: len(str(one.value)))[:MOST_SHOWN]
    received = "; ".join(f"{one.value!r}: {one.outcome}" for one in shortest)
    judged = [response for one in shortest for response in one.responses]
    expect.that(not problems, expected, received, judged)


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
