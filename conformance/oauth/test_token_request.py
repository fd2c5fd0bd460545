"""The token endpoint: which requests it accepts, and how it refuses the others."""

import re
from functools import cache

import pytest

from conformance import expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import FormParameterAuth

SCOPE = "openid api:oemr user/patient.read"
OFFLINE_SCOPE = f"{SCOPE} offline_access"
SYSTEM = "system/Patient.read api:fhir"
#: RFC 6749 section 5.2: the characters of error and error_description.
ERROR_TEXT = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
METHODS = ["GET", "PUT", "DELETE"]
LEAK = re.compile(r"<html|Fatal error|Stack trace|Uncaught|SQLSTATE|/var/www|\.php", re.IGNORECASE)
REFUSALS = [
    "no_grant_type",
    "unknown_grant_type",
    "unknown_client",
    "no_code",
    "bad_code",
    "no_refresh_token",
    "bad_refresh_token",
    pytest.param("unknown_scope", marks=needs("oauth.password_grant")),
    pytest.param("bad_assertion", marks=needs("oauth.client_credentials")),
]


@pytest.fixture(scope="session")
def response_to_faulty_request(server, clients, admin):
    """The response to a token request with a fault, by the name of the fault; sent once."""
    client = clients.confidential
    forms = {
        "no_grant_type": {"code": "x"},
        "unknown_grant_type": {"grant_type": "urn:example:unknown"},
        "no_code": {"grant_type": "authorization_code", "redirect_uri": client.redirect_uri},
        "bad_code": {
            "grant_type": "authorization_code",
            "redirect_uri": client.redirect_uri,
            "code": "no-such-code",
        },
        "no_refresh_token": {"grant_type": "refresh_token"},
        "bad_refresh_token": {"grant_type": "refresh_token", "refresh_token": "no-such-token"},
        "unknown_client": {"grant_type": "refresh_token", "refresh_token": "x"},
        "unknown_scope": {
            "grant_type": "password",
            "user_role": "users",
            "username": admin.name,
            "password": admin.password,
            "scope": "no/such.scope",
        },
        "bad_assertion": {
            "grant_type": "client_credentials",
            "scope": SYSTEM,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "no.jwt.atall",
        },
    }

    def send(fault):
        auth = client.authentication()
        if fault == "unknown_client":
            auth = FormParameterAuth(client_id="no-such-client", client_secret="none")
        if fault == "bad_assertion":
            auth = None
        return server.token(forms[fault], auth)

    return cache(send)


@pytest.fixture(scope="module")
def responses_to_refresh_requests(server, pooled_clients, refresh_redemptions):
    """The responses to refreshes by other methods, with repeated parameters and an empty scope.

    The last request has to give tokens, which proves that the refresh token was good. It is the
    last one also because a server may grant tokens without any scope for it.
    """
    client = pooled_clients.confidential(OFFLINE_SCOPE)

    def form_of(token):
        return [("grant_type", "refresh_token"), ("refresh_token", token.value)]

    def by_method(method):
        def send(token):
            form = dict(form_of(token))
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
            place = {"params": form} if method == "GET" else {"data": form}
            return server.http.request(method, server.token_endpoint, **place)

        return send

    def with_more(first, last):
        def send(token):
            form = form_of(token)
            return server.token([*first, *form, *form[2 - last :]], client.authentication())

        return send

    requests = {method: by_method(method) for method in METHODS}
    requests |= {
        "grant_type": with_more([("grant_type", "refresh_token")], 0),
        "refresh_token": with_more([], 1),
        "refresh_token_first_wrong": with_more([("refresh_token", "wrong")], 0),
        "empty_scope": lambda token: server.refresh(client, token.value, ""),
    }
    return refresh_redemptions(client, OFFLINE_SCOPE, requests)


@requirement("RFC6749-3.2-post-required")
@pytest.mark.parametrize("method", METHODS)
def test_token_endpoint_takes_post_only(responses_to_refresh_requests, method):
    expect.no_token(responses_to_refresh_requests[method])


@requirement("RFC6749-3.2-unknown-params-ignored")
def test_unknown_parameter_is_ignored(
    server, code_flow_with_optional_parameters, new_authorization
):
    response = code_flow_with_optional_parameters and code_flow_with_optional_parameters.response
    if response is None:
        client, allowed = new_authorization(SCOPE)
        response = server.exchange(client, allowed.code, verifier=allowed.verifier, x_unknown="1")

    expect.status(response, 200)


@requirement("RFC6749-3.2-duplicate-params")
@pytest.mark.parametrize("twice", ["grant_type", "refresh_token", "refresh_token_first_wrong"])
def test_repeated_parameter_is_refused(responses_to_refresh_requests, twice):
    response = responses_to_refresh_requests[twice]

    expect.no_token(response)
    expect.status(response, 400)


@requirement("RFC6749-3.2-duplicate-params")
@needs("oauth.client_credentials")
@pytest.mark.parametrize("first", ["the_same", "garbage"])
@pytest.mark.usefixtures("proven_system_client")
def test_second_assertion_is_refused(server, system_client, first):
    client = system_client
    good = keys.client_assertion(client.client_id, client.audience, client.key)
    form = [
        ("grant_type", "client_credentials"),
        ("scope", SYSTEM),
        ("client_assertion_type", keys.JWT_BEARER),
        ("client_assertion", {"the_same": good, "garbage": "no.jwt.atall"}[first]),
        ("client_assertion", good),
    ]
    response = server.token(form)

    expect.no_token(response)
    expect.status(response, 400)


@requirement("RFC6749-3.2-empty-param-omitted")
@pytest.mark.parametrize("parameter", ["refresh_token", "scope"])
def test_empty_parameter_counts_as_left_out(request, server, confidential_client, parameter):
    if parameter == "refresh_token":
        response = server.refresh(confidential_client, "")

        expect.oauth_error(response, "invalid_request")
    else:
        answers = request.getfixturevalue("responses_to_refresh_requests")
        response = answers["empty_scope"]

        expect.status(response, 200)
        expect.equal(response.json().get("scope", ""), answers.scope, "scope", response)


@requirement("RFC6749-5.2-unsupported-grant")
@pytest.mark.parametrize(
    "grant",
    [
        pytest.param("foo", id="word"),
        pytest.param("urn:example:nope", id="urn"),
        pytest.param("Refresh_Token", id="other_case"),
    ],
)
def test_unknown_grant_is_unsupported(server, confidential_client, grant):
    response = server.token({"grant_type": grant}, confidential_client.authentication())

    expect.oauth_error(response, "unsupported_grant_type")


@requirement("RFC6749-5.2-missing-grant-type")
def test_missing_grant_type_is_an_invalid_request(response_to_faulty_request):
    response = response_to_faulty_request("no_grant_type")

    expect.oauth_error(response, "invalid_request", "unsupported_grant_type")


@requirement("RFC6749-5.2-error-json")
@pytest.mark.parametrize("fault", REFUSALS)
def test_token_error_is_json(response_to_faulty_request, fault):
    response = response_to_faulty_request(fault)

    expect.no_token(response)
    expect.media_type(response, "application/json")
    for name in ("error", "error_description", "error_uri"):
        text = expect.json_object(response).get(name, "-" if name != "error" else None)
        expect.that(
            isinstance(text, str) and ERROR_TEXT.fullmatch(text),
            f"{name} to be a string of allowed characters",
            text,
            response,
        )


@requirement("RFC6749-5.2-error-no-html")
@pytest.mark.parametrize("fault", REFUSALS)
def test_token_error_tells_no_internals(response_to_faulty_request, fault):
    response = response_to_faulty_request(fault)
    found = LEAK.search(response.text)

    expect.no_token(response)
    expect.that(not found, "no internals", found and found.group(), response)


@requirement("RFC6749-5.2-error-no-store")
@pytest.mark.parametrize("fault", REFUSALS)
def test_token_error_is_not_stored(response_to_faulty_request, fault):
    response = response_to_faulty_request(fault)

    expect.no_token(response)
    expect.header(response, "Cache-Control", contains="no-store")


@requirement("RFC6749-token-grant-not-registered")
@pytest.mark.usefixtures("password_grant_control")
def test_grant_type_that_is_not_registered_is_refused(server, new_client, admin):
    client = new_client.confidential(SCOPE, grant_types=["authorization_code"])
    response = server.password(client, admin, SCOPE)

    # The server may register more than was requested, if it says so (RFC 7591 section 3.2.1).
    expect.that(
        not response.is_success or "password" in client.metadata.get("grant_types", []),
        "a refusal of the password grant",
        response.status_code,
        response,
    )


@requirement("RFC6749-token-no-5xx")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(("", "application/x-www-form-urlencoded"), id="empty"),
        pytest.param(("grant_type=password", None), id="no_content_type"),
        pytest.param(("grant_type=password", "text/plain"), id="plain_text"),
        pytest.param(("grant_type=password", "multipart/form-data; boundary=x"), id="multipart"),
        pytest.param(('{"grant_type": "password"}', "application/json"), id="json"),
        pytest.param(("{", "application/json"), id="broken_json"),
        pytest.param(("grant_type=%ff%fe", "application/x-www-form-urlencoded"), id="no_utf8"),
        pytest.param(("grant_type=%00", "application/x-www-form-urlencoded"), id="null_byte"),
        pytest.param(
            ("grant_type[]=refresh_token&client_id=x", "application/x-www-form-urlencoded"),
            id="list_of_grants",
        ),
        pytest.param(
            ("grant_type=authorization_code&code[]=x", "application/x-www-form-urlencoded"),
            id="list_of_codes",
        ),
        pytest.param(
            ("grant_type=refresh_token&client_id[a][b]=x", "application/x-www-form-urlencoded"),
            id="nested_client_id",
        ),
        pytest.param(
            (
                "grant_type=refresh_token&refresh_token=" + "x" * 100_000,
                "application/x-www-form-urlencoded",
            ),
            id="long_value",
        ),
    ],
)
def test_malformed_token_request_breaks_nothing(server, http, body):
    content, media_type = body
    headers = {"Content-Type": media_type} if media_type else {}
    response = http.post(server.token_endpoint, content=content, headers=headers)

    expect.no_token(response)
    expect.no_server_error(response)


@requirement("RFC6749-token-no-5xx")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_other_method_breaks_nothing(server, http, method):
    response = http.request(method, server.token_endpoint)

    expect.no_token(response)
    expect.no_server_error(response)
