"""The userinfo endpoint: the user of an access token."""

import pytest

from conformance import expect, requirement
from fixtures.driver.keys import unverified_claims
from fixtures.target.model import not_applicable


@pytest.fixture(scope="session")
def userinfo_response(http, discovery, session_by_grant):
    """Calls the advertised userinfo endpoint, with a good token by default.

    Not applicable if it does not exist, which OIDCD-3-userinfo-endpoint-exists judges.
    """
    endpoint = expect.member(discovery, "userinfo_endpoint", kind=str)
    good = f"Bearer {session_by_grant('authorization_code').access_token}"
    there = http.get(endpoint, headers={"Authorization": good})

    def call(method="GET", authorization=good):
        if there.status_code == 404 or not there.content:
            not_applicable("the userinfo endpoint that is advertised does not exist")
        headers = {} if authorization is None else {"Authorization": authorization}
        return http.request(method, endpoint, headers=headers)

    return call


@requirement("OIDCC-5.3-userinfo-sub")
def test_userinfo_is_about_the_user_of_the_id_token(userinfo_response, session_by_grant):
    response = userinfo_response()

    expected = unverified_claims(session_by_grant("authorization_code").id_token)["sub"]
    expect.equal(expect.member(response, "sub"), expected, "sub", response)


@requirement("OIDCC-5.3-userinfo-methods")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_answers_both_methods(userinfo_response, method):
    response = userinfo_response(method)

    expect.status(response, 200)
    expect.member(response, "sub", kind=str)


@requirement("OIDCC-5.3.3-userinfo-error")
@pytest.mark.parametrize("authorization", [None, "Bearer no-such-token"], ids=["none", "unknown"])
def test_userinfo_refuses_without_a_token(userinfo_response, authorization):
    response = userinfo_response(authorization=authorization)

    expect.status(response, 401)
    expect.header(response, "WWW-Authenticate", contains="Bearer")
