"""What is kept of an answer: what a client sees of it, and nobody's data."""

import json

import httpx
import pytest

from fixtures.wire import response_shapes
from fixtures.wire.exchanges import Exchange
from fixtures.wire.redaction import SECRETS

JSON = {"Content-Type": "application/json; charset=utf-8"}


def seen(path, body="", status=200, headers=JSON, method="GET", base="", **request):
    """Return what is kept of one exchange, or None."""
    asked = httpx.Request(method, f"http://h{base}{path}", **request)
    answer = httpx.Response(status, headers=headers, text=body, request=asked)
    if body.startswith("{"):
        answer.extensions["parsed"] = json.loads(body)
    found = response_shapes.distinct_shapes([Exchange(asked, answer, None, 0.1)], base, "default")
    return found[0] if found else None


@pytest.mark.parametrize(
    ("path", "asked"),
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
def test_a_route_names_nobody(path, asked):
    """Ids give way to a word, names of things stay."""
    told = seen(path, base="/emr")[0]

    expected = asked or path.replace("/default/", "/{site}/")
    assert told.removesuffix(" without a token").endswith(expected)


def test_a_request_tells_its_grant_and_whether_it_has_a_token():
    """What makes two requests to one route different is part of the request."""
    bearer = {"Authorization": "Bearer x"}
    assert seen("/oauth2/default/token", method="POST", content="a=b&grant_type=password&c=d")[0] \
        == "POST /oauth2/{site}/token password"  # fmt: skip
    assert seen("/apis/default/api/patient")[0].endswith("/api/patient without a token")
    assert seen("/apis/default/api/patient", headers=JSON, method="GET")[1:3] == (
        200,
        "application/json",
    )
    request = httpx.Request("GET", "http://h/apis/default/api/patient", headers=bearer)
    assert response_shapes.route_of(request, "/apis/default/api/patient", "default").endswith(
        "/api/patient"
    )
    assert seen("/interface/login/login.php", "<html>") is None


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
def test_a_body_is_what_it_is(body, kind, error):
    """Whatever the media type says; errors are recognised in every form that OpenEMR has."""
    assert seen("/apis/default/api/x", body)[3:5] == (kind, error)


def test_fields_have_types_and_no_values():
    """Names and types are kept, one level into `data`; what may be data is not."""
    body = {"data": [{"pid": 1, "fname": "Ada"}], "links": [], "n": None, "Ada Lovelace": True}

    fields = seen("/apis/default/api/patient", json.dumps(body))[5]

    assert fields == "*:boolean data.fname:string data.pid:number data:array links: n:"


def test_a_secret_in_an_error_is_taken_out():
    """An error that repeats a token does not bring it into the results."""
    SECRETS.remember("access_token", "a-token-of-this-test-0123456789")

    kept = seen("/apis/default/api/x", '{"error": "bad a-token-of-this-test-0123456789"}')

    assert "0123456789" not in str(kept)
    assert kept[4].startswith("bad <access_token ")
    assert seen("/apis/default/api/x", '{"a-token-of-this-test-0123456789": 1}')[5] == "*:number"


def test_a_redirect_tells_its_error():
    """The authorization endpoint tells its errors in the address."""
    location = {"Location": "https://client/cb?error=access_denied&state=x"}

    assert seen("/oauth2/default/authorize", status=302, headers=location)[4] == "access_denied"
