"""Requests that no honest client sends: they are refused as the protocol says.

An error page or a 5xx shows an attacker where to look further, and an honest client, whose user
pasted something odd, gets a response that it cannot read.
"""

import pytest

from conformance import expect, requirement

FORM = "application/x-www-form-urlencoded"
ODD = {
    "null_byte": "a\x00b",
    "control_characters": "\x01\x1b[31m\x7f",
    "line_breaks": "a\r\nSet-Cookie: injected=1\r\n\r\n",
    "markup": "<script>alert(1)</script>",
    "sql": "' OR '1'='1' -- ",
    "path": "../../../../etc/passwd",
    "other_letters": "t\u00f6k\u00e9n\U0001f511",
    "format": "%n%n%s%s",
    "long": "x" * 100_000,
}
#: Bodies that are not a form, by their kind.
BODIES = {
    "xml": ("<a><grant_type>refresh_token</grant_type></a>", "application/xml"),
    "json_list": ("[1, 2]", "application/json"),
    "json_deep": ("[" * 5000, "application/json"),
    "multipart": ("--x\r\n\r\nbroken", "multipart/form-data; boundary=x"),
    "unknown_type": ("\x00\x01", "application/octet-stream"),
    "many_parameters": ("&".join(f"x{number}=1" for number in range(1500)), FORM),
    "separators_only": ("&&&===&", FORM),
}


@requirement("RFC6749-5.2-hostile-json")
@pytest.mark.parametrize("parameter", ["code", "refresh_token", "client_id"])
@pytest.mark.parametrize("value", list(ODD))
def test_odd_value_is_refused_in_json(server, confidential_client, parameter, value):
    client = confidential_client
    form = {
        "grant_type": "refresh_token" if parameter == "refresh_token" else "authorization_code",
        "code": "no-such-code",
        "redirect_uri": client.redirect_uri,
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        parameter: ODD[value],
    }
    response = server.token(form)

    _expect_error(response)


@requirement("RFC6749-5.2-hostile-json")
@pytest.mark.parametrize("body", list(BODIES))
def test_body_that_is_no_form_is_refused_in_json(server, http, body):
    content, media_type = BODIES[body]
    response = http.post(
        server.token_endpoint, content=content, headers={"Content-Type": media_type}
    )

    _expect_error(response)


@requirement("RFC7662-2.3-hostile-json")
@pytest.mark.parametrize("value", list(ODD))
def test_odd_token_is_answered_in_json(server, confidential_client, value):
    response = server.introspect(confidential_client, ODD[value])

    _expect_nothing_active(response)


@requirement("RFC7662-2.3-hostile-json")
@pytest.mark.parametrize("body", list(BODIES))
def test_introspection_without_a_form_is_answered_in_json(server, http, body):
    content, media_type = BODIES[body]
    response = http.post(
        server.endpoint("introspection_endpoint"),
        content=content,
        headers={"Content-Type": media_type},
    )

    _expect_nothing_active(response)


def _expect_error(response):
    __tracebackhide__ = True
    expect.no_token(response)
    expect.refused(response)
    expect.media_type(response, "application/json")
    expect.member(response, "error", kind=str)


def _expect_nothing_active(response):
    __tracebackhide__ = True
    expect.no_server_error(response)
    body = expect.json_object(response)
    expect.that(body.get("active") is not True, "nothing active", body, response)
