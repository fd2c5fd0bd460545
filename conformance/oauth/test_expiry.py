"""Codes and tokens that are past their lifetime; see fixtures/aging.py for how they get old."""

from conformance import disclosure, expect, requirement


@requirement("OPENEMR-CODE-1min")
def test_expired_code_gives_no_token(server, aged_code):
    """A code that is past its lifetime, a minute in OpenEMR, is refused."""
    client, allowed = aged_code()
    response = server.exchange(client, allowed.code, verifier=allowed.verifier)

    expect.no_token(response)


@requirement("RFC6750-exp-enforced")
def test_expired_access_token_opens_nothing(api, aged_token):
    """An access token that has expired opens nothing any more."""
    session = aged_token().session
    response = api.get("/fhir/Patient", session.access_token, params={"_count": "1"})

    expect.no_data(response)


@requirement("RFC7662-2.2-inactive-expired")
def test_expired_access_token_is_inactive(server, aged_token):
    """A token that has expired is not active any more."""
    session = aged_token().active().session
    auth = session.client.authentication("client_secret_post")
    response = server.introspect(session.client, session.access_token, auth=auth)

    disclosure.inactive(response)
