"""FHIR search: parameters and values that the server cannot use."""

import pytest

from conformance import expect, requirement, writes
from fixtures.given.fhir_resources import ids
from fixtures.wire.client import json_body

pytestmark = writes  # the patients who are found are made by the run

UNREADABLE = {
    "birthdate_word": {"birthdate": "yesterday"},
    "birthdate_no_such_day": {"birthdate": "2020-13-40"},
    "lastUpdated_word": {"_lastUpdated": "yesterday"},
    "count_negative": {"_count": "-1"},
    "count_word": {"_count": "abc"},
}
STRANGE = {
    "quote": "'",
    "double_quote": '"',
    "backslash": "\\",
    "percent": "%",
    "pipe": "|",
    "dollar": "$",
    "comma": ",",
    "null_byte": "a\x00b",
    "long": "a" * 1500,
    "chinese": "张伟",
}
PAYLOADS = {
    "or_true": "' OR '1'='1",
    "union": "x' UNION SELECT NULL-- -",
    "stacked": "x'; SELECT 1;-- -",
    "backslash": "\\' OR 1=1-- -",
}


@requirement("FHIR-search-unknown-param")
@pytest.mark.parametrize("name", ["nonsense", "utm_source"])
def test_unknown_parameter_is_ignored(resources, namesakes, name):
    response = resources.search("Patient", {"family": namesakes[0].family, name: "x"})

    expect.status(response, 200)
    matches = sorted(resources.all_ids(response))
    expect.equal(matches, sorted(one.uuid for one in namesakes), "matches", response)


@requirement("FHIR-search-unknown-param")
def test_unknown_parameter_is_refused_where_handling_is_strict(resources, namesakes):
    params = {"family": namesakes[0].family, "nonsense": "x"}
    response = resources.search("Patient", params, headers={"Prefer": "handling=strict"})

    expect.status(response, 400)


@requirement("FHIR-search-bad-value")
@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.usefixtures("fhir_api_control")
def test_unreadable_value_is_refused(resources, namesakes, case):
    response = resources.get_once("/Patient", {"family": namesakes[0].family} | UNREADABLE[case])

    expect.refused(response)


@requirement("FHIR-search-no-5xx")
@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_value_breaks_nothing(resources, namesakes, case):
    response = resources.get_once("/Patient", {"family": namesakes[0].family} | UNREADABLE[case])

    expect.no_server_error(response)


@requirement("FHIR-search-no-5xx")
@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("name", ["family", "_id", "identifier", "birthdate", "_sort"])
def test_strange_value_breaks_nothing(resources, name, strange):
    response = resources.search("Patient", {name: STRANGE[strange], "_count": "1"})

    expect.no_server_error(response)


@requirement("FHIR-search-error-operationoutcome")
@pytest.mark.parametrize("case", ["count_negative", "birthdate_word"])
@pytest.mark.usefixtures("fhir_api_control")
def test_failed_search_carries_an_operation_outcome(resources, namesakes, case):
    response = resources.get_once("/Patient", {"family": namesakes[0].family} | UNREADABLE[case])

    bundle = response.is_success and json_body(response).get("resourceType") == "Bundle"
    if not bundle:
        expect.schema(response, "operation_outcome")


@requirement("FHIR-search-modifier-unsupported")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("family:nonsense", None, id="unknown_modifier"),
        pytest.param("gender:contains", "male", id="gender-contains"),
        pytest.param("birthdate:text", "1970", id="birthdate-text"),
    ],
)
@pytest.mark.usefixtures("fhir_api_control")
def test_unsupported_modifier_is_refused(resources, namesakes, name, value):
    """No server supports these: FHIR does not define them for the type of the parameter."""
    params = {"family": namesakes[0].family, name: value or namesakes[0].family}
    response = resources.search("Patient", params)

    expect.refused(response)


@requirement("FHIR-search-sql-injection")
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["family", "given", "_id", "identifier", "email"])
@pytest.mark.usefixtures("fhir_api_control")
def test_search_value_is_no_sql(resources, namesakes, name, payload):
    response = resources.search("Patient", {name: PAYLOADS[payload], "_count": "5"})

    expect.answered(response)
    expect.that("SQL" not in response.text, "no SQL in the answer", response.text, response)
    expect.equal(ids(response), [], "patients with such a name", response)


@requirement("FHIR-search-sql-injection")
@pytest.mark.usefixtures("fhir_api_control")
def test_sort_of_a_search_is_not_evaluated(resources, namesakes):
    orders = [
        resources.search(
            "Patient",
            {
                "family": namesakes[0].family,
                "_sort": f"CASE WHEN 1={number} THEN fname ELSE DOB END",
            },
        )
        for number in (1, 2)
    ]

    for response in orders:
        expect.answered(response)
    expect.equal(ids(orders[1]), ids(orders[0]), "the order with another condition", orders[::-1])
