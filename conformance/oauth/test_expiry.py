"""Codes and tokens that have expired (see fixtures/given/expiring.py)."""

import pytest

from conformance import expect, requirement
from conformance.watch import disclosure


@requirement("OPENEMR-CODE-1min")
@pytest.mark.usefixtures("code_exchange_control")
def test_expired_code_gives_no_token(server, expired_code):
    client, allowed = expired_code()
    response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.no_token(response)


@requirement("RFC6750-exp-enforced")
def test_expired_access_token_opens_nothing(api, expired_token):
    session = expired_token().session
    response = api.get("/fhir/Patient", session.access_token, params={"_count": "1"})

    expect.no_data(response)


@requirement("RFC7662-2.2-inactive-expired")
def test_expired_access_token_is_inactive(server, expired_token, introspection_auth):
    session = expired_token().active().session
    auth = introspection_auth(session.client)
    response = server.introspect(session.client, session.access_token, auth=auth)

    disclosure.inactive(response)
