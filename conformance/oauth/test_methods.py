"""Methods that the endpoints of the authorization server do not support."""

import pytest

from conformance import expect, requirement
from fixtures.target.model import not_applicable

#: Requests without parameters, with methods that an endpoint need not support.
ASKED = [
    ("authorization_endpoint", "PATCH"),
    ("token_endpoint", "GET"),
    ("token_endpoint", "PATCH"),
    ("registration_endpoint", "PATCH"),
    ("introspection_endpoint", "GET"),
    ("introspection_endpoint", "PATCH"),
    ("userinfo_endpoint", "PATCH"),
    ("jwks_uri", "PATCH"),
]


@requirement("RFC9110-15.5.6-oauth-allow")
@pytest.mark.parametrize(("endpoint", "method"), ASKED)
def test_refused_method_comes_with_those_that_are_allowed(server, http, endpoint, method):
    response = http.request(method, server.endpoint(endpoint))
    if response.status_code != 405:
        not_applicable("the server does not answer with 405")

    allowed = expect.header(response, "Allow")
    named = {each.strip().upper() for each in allowed.split(",")}
    expect.that(method not in named, f"no {method} in Allow", allowed, response)
