"""Checks take every answer that the standards permit, also those that no OpenEMR gives."""

import contextlib
from types import SimpleNamespace

import pytest

from conformance.expect import Mismatch
from conformance.oauth import test_bearer_routes as routes
from conformance.oauth import test_discovery_truth as documents
from fixtures.wire.client import Request, Response

METADATA = {"issuer": "https://emr.example.org/oauth2/default"}


def answering(status, **options):
    """Return a client whose every answer is the same."""
    answer = Response(status, request=Request("GET", "https://emr.example.org/"), **options)
    return SimpleNamespace(get=lambda _: answer)


def refused(refuses):
    """Expect a mismatch, or none."""
    return pytest.raises(Mismatch) if refuses else contextlib.nullcontext()


@pytest.mark.parametrize(
    ("http", "wrong"),
    [
        *((answering(status), False) for status in (400, 401, 403, 404, 405, 410, 429)),
        (answering(200, json=METADATA), False),
        (answering(200, json=[METADATA]), True),
        (answering(200, json={}), True),
        (answering(200, text="<html>Log in</html>"), True),
        (answering(204), True),
        (answering(302, headers={"Location": "/login"}), True),
        (answering(500, json=METADATA), True),
        (answering(503), True),
    ],
)
def test_metadata_is_there_or_any_error_of_the_client_says_no(http, wrong):
    """RFC 8414 section 3.2 asks for 200 with JSON, or for the status that applies to an error."""
    server = SimpleNamespace(url=lambda path: path)
    with refused(wrong):
        documents.test_metadata_of_oauth_is_there_or_nothing_is(server, http)


@pytest.mark.parametrize(
    ("allowed", "wrong"),
    [(routes.OPEN, {204, 302, 400, 500}), (routes.REFUSALS, {200, 204, 302, 400, 500})],
    ids=["open", "unknown"],
)
def test_stranger_is_refused_also_for_the_method(allowed, wrong):
    """An address that has no GET may say so; one that is not there shows nothing."""
    for status in (200, 204, 302, 400, 401, 403, 404, 405, 500):
        with refused(status in wrong):
            routes.test_address_answers_who_has_no_token(answering(status), "", allowed)
