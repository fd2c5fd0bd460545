"""Failures say what the doctor would say: one knowledge of what people run into."""

import pytest

from conformance import expect
from conformance.expect import Mismatch
from fixtures.driver.authorization_server import require_tokens
from fixtures.wire.client import Blocked, Request, Response
from fixtures.wire.pitfalls import hint


def token_answer(status, body, **form):
    """An answer of a token endpoint to a form."""
    request = Request("POST", "https://emr.example.org/oauth2/default/token", data=form)
    return Response(status, json=body, request=request)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            token_answer(400, {"error": "unsupported_grant_type"}, grant_type="password"),
            "Enable OAuth2 Password Grant",
        ),
        (
            token_answer(400, {"error": "invalid_request"}, grant_type="password"),
            "user_role=users",
        ),
        (token_answer(401, {"error": "invalid_client"}, client_secret="x"), "Enable Client"),
        (token_answer(401, {"error": "invalid_client"}, client_assertion="x"), "RS384"),
        (
            token_answer(400, {"error": "invalid_scope", "hint": "Check the `site:default` scope"}),
            "log in again",
        ),
        (
            token_answer(400, {"error": "invalid_scope", "hint": "Check the `api:pofh` scope"}),
            "api:pofh is not known",
        ),
        (token_answer(500, {}), "error log"),
    ],
    ids=["grant-off", "role", "client", "assertion", "upgraded", "old-scope", "broken"],
)
def test_failure_has_the_same_words(answer, words):
    """A failed expectation and a blocked check say what the doctor would say."""
    with pytest.raises(Mismatch) as missed:
        expect.status(answer, 200)
    with pytest.raises(Blocked) as blocked:
        require_tokens(answer)

    assert words in missed.value.hint
    assert words in blocked.value.hint


def test_expected_refusal_needs_no_hint():
    """Who expects a refusal and gets another one is not told how to be let in."""
    answer = token_answer(401, {"error": "invalid_client"}, client_id="x")

    with pytest.raises(Mismatch) as missed:
        expect.status(answer, 400)

    assert missed.value.hint is None


def test_token_without_dots_is_explained():
    """An API that got something else than a token is the proxy's or Postman's fault."""
    request = Request(
        "GET",
        "https://emr.example.org/apis/default/fhir/Patient",
        headers={"Authorization": "Basic Zm9vOmJhcg=="},
    )
    answer = Response(401, json={"hint": "The JWT string must have two dots"}, request=request)

    assert "Postman has to be set to No Auth" in str(hint(answer))
