"""The SMART configuration, which an app reads before it starts."""

from urllib.parse import urlsplit

import pytest

from conformance import expect, needs, requirement

#: SMART App Launch 1 and 2, Capabilities.
CAPABILITIES = {
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
    "smart-app-state",
}


@pytest.fixture(scope="module")
def configuration_url(target):
    """The URL of the SMART configuration."""
    return f"{target.fhir_url}/.well-known/smart-configuration"


def listed(smart_configuration, name):
    """Return a member that is a list, or an empty one."""
    value = expect.json_object(smart_configuration).get(name)
    return value if isinstance(value, list) else []


@requirement("SMART-2.2-wellknown-location")
def test_configuration_is_public(http, configuration_url):
    response = http.get(configuration_url)

    expect.status(response, 200)
    expect.json_object(response)


@requirement("SMART-2.2-wellknown-json-any-accept")
@pytest.mark.parametrize(
    "accept", ["*/*", "text/html", "application/fhir+xml"], ids=["anything", "html", "xml"]
)
def test_configuration_is_json_whatever_is_accepted(http, configuration_url, accept):
    response = http.get(configuration_url, headers={"Accept": accept})

    expect.status(response, 200)
    expect.media_type(response, "application/json")


@requirement("SMART-2.2-wellknown-absolute")
def test_configuration_has_absolute_addresses(smart_configuration):
    body = expect.json_object(smart_configuration)

    wrong = [
        f"{name}: {value}"
        for name, value in body.items()
        if name.endswith(("_endpoint", "_uri")) and not urlsplit(str(value)).netloc
    ]
    expect.that(not wrong, "absolute URLs", wrong, smart_configuration)


@requirement("SMART-1.0-wellknown-required")
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "capabilities"])
def test_configuration_has_what_apps_need(smart_configuration, name):
    kind = list if name == "capabilities" else str
    value = expect.member(smart_configuration, name, kind=kind)

    expect.that(value, f"a {name}", "an empty one", smart_configuration)


@requirement("SMART-2.0-wellknown-required")
def test_configuration_has_what_apps_of_version_two_need(smart_configuration):
    grants = expect.member(smart_configuration, "grant_types_supported", kind=list)
    methods = expect.member(smart_configuration, "code_challenge_methods_supported", kind=list)

    expect.that(grants, "a grant type", grants, smart_configuration)
    good = "S256" in methods and "plain" not in methods
    expect.that(good, "S256 and not plain", methods, smart_configuration)


@requirement("SMART-2.0-wellknown-grant-types")
def test_configuration_lists_the_grants_of_its_capabilities(smart_configuration):
    grants = listed(smart_configuration, "grant_types_supported")
    capabilities = listed(smart_configuration, "capabilities")
    scopes = expect.json_object(smart_configuration).get("scopes_supported", [])

    launches = any(str(name).startswith("launch-") for name in capabilities)
    # Asymmetric clients may be apps: only system scopes are for backend services alone.
    services = any(str(scope).startswith("system/") for scope in scopes)
    wanted = {"authorization_code": launches, "client_credentials": services}
    missing = {grant for grant, is_wanted in wanted.items() if is_wanted} - {*grants}
    expect.that(not missing, f"grant_types_supported with {missing}", grants, smart_configuration)


@requirement("SMART-2.2-wellknown-issuer-jwks")
def test_configuration_names_the_openid_issuer(smart_configuration, discovery):
    issuer = expect.member(smart_configuration, "issuer", kind=str)

    wanted = expect.member(discovery, "issuer", kind=str)
    expect.equal(issuer, wanted, "issuer", [smart_configuration, discovery])


@requirement("SMART-2.2-wellknown-jwks")
def test_configuration_leads_to_the_keys(smart_configuration, server_keys, http):
    response = http.get(expect.member(smart_configuration, "jwks_uri", kind=str))

    wanted = {key.get("n", key.get("x")) for key in expect.json_object(server_keys)["keys"]}
    found = {key.get("n", key.get("x")) for key in expect.member(response, "keys", kind=list)}
    expect.that(found == wanted, "the same keys", "other keys", [response, server_keys])


@requirement("SMART-2.2-wellknown-scopes-array")
def test_configuration_lists_scopes_one_by_one(smart_configuration):
    scopes = expect.json_object(smart_configuration).get("scopes_supported", ["openid"])

    flat = isinstance(scopes, list) and scopes and all(isinstance(one, str) for one in scopes)
    flat = flat and not any(" " in one or not one for one in scopes)
    expect.that(flat, "an array of strings without spaces", scopes, smart_configuration)


@requirement("SMART-2.2-wellknown-asymmetric")
def test_configuration_tells_how_to_sign(smart_configuration):
    claimed = "client-confidential-asymmetric" in listed(smart_configuration, "capabilities")
    methods = listed(smart_configuration, "token_endpoint_auth_methods_supported")
    algorithms = listed(smart_configuration, "token_endpoint_auth_signing_alg_values_supported")

    good = "private_key_jwt" in methods and {"RS384", "ES384"} & {*algorithms}
    received = f"methods {methods}, algorithms {algorithms}"
    wanted = "private_key_jwt with RS384 or ES384"
    expect.that(not claimed or good, wanted, received, smart_configuration)


@requirement("SMART-2.2-capability-strings")
def test_capabilities_are_known_words(smart_configuration):
    capabilities = expect.member(smart_configuration, "capabilities", kind=list)

    strange = [one for one in capabilities if one not in CAPABILITIES and ":" not in str(one)]
    expect.that(
        not strange, "capabilities of SMART App Launch, or URIs", strange, smart_configuration
    )
    once = len({*capabilities}) == len(capabilities)
    expect.that(once, "each capability once", capabilities, smart_configuration)


@requirement("SMART-2.2-wellknown-introspection")
@needs("oauth.introspection")
def test_configuration_names_the_introspection_endpoint(smart_configuration, http):
    endpoint = expect.member(smart_configuration, "introspection_endpoint", kind=str)
    response = http.post(endpoint, data={"token": "x"})

    there = response.status_code not in {404, 405}
    expect.that(there, "an endpoint that takes POST", str(response.status_code), response)


@requirement("SMART-2.2-wellknown-revocation")
def test_configuration_names_the_revocation_endpoint(smart_configuration):
    expect.member(smart_configuration, "revocation_endpoint", kind=str)


@requirement("SMART-2.2-wellknown-management")
def test_configuration_names_the_management_page(smart_configuration):
    expect.member(smart_configuration, "management_endpoint", kind=str)


@requirement("SMART-capability-statement-oauth-uris")
def test_first_version_names_its_endpoints_in_the_capability_statement(
    smart_configuration, capability_statement
):
    only_first = "permission-v2" not in listed(smart_configuration, "capabilities")
    rest = expect.member(capability_statement, "rest", kind=list)

    found = {
        part.get("url")
        for extension in rest[0].get("security", {}).get("extension", [])
        if str(extension.get("url")).endswith("/oauth-uris")
        for part in extension.get("extension", [])
    }
    complete = {"authorize", "token"} <= found
    wanted = "the extension oauth-uris with authorize and token"
    both = [capability_statement, smart_configuration]
    expect.that(complete or not only_first, wanted, sorted(found), both)
