"""FHIR search: the Bundle, its total, its links, and its pages."""

import uuid

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import MOST_PAGES, entries, found, ids, link
from fixtures.wire.client import json_body, query

pytestmark = writes  # the patients who are found are made by the run

TYPES = ["Patient", "Encounter", "AllergyIntolerance", "Condition", "Appointment"]


@pytest.fixture
def family_search(resources, namesakes):
    """Searches the five patients of one family name."""

    def search(**params):
        return resources.get_once("/Patient", {"family": namesakes[0].family} | params)

    return search


@pytest.fixture
def patient_search(resources, shared_patient):
    """Searches the resources of a type about the shared patient."""

    def search(kind, **params):
        resources.key(kind)
        name = "_id" if kind == "Patient" else "patient"
        return resources.get_once(f"/{kind}", {name: shared_patient.uuid} | params)

    return search


@requirement("FHIR-search-bundle")
@pytest.mark.parametrize("kind", TYPES)
def test_search_answers_a_searchset(patient_search, kind):
    response = patient_search(kind)

    expect.status(response, 200)
    expect.equal(expect.member(response, "resourceType"), "Bundle", "resourceType", response)
    expect.equal(expect.member(response, "type"), "searchset", "type", response)
    expect.that(found(response), f"the {kind}", response.text, response)


@requirement("FHIR-search-empty")
@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        pytest.param("Patient", "family", "Nobodyatall", id="Patient-family"),
        pytest.param("Patient", "_id", str(uuid.UUID(int=4)), id="Patient-id"),
        pytest.param("Encounter", "patient", str(uuid.UUID(int=4)), id="Encounter-patient"),
        pytest.param("Condition", "patient", str(uuid.UUID(int=4)), id="Condition-patient"),
    ],
)
def test_search_without_a_match_is_empty(resources, kind, name, value):
    response = resources.search(kind, {name: value})

    expect.status(response, 200)
    expect.equal(expect.member(response, "resourceType"), "Bundle", "resourceType", response)
    expect.equal(ids(response), [], "the matches", response)
    expect.equal(json_body(response).get("total", 0), 0, "total", response)


@requirement("FHIR-search-total")
@pytest.mark.parametrize("count", [None, "1", "2"], ids=["no_count", "one", "two"])
def test_total_is_the_number_of_matches(family_search, namesakes, count):
    response = family_search(_count=count)

    expect.status(response, 200)
    told = json_body(response).get("total", len(namesakes))
    expect.equal(told, len(namesakes), "total", response)


@requirement("FHIR-search-count")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_page_holds_no_more_than_its_count(family_search, count):
    response = family_search(_count=str(count))

    expect.status(response, 200)
    expect.that(1 <= len(ids(response)) <= count, f"1 to {count} matches", ids(response), response)


@requirement("FHIR-search-count-zero")
def test_count_of_zero_returns_no_entries(family_search):
    response = family_search(_count="0")

    expect.status(response, 200)
    expect.json_object(response)
    expect.equal(ids(response), [], "the matches", response)


@requirement("FHIR-search-next-link")
def test_page_that_leaves_matches_out_has_a_next_link(family_search, namesakes):
    response = family_search(_count="2")

    expect.status(response, 200)
    expect.that(len(ids(response)) < len(namesakes), "a page", ids(response), response)
    expect.that(link(response, "next"), "a next link", json_body(response).get("link"), response)


@requirement("FHIR-search-paging-walk")
def test_pages_hold_each_match_once(api, resources, family_search, namesakes):
    pages = [family_search(_count="2")]
    while (url := link(pages[-1], "next")) and len(pages) < MOST_PAGES:
        pages.append(api.get(url, resources.token))

    walked = sorted(one for page in pages for one in ids(page))
    wanted = sorted(one.uuid for one in namesakes)
    expect.equal(walked, wanted, "the matches of all pages", pages[::-1])


@requirement("FHIR-search-self-link")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_self_link_names_the_parameters(api, resources, namesakes, method):
    params = {"family": namesakes[0].family, "gender": "female"}
    sent = {"params": params} if method == "GET" else {"data": params}
    path = "/fhir/Patient" if method == "GET" else "/fhir/Patient/_search"
    response = api.request(method, path, resources.token, **sent)

    expect.status(response, 200)
    url = link(response, "self")
    expect.that(url, "a self link", json_body(response).get("link"), response)
    named = query(str(url))
    expect.equal({name: named.get(name) for name in params}, params, "the self link", response)


@requirement("FHIR-search-fullurl")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_full_url_ends_in_type_and_id(api, resources, shared_patient, method):
    params = {"_id": shared_patient.uuid}
    sent = {"params": params} if method == "GET" else {"data": params}
    path = "/fhir/Patient" if method == "GET" else "/fhir/Patient/_search"
    response = api.request(method, path, resources.token, **sent)

    expect.status(response, 200)
    urls = [str(one.get("fullUrl", "")) for one in entries(response)]
    right = f"/Patient/{shared_patient.uuid}"
    words = f"a URN, or an absolute URL that ends in {right}, and no _search in it"
    expect.that(urls and all(is_full_url(one, right) for one in urls), words, urls, response)


@requirement("FHIR-search-post")
@pytest.mark.parametrize("split", ["form", "form_and_url"])
def test_search_by_post_finds_the_same(api, resources, namesakes, family_search, split):
    form = {"gender": "female"} | ({"family": namesakes[0].family} if split == "form" else {})
    url = {"family": namesakes[0].family} if split == "form_and_url" else {}
    response = api.post("/fhir/Patient/_search", resources.token, data=form, params=url)

    wanted = sorted(one.uuid for one in namesakes if one.fields["sex"] == "Female")
    by_get = family_search(gender="female")
    expect.equal(sorted(resources.all_ids(by_get)), wanted, "the matches by GET", by_get)
    expect.status(response, 200)
    found_by_post = sorted(resources.all_ids(response))
    expect.equal(found_by_post, wanted, "the matches by POST", [response, by_get])


@requirement("FHIR-search-control-params-harmless")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_pretty", "true"),
        ("_format", "json"),
        ("_format", "application/fhir+json"),
        ("_summary", "false"),
        ("_elements", "id"),
        ("_total", "accurate"),
        ("_total", "none"),
        ("_contained", "false"),
        ("_include", "Patient:organization"),
        ("gender", ""),
    ],
)
def test_control_parameter_changes_no_match(resources, family_search, namesakes, name, value):
    response = family_search(**{name: value})

    expect.status(response, 200)
    matches = sorted(resources.all_ids(response))
    expect.equal(matches, sorted(one.uuid for one in namesakes), "matches", response)


def is_full_url(url, right):
    """Return whether a fullUrl identifies a resource: a URN, or a URL that agrees with its id.

    The resource may be on another server than the one that is searched (FHIR R4 section 3.1.0.9).
    """
    if url.startswith(("urn:uuid:", "urn:oid:")):
        return True
    return url.startswith("http") and url.endswith(right) and "/_search/" not in url
