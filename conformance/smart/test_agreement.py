"""The three documents about the authorization server: whether they agree."""

import pytest

from conformance import expect, needs, requirement

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
CAPABILITIES = "http://fhir-registry.smarthealthit.org/StructureDefinition/capabilities"
SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
#: Members with a URL, and their names in the extension of the CapabilityStatement.
ADDRESSES = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "registration_endpoint": "register",
    "introspection_endpoint": "introspect",
    "revocation_endpoint": "revoke",
    "management_endpoint": "manage",
    "jwks_uri": None,
    "userinfo_endpoint": None,
}
#: Members that list the abilities of the same endpoint.
LISTS = [
    "scopes_supported",
    "grant_types_supported",
    "response_types_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
]
#: The capabilities that the certification criterion requires for both kinds of launch, and for
#: each.
BOTH = {
    "client-confidential-symmetric",
    "sso-openid-connect",
    "permission-offline",
}
ONC = {
    "standalone": BOTH
    | {
        "launch-standalone",
        "client-public",
        "context-standalone-patient",
        "permission-patient",
    },
    "ehr": BOTH
    | {
        "launch-ehr",
        "context-banner",
        "context-style",
        "context-ehr-patient",
        "permission-user",
    },
}
LAUNCHES = [
    pytest.param("standalone", marks=needs("smart.standalone_launch")),
    pytest.param("ehr", marks=needs("smart.ehr_launch")),
]


@pytest.fixture(scope="module")
def security_element(capability_statement):
    """The security element of the CapabilityStatement."""
    rest = expect.member(capability_statement, "rest", kind=list)
    return rest[0].get("security", {})


def extensions(element, url):
    """Return the extensions of an element with this URL."""
    return [each for each in element.get("extension", []) if each.get("url") == url]


@requirement("DISC-three-documents-agree")
@pytest.mark.parametrize("member", list(ADDRESSES))
def test_documents_name_the_same_address(
    discovery, smart_configuration, capability_statement, security_element, member
):
    uris = {
        part.get("url"): part.get("valueUri")
        for extension in extensions(security_element, OAUTH_URIS)
        for part in extension.get("extension", [])
    }
    said = {
        "openid-configuration": expect.json_object(discovery).get(member),
        "smart-configuration": expect.json_object(smart_configuration).get(member),
        "CapabilityStatement": uris.get(ADDRESSES[member]),
    }
    named = {document: address for document, address in said.items() if address is not None}

    documents = [smart_configuration, discovery, capability_statement]
    expect.that(len({*named.values()}) <= 1, f"one {member}", named, documents)


@requirement("DISC-lists-agree")
@pytest.mark.parametrize("member", LISTS)
def test_documents_list_the_same(discovery, smart_configuration, member):
    known = flat(expect.json_object(discovery).get(member, []))
    listed = flat(expect.json_object(smart_configuration).get(member, []))

    more = sorted(listed - known)
    words = f"nothing beyond openid-configuration in {member}"
    expect.that(not (more and known), words, more, [smart_configuration, discovery])


def flat(values):
    """Return the strings of a list, also of nested lists: another check judges the nesting."""
    if isinstance(values, str):
        return {values}
    return {each for value in values for each in flat(value)}


@requirement("DISC-capabilities-agree")
def test_documents_claim_the_same_capabilities(
    smart_configuration, security_element, capability_statement
):
    claimed = {each.get("valueCode") for each in extensions(security_element, CAPABILITIES)}
    listed = {*expect.member(smart_configuration, "capabilities", kind=list)}

    received = [
        f"in the CapabilityStatement only: {sorted(claimed - listed)}",
        f"in the SMART configuration only: {sorted(listed - claimed)}",
    ]
    documents = [capability_statement, smart_configuration]
    expect.that(not claimed or claimed == listed, "one list", received, documents)


@requirement("FHIR-security-service-code")
def test_security_is_called_smart_on_fhir(security_element, capability_statement):
    codes = [
        (coding.get("system"), coding.get("code"))
        for service in security_element.get("service", [])
        for coding in service.get("coding", [])
    ]

    expect.contains(codes, (SERVICES, "SMART-on-FHIR"), "security.service", capability_statement)


@requirement("SMART-ONC-capabilities")
@pytest.mark.parametrize("launch", LAUNCHES)
def test_capabilities_are_those_of_certified_servers(smart_configuration, launch):
    listed = {*expect.member(smart_configuration, "capabilities", kind=list)}
    second = {"permission-v1", "permission-v2", "authorize-post", "client-confidential-asymmetric"}
    wanted = ONC[launch] | (second if "permission-v2" in listed else set())

    missing = sorted(wanted - listed)
    words = f"capabilities {sorted(wanted)}"
    expect.that(not missing, words, f"without {missing}", smart_configuration)
