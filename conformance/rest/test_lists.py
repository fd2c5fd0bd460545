"""The standard API: filters, pages and links of lists."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.wire.client import json_body

pytestmark = writes  # the patients that are listed are made by the run

#: More than enough pages for a list of five; a server that goes round in circles ends here.
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
def patients(api, staff):
    """Return a list of patients."""
    return lambda **params: api.get("/api/patient", staff, params=params)


@requirement("REST-envelope-links")
def test_links_lead_through_the_list(api, staff, patients, cohort):
    """The links of a list lead through all of it, each record once."""
    response = patients(lname=cohort[0].family, _limit="2", _offset="0")
    pages = [response]
    while (url := next_link(pages[-1])) and len(pages) < MOST_PAGES:
        pages.append(api.get(url, staff))

    found = [one for page in pages for one in uuids(page)]
    expect.equal(sorted(found), sorted(one.uuid for one in cohort), "all pages", pages[::-1])


@requirement("REST-limit-offset")
def test_pages_make_up_the_list(patients, cohort):
    """_limit and _offset cut a list into pages without loss or repetition."""
    answers = [
        patients(lname=cohort[0].family, _limit="2", _offset=str(offset)) for offset in (0, 2, 4)
    ]

    found = [one for answer in answers for one in uuids(answer)]
    sizes = [len(uuids(answer)) for answer in answers]
    wrong = [
        each for each, right in zip(answers, [2, 2, 1], strict=True) if len(uuids(each)) != right
    ]
    expect.equal(sizes, [2, 2, 1], "page sizes", wrong)
    expect.equal(sorted(found), sorted(one.uuid for one in cohort), "all pages", answers)


@requirement("REST-bad-paging-4xx")
@pytest.mark.parametrize("name", ["_limit", "_offset"])
@pytest.mark.parametrize("value", ["-1", "abc", "1e3", "99999999"])
def test_bad_paging_breaks_nothing(patients, cohort, name, value):
    """A bad value for paging is refused with 4xx or ignored."""
    response = patients(lname=cohort[0].family, **{name: value})

    expect.no_server_error(response)


@requirement("REST-search-filter")
@pytest.mark.parametrize("name", ["lname", "fname", "DOB", "email"])
def test_filter_finds_its_patient(patients, cohort, name):
    """A filter narrows a list to the records that fit."""
    response = patients(**{"lname": cohort[2].family, name: cohort[2].fields[name]})

    wanted = [one.uuid for one in cohort if one.fields[name] == cohort[2].fields[name]]
    expect.status(response, 200)
    expect.equal(sorted(uuids(response)), sorted(wanted), "the patients", response)


@requirement("REST-search-unknown-field")
@pytest.mark.parametrize("name", ["patient", "facility", "user"])
def test_unknown_filter_does_not_empty_the_list(api, staff, cohort, name):
    """An unknown filter is ignored or refused; it does not empty the list."""
    plain = api.get(f"/api/{name}", staff)
    filtered = api.get(f"/api/{name}", staff, params={"nonsense": "x"})

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
def test_filter_is_no_sql(patients, name, payload):
    """Values from the client are never taken as SQL."""
    response = patients(**{name: PAYLOADS[payload]})

    expect.no_server_error(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)
    expect.equal(uuids(response), [], "patients of such a name", response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_sort_is_no_sql(patients, cohort, payload):
    """Values from the client are never taken as SQL."""
    response = patients(lname=cohort[0].family, _sort=PAYLOADS[payload])

    expect.answered(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)


@requirement("REST-sql-injection")
def test_sort_is_not_evaluated(patients, cohort):
    """Values from the client are never taken as SQL."""
    orders = [
        patients(
            lname=cohort[0].family,
            _sort=f"CASE WHEN 1={number} THEN patient_data.fname ELSE patient_data.sex END",
        )
        for number in (1, 2)
    ]

    for response in orders:
        expect.answered(response)
    words = "the order of another condition"
    expect.equal(uuids(orders[1]), uuids(orders[0]), words, orders[::-1])


@requirement("REST-sort")
@pytest.mark.parametrize("name", ["fname", "DOB"])
@pytest.mark.parametrize("sign", ["", "-"], ids=["ascending", "descending"])
def test_sort_orders_the_list(patients, cohort, name, sign):
    """_sort orders a list, descending with a minus sign."""
    response = patients(lname=cohort[0].family, _sort=f"{sign}{name}")

    ordered = [one.uuid for one in sorted(cohort, key=lambda one: one.fields[name])]
    wanted = ordered[::-1] if sign else ordered
    expect.equal(uuids(response), wanted, "the order", response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
def test_path_is_no_sql(api, staff, payload):
    """Values from the client are never taken as SQL."""
    response = api.get("/api/appointment/" + quoted(PAYLOADS[payload]), staff)

    expect.answered(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)


@requirement("REST-sql-injection")
@pytest.mark.parametrize("name", ["lname[]", "lname[a]", "lname[$ne]"])
def test_array_as_filter_breaks_nothing(patients, name):
    """Values from the client are never taken as SQL."""
    response = patients(**{name: f"Nobody{uuid.uuid4().hex}"})

    expect.answered(response)


@requirement("REST-fhir-agree")
def test_both_apis_tell_the_same_of_a_patient(resources, person):
    """The standard API and the FHIR API tell the same of a patient."""
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
        "id": person.uuid,
        "family": person.family,
        "given": person.fields["fname"],
        "birthDate": person.fields["DOB"],
        "gender": person.fields["sex"].lower(),
    }
    expect.equal(told, sent, "the Patient", response)


def uuids(response):
    """Return the ids of a list of records; none if it is an error."""
    body = json_body(response) if response.content else {}
    rows = body.get("data") if isinstance(body, dict) else body
    return [str(row.get("uuid")) for row in rows or [] if isinstance(row, dict)]


def next_link(response):
    """Return the link to the next page, if there is one."""
    links = json_body(response).get("links")
    return links.get("next") if isinstance(links, dict) else None


def quoted(text):
    """Return a text as one part of a path."""
    return "".join(f"%{byte:02X}" for byte in text.encode())
