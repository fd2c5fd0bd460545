"""Checks accept every response that the standards permit, even if no OpenEMR sends it."""

import contextlib
from types import SimpleNamespace

import pytest

from conformance.app import test_app as apps
from conformance.mismatch import Mismatch
from conformance.oauth import test_bearer_routes as routes
from conformance.oauth import test_discovery_truth as documents
from fixtures.target.app import Call
from fixtures.wire.client import Request, Response

METADATA = {"issuer": "https://emr.example.org/oauth2/default"}


def answering(status, **options):
    """Return a client that always gets the same response."""
    answer = Response(status, request=Request("GET", "https://emr.example.org/"), **options)
    return SimpleNamespace(get=lambda _: answer)


def mismatch_if(is_expected):
    """Return a context that expects a mismatch, or none."""
    return pytest.raises(Mismatch) if is_expected else contextlib.nullcontext()


@pytest.mark.parametrize(
    ("http", "wrong"),
    [
        *((answering(status), False) for status in (400, 401, 403, 404, 405, 410, 429)),
        (answering(200, json=METADATA), False),
        (answering(200, json=[METADATA]), True),
        (answering(200, json={}), True),
        (answering(200, text="<html>Log in</html>"), True),
        (answering(204), True),
        (answering(302, headers={"Location": "/login"}), False),
        (answering(500, json=METADATA), True),
        (answering(503), True),
    ],
)
def test_metadata_is_a_document_or_a_client_error(http, wrong):
    """RFC 8414 section 3.2 requires JSON of a 200; a server may have nothing there."""
    server = SimpleNamespace(issuer="https://emr.example.org/oauth2/default")
    with mismatch_if(wrong):
        documents.test_metadata_of_oauth_is_there_or_nothing_is(server, http)


@pytest.mark.parametrize(
    ("permitted", "wrong"),
    [(routes.OPEN, {204, 302, 400, 500}), (routes.REFUSALS, {200, 204, 302, 400, 500})],
    ids=["open", "unknown"],
)
def test_method_may_be_refused_before_the_token(permitted, wrong):
    """A 405 is a permitted response of an address without GET, for a missing one too."""
    for status in (200, 204, 302, 400, 401, 403, 404, 405, 500):
        with mismatch_if(status in wrong):
            routes.test_address_answers_who_has_no_token(answering(status), "", permitted)


PDF = {"headers": {"Content-Type": "application/pdf"}, "content": b"%PDF-1.7"}
FHIR = {"headers": {"Content-Type": "application/fhir+json"}, "content": b"{}"}


@pytest.mark.parametrize(
    ("declared", "status", "answer", "wrong"),
    [
        ({}, 200, FHIR, False),
        ({}, 200, PDF, True),
        ({}, 204, {}, True),
        ({"statuses": (204,)}, 204, {}, False),
        ({"statuses": (200, 204)}, 200, PDF, True),
        ({"media_type": "application/pdf"}, 200, PDF, False),
        ({"media_type": "application/pdf"}, 200, FHIR, True),
    ],
)
def test_app_is_answered_as_it_declares(declared, status, answer, wrong):
    """An app may do without a body, or read another media type than JSON."""
    call = Call("/fhir/Binary/1", "code", **declared)
    response = Response(status, request=Request("GET", "https://emr.example.org/"), **answer)
    api = SimpleNamespace(request=lambda *_, **__: response, target=SimpleNamespace(users={}))

    with mismatch_if(wrong):
        apps.test_app_is_answered(SimpleNamespace(token=lambda _: "t"), api, call)
