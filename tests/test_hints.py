"""Failures have the same hints as the lines of the doctor."""

import pytest

from conformance import expect
from conformance.mismatch import Mismatch
from fixtures.driver.authorization_server import require_tokens
from fixtures.wire.client import Blocked, Request, Response
from fixtures.wire.pitfalls import hint


def token_response(status, body, **form):
    """Return a response of a token endpoint to a form."""
    request = Request("POST", "https://emr.example.org/oauth2/default/token", data=form)
    return Response(status, json=body, request=request)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (
            token_response(400, {"error": "unsupported_grant_type"}, grant_type="password"),
            "Enable OAuth2 Password Grant",
        ),
        (
            token_response(400, {"error": "invalid_request"}, grant_type="password"),
            "user_role=users",
        ),
        (token_response(401, {"error": "invalid_client"}, client_secret="x"), "Enable Client"),
        (token_response(401, {"error": "invalid_client"}, client_assertion="x"), "RS384"),
        (
            token_response(
                400, {"error": "invalid_scope", "hint": "Check the `site:default` scope"}
            ),
            "log in again",
        ),
        (
            token_response(400, {"error": "invalid_scope", "hint": "Check the `api:pofh` scope"}),
            "api:pofh is not known",
        ),
        (token_response(500, {}), "error log"),
    ],
    ids=["grant-off", "role", "client", "assertion", "upgraded", "old-scope", "broken"],
)
def test_failure_has_the_same_words(response, words):
    """A failed expectation and a blocked check have the wording of the doctor."""
    with pytest.raises(Mismatch) as missed:
        expect.status(response, 200)
    with pytest.raises(Blocked) as blocked:
        require_tokens(response)

    assert words in missed.value.hint
    assert words in blocked.value.hint


def test_expected_refusal_needs_no_hint():
    """A wrong refusal gets no hint about how to avoid a refusal."""
    response = token_response(401, {"error": "invalid_client"}, client_id="x")

    with pytest.raises(Mismatch) as missed:
        expect.status(response, 400)

    assert missed.value.hint is None


def test_token_without_dots_is_explained():
    """A token that is not a JWT comes from a proxy or from Postman."""
    request = Request(
        "GET",
        "https://emr.example.org/apis/default/fhir/Patient",
        headers={"Authorization": "Basic Zm9vOmJhcg=="},
    )
    response = Response(401, json={"hint": "The JWT string must have two dots"}, request=request)

    assert "Postman has to be set to No Auth" in str(hint(response))
