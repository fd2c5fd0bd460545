"""The watch over all exchanges: its alarms, and their routes."""

import httpx
import pytest

from conformance.watch import alarms as watch
from fixtures.wire.exchanges import Exchange

JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
TOKEN = "0123456789abcdef"


def alarms(path, status=200, body="{}", headers=JSON, **request):
    """Return the kinds of alarms of an exchange, with their routes."""
    sent = httpx.Request("GET", f"http://h/base{path}", **request)
    response = httpx.Response(status, headers=headers, text=body, request=sent)
    found = watch.find_alarms(Exchange(sent, response, None, 0.1), "http://h/base", set())
    return {alarm["kind"]: alarm["where"] for alarm in found}


def test_good_response_raises_no_alarm():
    """A correct exchange raises no alarm."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}

    assert alarms("/apis/default/fhir/Patient/1", headers=JSON, body="{}") == {}
    assert alarms("/apis/default/api/patient", headers=JSON) == {}
    sent = httpx.Request("GET", "http://h/apis/default/api/patient", headers=bearer)
    response = httpx.Response(200, headers=JSON, text="{}", request=sent)
    assert watch.find_alarms(Exchange(sent, response, None, 0.1), "http://h", set()) == []


@pytest.mark.parametrize(
    ("kind", "response"),
    [
        ("server_error", {"status": 500}),
        ("internals", {"body": '{"error": "in /var/www/html/src/A.php:12"}'}),
        ("internals", {"body": '{"error": "SQLSTATE[42000]"}'}),
        ("html", {"body": "<p>no</p>", "headers": JSON | {"Content-Type": "text/html"}}),
        ("broken_json", {"body": "{}An error occurred"}),
        ("secret_shown", {"status": 302, "headers": JSON | {"Location": "/x?access_token=abc"}}),
    ],
)
def test_alarm_is_raised_at_its_route(kind, response):
    """Each kind is detected, and its route has no ids."""
    path = "/apis/default/fhir/Patient/9c1b2f0e-0000-4000-8000-000000000000"

    assert alarms(path, **response)[kind] == "GET /apis/default/fhir/Patient/*"


@pytest.mark.parametrize(
    "body",
    [
        "<h2><font color='red'>Query Error</font></h2>",  # sql_string_no_show_screen is on
        "<p><font color='red'>ERROR:</font> query failed: DELETE FROM `users`</p>",
        "<p>insert failed: INSERT INTO t VALUES (?)</p>",
        "<br />/app/library/sql.inc.php at 131:HelpfulDie",
        "<p>SQL Statement failed on preparation: SELECT 1'</p>",
        "<p>Input array has 2 params, does not match query: 'SELECT 1'</p>",
        '{"detail": "Failed to execute statement. Error: x Statement: SELECT 1"}',
        '{"detail": "Insert failed. SQL error x Query: INSERT"}',
        "ERROR: OpenEMR SQL Escaping ERROR of the following string: x",
        "Failure during database access! Check server error log.",
        "Unknown column 'lname,' in 'order clause'",
        "Duplicate entry '7' for key 'PRIMARY'",
    ],
)
def test_database_error_raises_an_alarm(body):
    """Every form of a database error of OpenEMR, ADOdb and MariaDB is detected."""
    assert "internals" in alarms("/apis/default/api/patient", 500, body)


@pytest.mark.parametrize("body", ["Your query failed the quality test", "<p>Error</p>"])
def test_text_about_failures_raises_no_alarm(body):
    """Words that data may contain are not a database error."""
    assert "internals" not in alarms("/apis/default/api/patient", 200, body)


def test_alarm_is_raised_once():
    """The same fault at the same route raises one alarm per process."""
    sent = httpx.Request("GET", "http://h/apis/default/api/patient")
    exchange = Exchange(sent, httpx.Response(500, json={}, request=sent), None, 0.1)
    seen = set()
    first = watch.find_alarms(exchange, "http://h", seen)

    assert [each["kind"] for each in first] == ["server_error"]
    assert watch.find_alarms(exchange, "http://h", seen) == []


def test_cacheable_data_raises_an_alarm():
    """Data for a token without Cache-Control raises an alarm for the API."""
    sent = httpx.Request(
        "GET", "http://h/apis/default/fhir/Patient", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    response = httpx.Response(200, json={"token": TOKEN}, request=sent)
    found = watch.find_alarms(Exchange(sent, response, None, 0.1), "http://h", set())

    assert {each["kind"]: each["where"] for each in found} == {
        "cacheable": "GET /apis/default/fhir",
        "secret_shown": "GET /apis/default/fhir/Patient",
    }


@pytest.mark.parametrize(
    ("base", "kinds"), [("https://h", []), ("https://h:8443", []), ("http://h", ["html"])]
)
def test_refusal_of_plain_http_raises_no_alarm(base, kinds):
    """A web server refuses plain http with a page; no endpoint of OpenEMR has seen the request."""
    sent = httpx.Request("POST", "http://h/oauth2/default/registration", json={})
    response = httpx.Response(400, html="<p>plain HTTP to an SSL-enabled port", request=sent)
    found = watch.find_alarms(Exchange(sent, response, None, 0.1), base, set())

    assert [each["kind"] for each in found] == kinds


@pytest.mark.parametrize(("status", "kinds"), [(200, []), (500, ["server_error"])])
def test_trace_response_raises_no_alarm(status, kinds):
    """The response to TRACE is judged by its own check, as a SHOULD."""
    url, bearer = "http://h/apis/default/api/patient", {"Authorization": f"Bearer {TOKEN}"}
    sent = httpx.Request("TRACE", url, headers=bearer)
    text = f"TRACE /apis/default/api/patient HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    response = httpx.Response(
        status, headers={"Content-Type": "message/http"}, text=text, request=sent
    )
    found = watch.find_alarms(Exchange(sent, response, None, 0.1), "http://h", set())

    assert [each["kind"] for each in found] == kinds
