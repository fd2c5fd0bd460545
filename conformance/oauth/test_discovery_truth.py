"""The provider metadata: whether what it says is true."""

from functools import cache
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

from conformance import GRANTS, expect, needs, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import Client, Pkce, PrivateKeyJwt, require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.driver.registrar import public_metadata
from fixtures.given.authorizations import NONCE, REFUSABLE
from fixtures.wire.exchanges import exchange_line

STAFF = "openid api:oemr user/facility.read"
#: What each word of a response type brings to the client.
BRINGS = {"code": "code", "token": "access_token", "id_token": "id_token"}
FOREIGN = "evil.example"


@requirement("RFC8414-2-response-types-supported")
def test_listed_response_types_work(discovery, served, server, new_client, admin):
    """Every response type that the metadata lists leads to what it promises."""
    listed = expect.member(discovery, "response_types_supported", kind=list)

    broken = []
    for response_type in listed:
        registered = new_client.register(
            public_metadata(SCOPE) | {"response_types": [response_type]}
        )
        if not registered.is_success:
            broken.append(f"{response_type}: refused at registration")
            continue
        if response_type == "code" and served:
            continue  # with this one it was
        client = new_client.enable_if_needed(
            Client(expect.member(registered, "client_id", kind=str))
        )
        wishes = {"response_type": response_type, "nonce": "a-nonce-for-the-id-token"}
        answer = Browser(server).authorize(client, admin, SCOPE, parameters=wishes).response
        missing = {BRINGS.get(word, word) for word in response_type.split()} - {*came(answer)}
        if missing:
            broken.append(f"{response_type}: {exchange_line(answer.request, answer)}")
    expect.that(listed and not broken, "an answer for each type", broken, discovery)


@requirement("RFC8414-2-response-modes-truthful")
def test_listed_response_modes_work(discovery, served, server, new_client, admin):
    """Every response mode that the metadata lists is used when it is asked for."""
    listed = expect.json_object(discovery).get("response_modes_supported", ["query"])

    client = new_client.public(SCOPE)
    broken = []
    for mode in listed:
        if mode == "query" and served and used_mode(served.authorization.response) == mode:
            continue  # with this one it was
        wishes = {"response_mode": mode}
        answer = Browser(server).authorize(client, admin, SCOPE, parameters=wishes).response
        if used_mode(answer) != mode:
            broken.append(f"{mode}: {exchange_line(answer.request, answer)}")
    expect.that(not broken, "the code in the mode that was asked for", broken, discovery)


@requirement("RFC8414-2-code-challenge-methods")
def test_listed_challenge_methods_work(discovery, served, server, new_client, admin):
    """The metadata lists the PKCE challenge methods, and each of them works."""
    listed = expect.member(discovery, "code_challenge_methods_supported", kind=list)

    broken = []
    for method in listed:
        if method == "S256" and served:
            continue  # with this one it was
        client, pkce = new_client.public(SCOPE), Pkce.new()
        pkce = Pkce(pkce.verifier, pkce.verifier) if method == "plain" else pkce
        wishes = {"code_challenge_method": method}
        answer = Browser(server).authorize(client, admin, SCOPE, pkce=pkce, parameters=wishes)
        code = answer.parameters.get("code", "")
        response = server.exchange(client, code, verifier=pkce.verifier) if code else None
        if response is None or response.status_code != 200:
            last = response if response is not None else answer.response
            broken.append(f"{method}: {exchange_line(last.request, last)}")
    expect.that(listed and not broken, "a token with each method", broken, discovery)


@requirement("RFC8414-2-grant-types-truthful")
@pytest.mark.parametrize("grant", GRANTS)
def test_working_grant_types_are_listed(discovery, token_response, grant):
    """A grant type that gives tokens is listed in the metadata."""
    require_tokens(token_response(grant))
    listed = expect.json_object(discovery).get("grant_types_supported", ["authorization_code"])

    name = grant.removesuffix("_patient")
    expect.contains(listed, name, "grant_types_supported", discovery)


@requirement("RFC8414-2-signing-alg-truthful")
def test_listed_assertion_algorithms_work(discovery, server, new_client):
    """Every algorithm that the metadata lists for client assertions works."""
    name = "token_endpoint_auth_signing_alg_values_supported"
    listed = expect.json_object(discovery).get(name, [])
    scope = "api:fhir system/Patient.read"

    broken = []
    for algorithm in listed:
        kind = "EC" if algorithm.startswith("ES") else "RSA"
        key = keys.key(f"for-{algorithm}", kind, algorithm)
        client = new_client.system(scope, key=key)
        auth = PrivateKeyJwt(client.client_id, client.audience, key, algorithm)
        response = server.client_credentials(client, scope, auth=auth)
        if response.status_code != 200:
            broken.append(f"{algorithm}: {exchange_line(response.request, response)}")
    expect.that(not broken, "a token with each algorithm", broken, discovery)


@requirement("OIDCD-3-request-uri-default")
def test_request_uri_is_read_or_denied(discovery, ignored, authorized):
    """A server that does not read request_uri says so, as its default is true."""
    declared = expect.json_object(discovery).get("request_uri_parameter_supported", True)
    answer = ignored or authorized(request_uri=REFUSABLE["request_uri"])[1]

    error = answer.parameters.get("error")
    unread = "code" in answer.parameters or error == "request_uri_not_supported"
    received = f"supported, and {error or 'ignored'}"
    expect.that(declared is False or not unread, "to be read or denied", received, answer.response)


@requirement("OIDCD-3-userinfo-endpoint-exists")
def test_userinfo_answers_a_valid_token(discovery, http, token_response):
    """An advertised userinfo endpoint answers a valid access token with the subject."""
    token = require_tokens(token_response("authorization_code"))["access_token"]
    endpoint = expect.member(discovery, "userinfo_endpoint", kind=str)
    response = http.get(endpoint, headers={"Authorization": f"Bearer {token}"})

    expect.status(response, 200)
    expect.member(response, "sub", kind=str)


@requirement("OIDCD-3-registration-endpoint")
def test_registration_endpoint_registers(discovery, http, new_client):
    """The metadata names the registration endpoint, and it registers a client."""
    endpoint = expect.member(discovery, "registration_endpoint", kind=str)
    expect.equal(endpoint, new_client.server.url("/registration"), "registration_endpoint")
    response = new_client.register(public_metadata(SCOPE))

    expect.success(response)
    expect.member(response, "client_id", kind=str)


@pytest.fixture(scope="module")
def found(http):
    """Tell whether an address answers to GET or to a POST of a form: `found(url)`, each once."""

    def ask(url):
        answers = [http.get(url), http.post(url, data={"token": "x"})]
        return not all(answer.status_code in {404, 405} for answer in answers)

    return cache(ask)


@requirement("DISC-advertised-urls-reachable")
@pytest.mark.parametrize("document", ["openid", pytest.param("smart", marks=needs("fhir"))])
def test_advertised_addresses_answer(discovery, smart_configuration, found, document):
    """Every address that the metadata names is there."""
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
    missing = [f"{name}: {body[name]}" for name in names if not found(urljoin(base, body[name]))]
    expect.that(not missing, "an answer at each address", missing, response)


@requirement("DISC-unknown-path-404")
@pytest.mark.parametrize(
    "path", ["", "/no-such-endpoint", "/tokenx"], ids=["root", "other", "longer"]
)
def test_unknown_endpoint_is_not_found(server, http, path):
    """An unknown path of the authorization server is answered with 404."""
    response = http.get(server.url(path))

    expect.status(response, 404, 405)


@requirement("RFC8414-3.2-json-or-absent")
def test_metadata_of_oauth_is_there_or_nothing_is(server, http):
    """Where clients look for the metadata of OAuth it is there in JSON, or an error says no."""
    response = http.get(server.url("/.well-known/oauth-authorization-server"))

    there = response.status_code == 200
    expect.that(there or response.is_client_error, "status 200 or 4xx", response, response)
    if there:
        expect.member(response, "issuer", kind=str)


@requirement("DISC-host-header-injection")
@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "Host"])
def test_caller_does_not_choose_the_addresses(server, http, name):
    """The Host and Forwarded headers of a caller do not change the addresses in the metadata."""
    value = f"host={FOREIGN};proto=https" if name == "Forwarded" else FOREIGN
    url = server.url("/.well-known/openid-configuration")
    response = http.get(url, headers={name: value})

    expect.status(response, 200, 400, 404, 421)
    everything = f"{response.headers} {response.text}"
    expect.that(FOREIGN not in everything, f"nothing of {FOREIGN}", everything, response)


@requirement("OPENEMR-HOST-internal-external")
@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_issuer_does_not_follow_the_host_name(server, api, discovery, new_client, admin, name):
    """Tokens that were fetched under another host name carry the same issuer and work."""
    client = new_client.confidential(STAFF)
    form = {"grant_type": "password", "user_role": "users", "scope": STAFF}
    form |= {"username": admin.name, "password": admin.password}
    response = server.token(form, client.authentication(), headers={name: "inside.example.org"})
    if response.status_code in {400, 404, 421}:
        return  # the server is not to be called by that name

    expect.status(response, 200)
    claims = keys.unverified_claims(expect.member(response, "id_token", kind=str))
    issuer = expect.json_object(discovery).get("issuer")
    expect.equal(claims.get("iss"), issuer, "the issuer of the ID token", response)
    token = expect.member(response, "access_token", kind=str)
    expect.status(api.get("/api/facility", token), 200)


@requirement("OPENEMR-AUTH-oidc-compliant")
def test_flow_works_with_the_issuer_only(target, http, server, with_nonce):
    """A client that knows the issuer only finds all it needs to log in and check the ID token."""
    found = expect.json_object(http.get(f"{target.oauth_url}/.well-known/openid-configuration"))
    here = {name: found.get(f"{name}_endpoint") for name in ("authorization", "token")}
    there = {"authorization": server.url("/authorize"), "token": server.url("/token")}
    expect.equal(here, there, "the endpoints")
    token = require_tokens(with_nonce).get("id_token", "")

    key_set = expect.json_object(http.get(found["jwks_uri"]))
    algorithms = found["id_token_signing_alg_values_supported"]
    expect.that(
        keys.is_signed_by(token, key_set, algorithms), "a signed ID token", token, with_nonce
    )
    claims = keys.unverified_claims(token)
    expect.equal(claims.get("iss"), found["issuer"], "iss", with_nonce)
    expect.equal(claims.get("nonce"), NONCE, "nonce", with_nonce)


def came(response):
    """Return the names of the parameters that a redirect brings, in its query or its fragment."""
    parts = urlsplit(response.headers.get("location", ""))
    return [name for name, _ in parse_qsl(f"{parts.query}&{parts.fragment}")]


def used_mode(response):
    """Return the response mode that brought the code, or nothing."""
    parts = urlsplit(response.headers.get("location", ""))
    if "code" in dict(parse_qsl(parts.query)):
        return "query"
    if "code" in dict(parse_qsl(parts.fragment)):
        return "fragment"
    page = BeautifulSoup(response.text, "html.parser")
    return "form_post" if page.find("input", {"name": "code"}) else None
