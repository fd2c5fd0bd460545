"""The provider metadata and the keys: their form."""

from urllib.parse import urlsplit

import pytest

from conformance import expect, needs, requirement

#: Members of the metadata with a URL of the server (IANA OAuth Authorization Server Metadata).
URLS = [
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "registration_endpoint",
    "introspection_endpoint",
    "revocation_endpoint",
    "end_session_endpoint",
    "device_authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "management_endpoint",
    "check_session_iframe",
]
#: Members with a list of strings.
LISTS = [
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "acr_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "request_object_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_methods_supported",
    "code_challenge_methods_supported",
    "display_values_supported",
    "claim_types_supported",
    "claims_supported",
    "claims_locales_supported",
    "ui_locales_supported",
]
BOOLEANS = [
    "claims_parameter_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "authorization_response_iss_parameter_supported",
]
PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
DOCUMENTS = ["openid", pytest.param("smart", marks=needs("fhir"))]


@pytest.fixture(scope="module")
def metadata_documents(discovery, smart_configuration):
    """The two documents with the metadata of the authorization server."""
    return {"openid": discovery, "smart": smart_configuration}


@pytest.fixture(scope="module")
def published_keys(discovery, http):
    """The response of the advertised jwks_uri."""
    return http.get(expect.member(discovery, "jwks_uri", kind=str))


def is_absolute(url: object) -> bool:
    """Return whether the value is an absolute http(s) URL without a fragment."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "#" not in url


@requirement("RFC8414-3-json-content-type")
@pytest.mark.parametrize("accept", ["*/*", "application/json"], ids=["anything", "json"])
def test_metadata_is_json(server, http, accept):
    response = http.get(server.url("/.well-known/openid-configuration"), headers={"Accept": accept})

    expect.status(response, 200)
    expect.media_type(response, "application/json")
    expect.json_object(response)


@requirement("OIDCD-4-unauthenticated")
@pytest.mark.parametrize("what", ["doc", "keys"])
def test_metadata_and_keys_are_public(server, what):
    response = server.discover() if what == "doc" else server.keys()

    expect.status(response, 200)
    expect.json_object(response)


@requirement("OIDCD-3-issuer-url")
def test_issuer_is_an_absolute_url(discovery):
    issuer = expect.member(discovery, "issuer", kind=str)

    parts = urlsplit(issuer)
    bare = not {"?", "#"} & {*issuer} and parts.username is None
    expect.that(is_absolute(issuer) and bare, "an absolute URL as issuer", issuer, discovery)


@requirement("RFC8414-3.3-issuer-matches-url")
def test_issuer_is_where_the_metadata_was_fetched(discovery):
    issuer = expect.member(discovery, "issuer", kind=str)

    fetched = str(discovery.request.url).removesuffix("/.well-known/openid-configuration")
    expect.equal(issuer.removesuffix("/"), fetched, "issuer", discovery)


@requirement("OIDCD-3-endpoints-https")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_advertised_addresses_are_https(metadata_documents, document):
    response = metadata_documents[document]
    body = expect.json_object(response)

    wrong = [
        f"{name}: {body[name]}"
        for name in ["issuer", *URLS]
        if name in body and not str(body[name]).startswith("https://")
    ]
    expect.that(not wrong, "https addresses only", wrong, response)


@requirement("RFC8414-2-authorization-endpoint")
def test_authorization_endpoint_answers(discovery, http):
    endpoint = expect.member(discovery, "authorization_endpoint", kind=str)
    expect.that(is_absolute(endpoint), "an absolute URL", endpoint, discovery)
    response = http.get(endpoint)

    expect.no_server_error(response)
    there = response.status_code not in {404, 405}
    expect.that(there, "an endpoint that takes GET", str(response.status_code), response)


@requirement("RFC6749-3.1-no-fragment")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_authorization_endpoint_has_no_fragment(metadata_documents, document):
    response = metadata_documents[document]
    endpoint = expect.member(response, "authorization_endpoint", kind=str)

    expect.that("#" not in endpoint, "no fragment", endpoint, response)


@requirement("RFC8414-2-token-endpoint")
def test_token_endpoint_answers(discovery, http):
    endpoint = expect.member(discovery, "token_endpoint", kind=str)
    expect.that(is_absolute(endpoint), "an absolute URL", endpoint, discovery)
    response = http.post(endpoint, data={})

    there = response.status_code not in {404, 405}
    expect.that(there, "an endpoint that takes POST", str(response.status_code), response)


@requirement("RFC8414-2-lists-of-strings")
def test_lists_in_the_metadata_are_lists_of_strings(discovery):
    body = expect.json_object(discovery)

    wrong = [f"{name}: {body[name]!r}" for name in LISTS if name in body and not _list(body[name])]
    expect.that(not wrong, "arrays of strings", wrong, discovery)


@requirement("OIDCD-3-require-request-uri-boolean")
def test_booleans_in_the_metadata_are_booleans(discovery):
    body = expect.json_object(discovery)

    wrong = [
        f"{name}: {body[name]!r}"
        for name in BOOLEANS
        if name in body and not isinstance(body[name], bool)
    ]
    expect.that(not wrong, "true or false", wrong, discovery)


@requirement("OIDCD-3-subject-types")
def test_subject_types_are_published(discovery):
    types = expect.member(discovery, "subject_types_supported", kind=list)

    known = bool(types) and set(types) <= {"pairwise", "public"}
    expect.that(known, "pairwise or public", types, discovery)


@requirement("OIDCD-3-id-token-alg-rs256")
def test_rs256_is_listed_for_id_tokens(discovery):
    algorithms = expect.member(discovery, "id_token_signing_alg_values_supported", kind=list)

    expect.contains(algorithms, "RS256", "id_token_signing_alg_values_supported", discovery)


@requirement("OIDCD-3-scopes-supported-openid")
def test_openid_is_listed_as_a_scope(discovery):
    scopes = expect.member(discovery, "scopes_supported", kind=list)

    expect.contains(scopes, "openid", "scopes_supported", discovery)


@requirement("RFC8414-2-auth-signing-alg")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_assertion_algorithms_are_listed(metadata_documents, document):
    response = metadata_documents[document]
    body = expect.json_object(response)
    methods = {*body.get("token_endpoint_auth_methods_supported", [])}
    algorithms = body.get("token_endpoint_auth_signing_alg_values_supported")

    signed = bool(methods & {"private_key_jwt", "client_secret_jwt"})
    listed = bool(algorithms) or not signed
    name = "token_endpoint_auth_signing_alg_values_supported"
    expect.that(
        listed, f"{name} in addition to private_key_jwt", f"members {sorted(body)}", response
    )
    expect.that("none" not in (algorithms or []), f"{name} without none", algorithms, response)


@requirement("OIDCD-3-jwks-uri")
def test_key_set_holds_signing_keys(published_keys):
    expect.status(published_keys, 200)
    keys = expect.member(published_keys, "keys", kind=list)

    wrong = [f"key {number}: {key!r}" for number, key in enumerate(keys) if not _public(key)]
    expect.that(keys and not wrong, "RSA, EC or OKP keys", wrong or "no key", published_keys)
    signing = [key for key in keys if key.get("use", "sig") == "sig"]
    expect.that(signing, "a key for signatures", keys, published_keys)
    names = [key.get("kid") for key in keys]
    distinct = len(keys) == 1 or (None not in names and len({*names}) == len(names))
    expect.that(distinct, "a different kid for each key", names, published_keys)


@requirement("OIDCD-3-jwks-public-only")
def test_key_set_holds_no_private_key(published_keys):
    keys = expect.member(published_keys, "keys", kind=list)

    leaked = sorted({name for key in keys for name in PRIVATE_MEMBERS & {*key}})
    expect.that(not leaked, "public members only", leaked, published_keys)
    symmetric = [key for key in keys if key.get("kty") == "oct"]
    expect.that(not symmetric, "no key of type oct", f"{len(symmetric)} keys", published_keys)


@requirement("RFC7517-8.5-jwks-media-type")
def test_key_set_has_a_json_media_type(published_keys):
    expect.media_type(published_keys, "application/json", "application/jwk-set+json")


def _list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _public(key: object) -> bool:
    members = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
    if not isinstance(key, dict) or key.get("kty") not in members:
        return False
    return all(
        isinstance(key.get(name), str) and key[name] and not {*key[name]} & {*"+/="}
        for name in members[key["kty"]]
    )
