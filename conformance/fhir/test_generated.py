"""Patients, searches and ids that Hypothesis generates from the documented types of fields."""

import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

import pytest

from conformance import expect, requirement, samples, writes
from fixtures.given.fhir_resources import found
from fixtures.wire.client import Blocked, Response, json_body

pytestmark = writes

PATIENTS = 6
SEARCHES = 20
IDS = 8
#: How many problems a failure shows.
MOST_SHOWN = 2
SHOWN = {"family": "family", "given": "given"}


@pytest.fixture
def generated_patient(records):
    """A new patient for one check."""
    return records.patient()


@requirement("REST-generated-patients")
def test_generated_patient_is_kept_by_the_standard_api(api, staff_token, generated_patient):
    problems, taken = [], 0
    for one in samples.patients(PATIENTS):
        sent = {"fname": one["given"], "lname": one["family"], "sex": one["sex"]}
        sent |= {"DOB": one["born"], "street": one["street"], "city": one["city"]}
        response = api.put(
            generated_patient.path, staff_token, json=generated_patient.fields | sent
        )
        if response.is_success:
            taken += 1
            read = api.get(generated_patient.path, staff_token)
            body = json_body(read)
            shown = body.get("data", body)
            problems += [
                Problem({name: sent[name]}, f"came back as {shown.get(name)!r}", [read, response])
                for name in sent
                if shown.get(name) != sent[name]
            ]
        elif not response.is_client_error:
            problems.append(Problem(sent, f"{response.status_code}", [response]))

    if not (taken or problems):
        raise Blocked("every generated patient is refused: none can be compared with what is kept")
    expect_none(problems, "each patient as it was written, or a refusal")


@requirement("FHIR-generated-patients")
def test_generated_patient_is_kept_by_fhir(resources, generated_patient):
    problems, taken = [], 0
    for one in samples.patients(PATIENTS):
        sent = {"gender": one["sex"].lower(), "birthDate": one["born"]}
        name = {"family": one["family"], "given": [one["given"]]}
        address = {"line": [one["street"]], "city": one["city"]}
        body = {"resourceType": "Patient", "id": generated_patient.uuid, **sent}
        body |= {"name": [{"use": "official", **name}], "address": [{"use": "home", **address}]}
        response = resources.put(f"/Patient/{generated_patient.uuid}", body)
        if response.is_success:
            taken += 1
            read, answer = resources.shown(generated_patient)
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

    if not (taken or problems):
        raise Blocked("every generated patient is refused: none can be compared with what is kept")
    expect_none(problems, "each patient as it was written, or a refusal")


@requirement("FHIR-generated-searches")
@pytest.mark.usefixtures("fhir_api_control")
def test_generated_search_finds_what_was_asked_for(resources, shared_patient):
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
@pytest.mark.usefixtures("fhir_api_control")
def test_generated_id_is_not_found(resources, shared_patient):
    problems = []
    for key in samples.ids(IDS):
        if key.strip(".") == "":
            continue  # a step in the path, and not an id
        response = resources.get(f"/Patient/{quote(key, safe='')}")
        if not response.is_client_error:
            problems.append(Problem(key, f"{response.status_code}", [response]))

    expect_none(problems, "a refusal of every id")


@dataclass(frozen=True)
class Problem:
    """A value that a server handles wrongly, the outcome, and the responses that show it."""

    value: object
    outcome: str
    responses: list[Response]


def expect_none(problems, expected):
    """Expect no problem; a failure shows those with the shortest values."""
    __tracebackhide__ = True
    shortest = sorted(problems, key=lambda one: len(str(one.value)))[:MOST_SHOWN]
    received = "; ".join(f"{one.value!r}: {one.outcome}" for one in shortest)
    judged = [response for one in shortest for response in one.responses]
    expect.that(not problems, expected, received, judged)


def unfit(response, name, value):
    """Return the names of the matches that do not contain the searched value."""
    if name not in SHOWN or "," in value:
        return []
    begins = folded(value)
    return [one.get("name") for one in found(response) if not contains(one, name, begins)]


def contains(resource, name, text):
    """Return whether a name of the patient contains a folded text."""
    every = []
    for one in resource.get("name") or []:
        value = one.get(name)
        every += value if isinstance(value, list) else [value]
    return any(text in folded(str(one)) for one in every)


def folded(text):
    """Return a text without case, accents, punctuation and blanks (FHIR R4 section 3.1.1.4.8)."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in plain if one.isalnum())
