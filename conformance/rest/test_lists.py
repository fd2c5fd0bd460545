"""The standard API: filters, pages and links of lists."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # the patients that are listed are made by the run

#: More than enough pages for a list of five, in case the links lead in a circle.
MOST_PAGES = 8
PAYLOADS = {
    "or_true": "' OR '1'='1",
    "union": "x' UNION SELECT 1,2,3-- -",
    "stacked": "x'; SELECT 1;-- -",
    "double_quote": '" OR ""="',
    "backslash": "\\",
    "quote": "'",
}


@pytest.fixture
def patient_list(api, staff_token):
    """Lists patients: `patient_list(lname=...)`."""
    return lambda **params: api.get("/api/patient", staff_token, params=params)


@requirement("REST-envelope-links")
def test_links_lead_through_the_list(api, staff_token, patient_list, namesakes):
    response = patient_list(lname=namesakes[0].family, _limit="2", _offset="0")
    pages = [response]
    while (url := next_link(pages[-1])) and len(pages) < MOST_PAGES:
        pages.append(api.get(url, staff_token))

    found = [one for page in pages for one in uuids(page)]
    expect.equal(sorted(found), sorted(one.uuid for one in namesakes), "all pages", pages[::-1])


@requirement("REST-limit-offset")
def test_pages_make_up_the_list(patient_list, namesakes):
    answers = [
        patient_list(lname=namesakes[0].family, _limit="2", _offset=str(offset))
        for offset in (0, 2, 4)
    ]

    found = [one for answer in answers for one in uuids(answer)]
    sizes = [len(uuids(answer)) for answer in answers]
    wrong = [
        each for each, right in zip(answers, [2, 2, 1], strict=True) if len(uuids(each)) != right
    ]
    expect.equal(sizes, [2, 2, 1], "page sizes", wrong)
    expect.equal(sorted(found), sorted(one.uuid for one in namesakes), "all pages", answers)


@requirement("REST-bad-paging-4xx")
@pytest.mark.parametrize("name", ["_limit", "_offset"])
@pytest.mark.parametrize("value", ["-1", "abc", "1e3", "99999999"])
def test_bad_paging_breaks_nothing(patient_list, namesakes, name, value):
    response = patient_list(lname=namesakes[0].family, **{name: value})

    expect.no_server_error(response)


@requirement("REST-search-filter")
@pytest.mark.parametrize("name", ["lname", "fname", "DOB", "email"])
def test_filter_finds_its_patient(patient_list, namesakes, name):
    response = patient_list(**{"lname": namesakes[2].family, name: namesakes[2].fields[name]})

    wanted = [one.uuid for one in namesakes if one.fields[name] == namesakes[2].fields[name]]
    expect.status(response, 200)
    expect.equal(sorted(uuids(response)), sorted(wanted), "the patients", response)


@requirement("REST-search-unknown-field")
@pytest.mark.parametrize("name", ["patient", "facility", "user"])
def test_unknown_filter_does_not_empty_the_list(api, staff_token, namesakes, name):
    plain = api.get(f"/api/{name}", staff_token)
    filtered = api.get(f"/api/{name}", staff_token, params={"nonsense": "x"})

    expect.that(uuids(plain), "a list that is not empty", plain.text, plain)
    expect.that(
        filtered.status_code == 400 or uuids(filtered),
        "the list, or 400",
        f"{filtered.status_code} with {len(uuids(filtered))} records",
        [filtered, plain],
    )


@requirement("REST-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["lname", "fname", "email"])
@pytest.mark.usefixtures("standard_api_control")
def test_filter_is_no_sql(patient_list, name, payload):
    response = patient_list(**{name: PAYLOADS[payload]})

    expect.no_server_error(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)
    expect.equal(uuids(response), [], "patients with such a name", response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_sort_is_no_sql(patient_list, namesakes, payload):
    response = patient_list(lname=namesakes[0].family, _sort=PAYLOADS[payload])

    expect.answered(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)


@requirement("REST-sql-injection")
def test_sort_is_not_evaluated(patient_list, namesakes):
    orders = [
        patient_list(
            lname=namesakes[0].family,
            _sort=f"CASE WHEN 1={number} THEN patient_data.fname ELSE patient_data.sex END",
        )
        for number in (1, 2)
    ]

    for response in orders:
        expect.answered(response)
    words = "the order with another condition"
    expect.equal(uuids(orders[1]), uuids(orders[0]), words, orders[::-1])


@requirement("REST-sort")
@pytest.mark.parametrize("name", ["fname", "DOB"])
@pytest.mark.parametrize("sign", ["", "-"], ids=["ascending", "descending"])
def test_sort_orders_the_list(patient_list, namesakes, name, sign):
    response = patient_list(lname=namesakes[0].family, _sort=f"{sign}{name}")

    ordered = [one.uuid for one in sorted(namesakes, key=lambda one: one.fields[name])]
    wanted = ordered[::-1] if sign else ordered
    expect.equal(uuids(response), wanted, "the order", response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.usefixtures("standard_api_control")
def test_path_is_no_sql(api, staff_token, payload):
    response = api.get("/api/appointment/" + quoted(PAYLOADS[payload]), staff_token)

    expect.answered(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("name", ["lname[]", "lname[a]", "lname[$ne]"])
@pytest.mark.usefixtures("standard_api_control")
def test_array_as_filter_breaks_nothing(patient_list, name):
    response = patient_list(**{name: f"Nobody{uuid.uuid4().hex}"})

    expect.answered(response)


@requirement("REST-fhir-agree")
def test_both_apis_tell_the_same_of_a_patient(resources, shared_patient):
    response = resources.read("Patient")

    expect.status(response, 200)
    resource = expect.json_object(response)
    name = (resource.get("name") or [{}])[0]
    told = {
        "id": resource.get("id"),
        "family": name.get("family"),
        "given": (name.get("given") or [None])[0],
        "birthDate": resource.get("birthDate"),
        "gender": resource.get("gender"),
    }
    sent = {
        "id": shared_patient.uuid,
        "family": shared_patient.family,
        "given": shared_patient.fields["fname"],
        "birthDate": shared_patient.fields["DOB"],
        "gender": shared_patient.fields["sex"].lower(),
    }
    expect.equal(told, sent, "the Patient", response)


def uuids(response):
    """Return the ids of a list of records; an empty list if the response is an error."""
    body = json_body(response) if response.content else {}
    rows = body.get("data") if isinstance(body, dict) else body
    return [str(row.get("uuid")) for row in rows or [] if isinstance(row, dict)]


def next_link(response):
    """Return the link to the next page, or None."""
    links = json_body(response).get("links")
    return links.get("next") if isinstance(links, dict) else None


def quoted(text):
    """Return a text as one segment of a path."""
    return "".join(f"%{byte:02X}" for byte in text.encode())
