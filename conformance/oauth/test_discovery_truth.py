"""The provider metadata: whether it is true."""

from functools import cache
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

from conformance import GRANTS, expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import Client, Pkce, PrivateKeyJwt, require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.given.authorizations import NONCE, REFUSABLE
from fixtures.wire.exchanges import exchange_line

STAFF = "openid api:oemr user/facility.read"
#: The parameter that each word of a response type brings to the client.
BRINGS = {"code": "code", "token": "access_token", "id_token": "id_token"}
FOREIGN = "evil.example"


@requirement("RFC8414-2-response-types-supported")
def test_listed_response_types_work(
    discovery, code_flow_with_optional_parameters, server, new_client, admin
):
    listed = expect.member(discovery, "response_types_supported", kind=list)

    broken, failed = [], []
    for response_type in listed:
        if response_type == "none":  # it brings no parameter of its own
            continue
        types = {"response_types": [response_type], "grant_types": grants_of(response_type)}
        registered = new_client.register(new_client.public_metadata(SCOPE) | types)
        if not registered.is_success:
            broken.append(f"{response_type}: refused at registration")
            failed.append(registered)
            continue
        if response_type == "code" and code_flow_with_optional_parameters:
            continue  # this code flow used it
        client = new_client.enable_if_needed(
            Client(expect.member(registered, "client_id", kind=str))
        )
        wishes = {"response_type": response_type, "nonce": "a-nonce-for-the-id-token"}
        answer = Browser(server).authorize(client, admin, SCOPE, parameters=wishes).response
        missing = {BRINGS.get(word, word) for word in response_type.split()} - {*came(answer)}
        if missing:
            broken.append(f"{response_type}: {exchange_line(answer.request, answer)}")
            failed.append(answer)
    expect.that(listed and not broken, "an answer for each type", broken, [*failed, discovery])


@requirement("RFC8414-2-response-modes-truthful")
def test_listed_response_modes_work(
    discovery, code_flow_with_optional_parameters, server, new_client, admin
):
    listed = expect.json_object(discovery).get("response_modes_supported", ["query"])

    client = new_client.public(SCOPE)
    broken, failed = [], []
    for mode in listed:
        if (
            mode == "query"
            and code_flow_with_optional_parameters
            and used_mode(code_flow_with_optional_parameters.authorization.response) == mode
        ):
            continue  # this code flow used it
        wishes = {"response_mode": mode}
        answer = Browser(server).authorize(client, admin, SCOPE, parameters=wishes).response
        if used_mode(answer) != mode:
            broken.append(f"{mode}: {exchange_line(answer.request, answer)}")
            failed.append(answer)
    words = "the code in the mode that was asked for"
    expect.that(not broken, words, broken, [*failed, discovery])


@requirement("RFC8414-2-code-challenge-methods")
def test_listed_challenge_methods_work(
    discovery, code_flow_with_optional_parameters, server, new_client, admin
):
    listed = expect.member(discovery, "code_challenge_methods_supported", kind=list)

    broken, failed = [], []
    for method in listed:
        if method == "S256" and code_flow_with_optional_parameters:
            continue  # this code flow used it
        client, pkce = new_client.public(SCOPE), Pkce.new()
        pkce = Pkce(pkce.verifier, pkce.verifier) if method == "plain" else pkce
        wishes = {"code_challenge_method": method}
        answer = Browser(server).authorize(client, admin, SCOPE, pkce=pkce, parameters=wishes)
        code = answer.parameters.get("code", "")
        response = server.exchange(client, code, verifier=pkce.verifier) if code else None
        if response is None or response.status_code != 200:
            last = response if response is not None else answer.response
            broken.append(f"{method}: {exchange_line(last.request, last)}")
            failed.append(last)
    expect.that(listed and not broken, "a token with each method", broken, [*failed, discovery])


@requirement("RFC8414-2-grant-types-truthful")
@pytest.mark.parametrize("grant", GRANTS)
def test_working_grant_types_are_listed(discovery, token_response, grant):
    response = token_response(grant)
    require_tokens(response)
    listed = expect.json_object(discovery).get("grant_types_supported", ["authorization_code"])

    name = grant.removesuffix("_patient")
    expect.contains(listed, name, "grant_types_supported", [discovery, response])


@requirement("RFC8414-2-signing-alg-truthful")
def test_listed_assertion_algorithms_work(discovery, server, new_client):
    name = "token_endpoint_auth_signing_alg_values_supported"
    listed = expect.json_object(discovery).get(name, [])
    scope = "api:fhir system/Patient.read"

    broken, failed = [], []
    for algorithm in listed:
        kind = "EC" if algorithm.startswith("ES") else "RSA"
        key = keys.key(f"for-{algorithm}", kind, algorithm)
        client = new_client.system(scope, key=key)
        auth = PrivateKeyJwt(client.client_id, client.audience, key, algorithm)
        response = server.client_credentials(client, scope, auth=auth)
        if response.status_code != 200:
            broken.append(f"{algorithm}: {exchange_line(response.request, response)}")
            failed.append(response)
    expect.that(not broken, "a token with each algorithm", broken, [*failed, discovery])


@requirement("OIDCD-3-request-uri-default")
def test_request_uri_is_read_or_denied(
    discovery, authorization_with_refusable_parameters, shared_authorization
):
    declared = expect.json_object(discovery).get("request_uri_parameter_supported", True)
    answer = (
        authorization_with_refusable_parameters
        or shared_authorization(request_uri=REFUSABLE["request_uri"])[1]
    )

    error = answer.parameters.get("error")
    unread = "code" in answer.parameters or error == "request_uri_not_supported"
    received = f"supported, and {error or 'ignored'}"
    both = [answer.response, discovery]
    expect.that(declared is False or not unread, "to be read or denied", received, both)


@requirement("OIDCD-3-userinfo-endpoint-exists")
def test_userinfo_answers_a_valid_token(discovery, http, token_response):
    token = require_tokens(token_response("authorization_code"))["access_token"]
    endpoint = expect.member(discovery, "userinfo_endpoint", kind=str)
    response = http.get(endpoint, headers={"Authorization": f"Bearer {token}"})

    expect.status(response, 200)
    expect.member(response, "sub", kind=str)


@requirement("OIDCD-3-registration-endpoint")
def test_registration_endpoint_registers(discovery, http, new_client):
    endpoint = expect.member(discovery, "registration_endpoint", kind=str)
    response = new_client.remember(http.post(endpoint, json=new_client.public_metadata(SCOPE)))

    expect.success(response)
    expect.member(response, "client_id", kind=str)


@pytest.fixture(scope="module")
def endpoint_responses(http):
    """The responses of a URL to GET and to POST of a form: `endpoint_responses(url)`."""
    return cache(lambda url: [http.get(url), http.post(url, data={"token": "x"})])


@requirement("DISC-advertised-urls-reachable")
@pytest.mark.parametrize("document", ["openid", pytest.param("smart", marks=needs("fhir"))])
def test_advertised_addresses_answer(discovery, smart_configuration, endpoint_responses, document):
    response = {"openid": discovery, "smart": smart_configuration}[document]
    body = expect.json_object(response)
    # The userinfo endpoint has a requirement of its own.
    names = [
        name
        for name in body
        if name.endswith("_endpoint") or name == "jwks_uri"
        if name != "userinfo_endpoint"
    ]

    base = str(response.request.url)
    answers = {name: endpoint_responses(urljoin(base, body[name])) for name in names}
    missing = [
        name for name in names if all(each.status_code in {404, 405} for each in answers[name])
    ]
    received = [f"{name}: {body[name]}" for name in missing]
    failed = [each for name in missing for each in answers[name]]
    expect.that(not missing, "an answer at each address", received, [*failed, response])


@requirement("DISC-unknown-path-404")
@pytest.mark.parametrize(
    "path", ["", "/no-such-endpoint", "/tokenx"], ids=["root", "other", "longer"]
)
def test_unknown_endpoint_is_not_found(server, http, path):
    response = http.get(server.url(path))

    expect.status(response, 404, 405, 403, 401)


@requirement("RFC8414-3.2-json-or-absent")
def test_metadata_of_oauth_is_there_or_nothing_is(server, http):
    parts = urlsplit(server.issuer)
    inserted = f"/.well-known/oauth-authorization-server{parts.path}"
    response = http.get(f"{parts.scheme}://{parts.netloc}{inserted}")

    expect.no_server_error(response)
    if response.is_success:
        expect.member(response, "issuer", kind=str)


@requirement("DISC-host-header-injection")
@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "Host"])
def test_caller_does_not_choose_the_addresses(server, http, name):
    value = f"host={FOREIGN};proto=https" if name == "Forwarded" else FOREIGN
    url = server.url("/.well-known/openid-configuration")
    response = http.get(url, headers={name: value})

    expect.status(response, 200, 400, 404, 421)
    everything = f"{response.headers} {response.text}"
    expect.that(FOREIGN not in everything, f"nothing of {FOREIGN}", everything, response)


@requirement("OPENEMR-HOST-internal-external")
@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_issuer_does_not_follow_the_host_name(server, api, discovery, new_client, admin, name):
    client = new_client.confidential(STAFF)
    form = {"grant_type": "password", "user_role": "users", "scope": STAFF}
    form |= {"username": admin.name, "password": admin.password}
    response = server.token(form, client.authentication(), headers={name: "inside.example.org"})
    if response.status_code in {400, 404, 421}:
        return  # the server does not answer to that name

    expect.status(response, 200)
    claims = keys.unverified_claims(expect.member(response, "id_token", kind=str))
    issuer = expect.json_object(discovery).get("issuer")
    both = [response, discovery]
    expect.equal(claims.get("iss"), issuer, "the issuer of the ID token", both)
    token = expect.member(response, "access_token", kind=str)
    expect.status(api.get("/api/facility", token), 200)


@requirement("OPENEMR-AUTH-oidc-compliant")
def test_flow_works_with_the_issuer_only(target, http, server, token_response_with_nonce):
    document = http.get(f"{target.oauth_url}/.well-known/openid-configuration")
    found = expect.json_object(document)
    here = {name: found.get(f"{name}_endpoint") for name in ("authorization", "token")}
    # Endpoints that are listed and do not work are not used: see endpoints.py in provisioning.
    used = {name: server.endpoint(f"{name}_endpoint") for name in here}
    expect.equal(here, used, "the endpoints", document)
    token = require_tokens(token_response_with_nonce).get("id_token", "")

    key_set = http.get(found["jwks_uri"])
    algorithms = found["id_token_signing_alg_values_supported"]
    signed = keys.is_signed_by(token, expect.json_object(key_set), algorithms)
    expect.that(signed, "a signed ID token", token, [token_response_with_nonce, key_set])
    claims = keys.unverified_claims(token)
    expect.equal(claims.get("iss"), found["issuer"], "iss", [token_response_with_nonce, document])
    expect.equal(claims.get("nonce"), NONCE, "nonce", token_response_with_nonce)


def grants_of(response_type):
    """Return the grant types that go with a response type (RFC 7591 section 2.1)."""
    words = response_type.split()
    code = ["authorization_code"] if "code" in words else []
    return code + (["implicit"] if {"token", "id_token"} & {*words} else [])


def came(response):
    """Return the names of the parameters in a redirect, in its query or its fragment."""
    parts = urlsplit(response.headers.get("location", ""))
    return [name for name, _ in parse_qsl(f"{parts.query}&{parts.fragment}")]


def used_mode(response):
    """Return the response mode of a code, or None."""
    parts = urlsplit(response.headers.get("location", ""))
    if "code" in dict(parse_qsl(parts.query)):
        return "query"
    if "code" in dict(parse_qsl(parts.fragment)):
        return "fragment"
    page = BeautifulSoup(response.text, "html.parser")
    return "form_post" if page.find("input", {"name": "code"}) else None
