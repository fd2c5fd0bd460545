"""Response shapes have what a client sees, and no personal data."""

import json

import httpx
import pytest

from fixtures.wire import response_shapes
from fixtures.wire.exchanges import Exchange
from fixtures.wire.redaction import SECRETS

JSON = {"Content-Type": "application/json; charset=utf-8"}


def shape(path, body="", status=200, headers=JSON, method="GET", base="", **request):
    """Return the shape of one exchange, or None if it has none."""
    sent = httpx.Request(method, f"http://h{base}{path}", **request)
    response = httpx.Response(status, headers=headers, text=body, request=sent)
    if body.startswith("{"):
        response.extensions["parsed"] = json.loads(body)
    found = response_shapes.distinct_shapes([Exchange(sent, response, None, 0.1)], base, "default")
    return found[0] if found else None


@pytest.mark.parametrize(
    ("path", "expected_end"),
    [
        ("/oauth2/default/.well-known/openid-configuration", None),
        ("/apis/default/fhir/Patient/946da61d-9cff-4416-8d27-805f19f9d7d8", "Patient/{id}"),
        ("/apis/default/api/patient/7/encounter/12", "patient/{id}/encounter/{id}"),
        ("/oauth2/default/client/K6W1s9H9PMtSUYgb9477Iw", "client/{id}"),
        ("/apis/default/api/patient/no-such-patient", "patient/no-such-patient"),
        ("/apis/other/fhir/metadata", "{other site}/fhir/metadata"),
        ("/oauth2/default/smart/patient-select-confirm", "smart/patient-select-confirm"),
        ("/apis/default/fhir/DocumentReference/$docref", "DocumentReference/$docref"),
        ("/apis/default/fhir/Patient/%27%20or%201=1", "Patient/{id}"),
    ],
)
def test_route_has_no_ids(path, expected_end):
    """Ids are replaced, names of resources stay."""
    route = shape(path, base="/emr")[0]

    expected = expected_end or path.replace("/default/", "/{site}/")
    assert route.removesuffix(" without a token").endswith(expected)


def test_route_has_the_grant_and_whether_there_is_a_token():
    """Requests to one route differ by their grant and by having a token."""
    bearer = {"Authorization": "Bearer x"}
    assert shape("/oauth2/default/token", method="POST", content="a=b&grant_type=password&c=d")[0] \
        == "POST /oauth2/{site}/token password"  # fmt: skip
    assert shape("/apis/default/api/patient")[0].endswith("/api/patient without a token")
    assert shape("/apis/default/api/patient", headers=JSON, method="GET")[1:3] == (
        200,
        "application/json",
    )
    request = httpx.Request("GET", "http://h/apis/default/api/patient", headers=bearer)
    assert response_shapes.route_of(request, "/apis/default/api/patient", "default").endswith(
        "/api/patient"
    )
    assert shape("/interface/login/login.php", "<html>") is None


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        ("", "empty", ""),
        ("<!doctype html>", "html", ""),
        ("Error while decoding", "text", ""),
        ("[]", "json array", ""),
        ('{"error": "invalid_grant"}', "json", "invalid_grant"),
        ('{"resourceType": "OperationOutcome", "issue": [{"code": "security"}]}', "json",
         "security"),
        ('{"validationErrors": {"a": 1}, "internalErrors": []}', "json", "validationErrors"),
        ('{"error": ["odd"], "issue": [3]}', "json", ""),
    ],
)  # fmt: skip
def test_kind_of_a_body_is_recognised(body, kind, error):
    """The media type does not matter, and each form of error is recognised."""
    assert shape("/apis/default/api/x", body)[3:5] == (kind, error)


def test_fields_have_types_and_no_values():
    """Names and types are kept, also one level below `data`; names that may be data are not."""
    body = {"data": [{"pid": 1, "fname": "Ada"}], "links": [], "n": None, "Ada Lovelace": True}

    fields = shape("/apis/default/api/patient", json.dumps(body))[5]

    assert fields == "*:boolean data.fname:string data.pid:number data:array links: n:"


def test_secret_in_an_error_is_redacted():
    """A token in an error is redacted."""
    SECRETS.remember("access_token", "a-token-of-this-test-0123456789")

    found = shape("/apis/default/api/x", '{"error": "bad a-token-of-this-test-0123456789"}')

    assert "0123456789" not in str(found)
    assert found[4].startswith("bad <access_token ")
    assert shape("/apis/default/api/x", '{"a-token-of-this-test-0123456789": 1}')[5] == "*:number"


def test_redirect_has_its_error():
    """The authorization endpoint sends errors in the query of a redirect."""
    location = {"Location": "https://client/cb?error=access_denied&state=x"}

    assert shape("/oauth2/default/authorize", status=302, headers=location)[4] == "access_denied"
