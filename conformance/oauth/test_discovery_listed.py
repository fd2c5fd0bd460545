"""The provider metadata: what it lists works, and what it does not list does not work."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import PrivateKeyJwt, require_tokens
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.driver.registrar import RegistrationRefused
from fixtures.wire.exchanges import exchange_line

SYSTEM = "api:fhir system/Patient.read"
IDENTITY = "openid profile email phone address fhirUser"
#: OpenEMR grants the scopes of an API only if the request has the scope of the API as well.
APIS = "api:oemr api:fhir api:port"
FAMILIES = f"openid {APIS} fhirUser"
#: The grants that the suite can use, by their names in the metadata.
KNOWN_GRANTS = ["authorization_code", "refresh_token", "password", "client_credentials"]
OTHER_GRANTS = [
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
]
RESPONSE_TYPES = [
    "token",
    "id_token",
    "id_token token",
    "code token",
    "code id_token",
    "code id_token token",
    "none",
]
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES384"]
#: Members of a registration, the list in the metadata that limits them, and values to try.
BOUNDED: dict[str, tuple[str, list[Any]]] = {
    "grant_types": ("grant_types_supported", [["urn:openid:params:grant-type:ciba"]]),
    "response_types": ("response_types_supported", [["none"]]),
    "subject_type": ("subject_types_supported", ["pairwise", "public"]),
    "token_endpoint_auth_method": (
        "token_endpoint_auth_methods_supported",
        ["tls_client_auth", "client_secret_jwt"],
    ),
    "id_token_signed_response_alg": (
        "id_token_signing_alg_values_supported",
        ["HS256", "ES512", "none"],
    ),
    "token_endpoint_auth_signing_alg": (
        "token_endpoint_auth_signing_alg_values_supported",
        ["HS256", "none"],
    ),
}
#: OpenID Connect Core 2, 3.1.3.6 and 5.1, and SMART; a user may lack a value for some of them.
STANDARD_CLAIMS = {
    "iss", "sub", "aud", "exp", "iat", "auth_time",
    "nonce", "acr", "amr", "azp", "at_hash", "c_hash",
    "sid", "jti", "nbf", "name", "given_name", "family_name",
    "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale",
    "phone_number", "phone_number_verified", "address", "updated_at", "fhirUser",
}  # fmt: skip
SPELLING = re.compile(r"(?P<slot>[^.]+)\.(?P<letters>read|write|\*|[cruds]+)(?P<query>\?.*)?")


@requirement("RFC8414-2-auth-methods-truthful")
@pytest.mark.parametrize(
    "method",
    [
        "client_secret_basic",
        "client_secret_post",
        pytest.param("private_key_jwt", marks=needs("oauth.client_credentials")),
    ],
)
def test_authentication_method_is_listed_as_it_works(request, discovery, method):
    name = "token_endpoint_auth_methods_supported"
    listed = expect.json_object(discovery).get(name, ["client_secret_basic"])
    worked, tried = request.getfixturevalue(f"{method}_attempts")

    received = f"{method} {'works' if worked else 'does not work'}, and {name} is {listed}"
    expect.that(
        worked == (method in listed), "the list to match what works", received, [discovery, *tried]
    )


@pytest.fixture
def client_secret_basic_attempts(token_responses_by_basic):
    """Whether the right secret redeems a code and a wrong one does not, and both responses."""
    right, wrong = token_responses_by_basic["usual"], token_responses_by_basic["wrong"]
    return right.status_code == 200 and said(wrong) == "invalid_client", [right, wrong]


@pytest.fixture
def client_secret_post_attempts(server, token_response, unused_authorization):
    """Whether the right secret redeems a code and a wrong one does not, and both responses."""
    client, unused = unused_authorization
    code, verifier = unused.code, unused.verifier
    bad = client.authentication("client_secret_post", secret="wrong")
    wrong = server.exchange(client, code, verifier=verifier, auth=bad)
    right = token_response("authorization_code")
    return right.status_code == 200 and said(wrong) == "invalid_client", [right, wrong]


@pytest.fixture
def private_key_jwt_attempts(server, new_client):
    """Whether the right key gets a token and another key does not, and both responses."""
    client = new_client.system(SYSTEM)
    auth = client.authentication("private_key_jwt")
    right = server.client_credentials(client, SYSTEM, auth=auth)
    other = PrivateKeyJwt(client.client_id, client.audience, keys.key("stranger"))
    wrong = server.client_credentials(client, SYSTEM, auth=other)
    return right.status_code == 200 and not wrong.is_success, [right, wrong]


def said(response):
    """Return the error code of a response, or an empty string."""
    return str(expect.json_object(response).get("error", ""))


@requirement("RFC8414-2-listed-grants-work")
@pytest.mark.parametrize("document", ["openid", pytest.param("smart", marks=needs("fhir"))])
def test_listed_grant_types_work(
    discovery, smart_configuration, token_response, server, new_client, target, document
):
    # The password grant may be for patients only.
    roles = {} if "oauth.password_grant" in target.features else {"password": "password_patient"}
    answer = {"openid": discovery, "smart": smart_configuration}[document]
    listed = expect.json_object(answer).get("grant_types_supported", ["authorization_code"])

    broken, failed = [], []
    for grant in listed:
        if grant in KNOWN_GRANTS:
            try:
                response = token_response(roles.get(grant, grant))
            except RegistrationRefused as refusal:  # no client may use the grant
                response = refusal.response
            worked = response.status_code == 200
        else:
            client = new_client.confidential(SCOPE)
            response = server.token({"grant_type": grant}, client.authentication())
            worked = said(response) not in {"unsupported_grant_type", "unauthorized_client"}
        if not worked:
            broken.append(f"{grant}: {exchange_line(response.request, response)}")
            failed.append(response)
    words = "each listed grant type to be known at the token endpoint"
    expect.that(not broken, words, broken, [*failed, answer])


@requirement("RFC8414-2-unlisted-grants-refused")
@pytest.mark.parametrize("grant", OTHER_GRANTS, ids=lambda grant: grant.rpartition(":")[2])
def test_unlisted_grant_type_is_refused(discovery, server, system_client, grant):
    listed = expect.json_object(discovery).get("grant_types_supported", ["authorization_code"])
    client = system_client
    form = {"grant_type": grant, "scope": SYSTEM, "device_code": "x", "auth_req_id": "x"}
    tokens = {"subject_token": "x", "subject_token_type": "x", "assertion": "e30.e30.e30"}
    response = server.token(form | tokens, client.authentication("private_key_jwt"))

    received = f"{response.status_code} for {grant}, which is not listed"
    refused = response.is_client_error or grant in listed
    expect.that(refused, "a refusal with 4xx", received, response)


@requirement("RFC8414-2-unlisted-response-types-refused")
@pytest.mark.usefixtures("authorization_control")
def test_unlisted_response_types_bring_nothing(discovery, server, new_client, admin):
    listed = expect.member(discovery, "response_types_supported", kind=list)
    known = [{*each.split()} for each in listed]
    client = new_client.public()

    brought, wrong = [], []
    for response_type in [each for each in RESPONSE_TYPES if {*each.split()} not in known]:
        wishes = {"response_type": response_type, "nonce": "n-0S6-WzA2Mj"}
        answer = Browser(server).authorize(client, admin, SCOPE, parameters=wishes)
        parts = urlsplit(answer.response.headers.get("location", ""))
        came = {name for name, _ in parse_qsl(f"{parts.query}&{parts.fragment}")}
        came &= {"code", "access_token", "id_token"}
        if came:
            brought.append(f"{response_type}: {', '.join(sorted(came))}")
            wrong.append(answer.response)
    words = "nothing for a response type that is not listed"
    expect.that(not brought, words, brought, [*wrong, discovery])


@requirement("RFC8414-2-unlisted-algorithms-refused")
@pytest.mark.usefixtures("proven_system_client")
def test_unlisted_assertion_algorithms_are_refused(discovery, server, new_client):
    name = "token_endpoint_auth_signing_alg_values_supported"
    listed = expect.json_object(discovery).get(name, [])
    # The registered keys have no algorithm, so that only the server's list counts.
    made = {kind: keys.key(f"of-any-algorithm-{kind}", kind, "") for kind in ("RSA", "EC")}
    client = {}

    accepted, wrong = [], []
    for algorithm in [each for each in ALGORITHMS if each not in listed]:
        kind = "EC" if algorithm.startswith("ES") else "RSA"
        if kind not in client:
            client[kind] = new_client.system(SYSTEM, key=made[kind])
        auth = PrivateKeyJwt(client[kind].client_id, server.token_endpoint, made[kind], algorithm)
        response = server.client_credentials(client[kind], SYSTEM, auth=auth)
        if response.is_success:
            accepted.append(algorithm)
            wrong.append(response)
    expect.that(not accepted, f"refusals of all but {listed}", accepted, [*wrong, discovery])


@requirement("RFC7591-2-unlisted-values-not-registered")
@writes
@pytest.mark.parametrize("member", list(BOUNDED))
@pytest.mark.usefixtures("registration_control")
def test_unlisted_value_is_not_registered(discovery, new_client, member):
    name, candidates = BOUNDED[member]
    listed = expect.json_object(discovery).get(name, [])
    unlisted = [each for each in candidates if not {*as_list(each)} & {*listed}]
    wished = unlisted[0] if unlisted else candidates[-1]
    response = new_client.register(new_client.confidential_metadata(SCOPE) | {member: wished})

    expect.no_server_error(response)
    registered = expect.json_object(response).get(member) if response.is_success else None
    kept = sorted({*as_list(registered)} - {*listed})
    words = f"{member} refused, replaced or left out: {name} is {listed}"
    expect.that(not kept, words, kept, [response, discovery])


def as_list(value):
    """Return the values of a member that is one value or a list."""
    return [] if value is None else value if isinstance(value, list) else [str(value)]


@requirement("OIDCD-3-claims-truthful")
def test_listed_claims_exist(discovery, new_session):
    listed = expect.json_object(discovery).get("claims_supported", [])
    session = new_session(IDENTITY)
    given = {*keys.unverified_claims(str(session.answer.get("id_token")))}

    unknown = sorted({*listed} - STANDARD_CLAIMS - given)
    words = f"standard claims, or claims of an ID token such as {sorted(given)}"
    expect.that(not unknown, words, unknown, [discovery, session.response])


@requirement("OIDCD-3-scopes-supported-grantable")
@pytest.mark.parametrize(
    "role",
    [
        "staff",
        pytest.param("patient", marks=needs("patients")),
        pytest.param("system", marks=needs("oauth.client_credentials")),
    ],
)
def test_listed_scopes_are_granted(discovery, server, tokens, registrar, role, request):
    listed = expect.member(discovery, "scopes_supported", kind=list)
    asked = [each for each in listed if role_of(each) == role]
    if role == "system":
        scope = " ".join([APIS, *asked])
        response = server.client_credentials(registrar.system(scope), scope)
    else:
        scope = " ".join(dict.fromkeys([*FAMILIES.split(), *asked]))
        user = request.getfixturevalue("admin" if role == "staff" else "patient")
        response = tokens.fetch(registrar.confidential(scope), user, scope)
    expect.status(response, 200)
    body = require_tokens(response)

    got = {*str(body.get("scope", "")).split()}
    token = str(body["access_token"])
    # OpenEMR leaves some granted scopes out of the response; the token itself has them.
    got |= {*keys.unverified_claims(token).get("scopes", [])} if keys.is_jwt(token) else set()
    missing = [each for each in asked if not covers(got, each)]
    expect.that(not missing, "every scope that is listed", missing, [response, discovery])


def role_of(scope):
    """Return the role that can be granted a scope; launches need more than a token request."""
    context = scope.partition("/")[0]
    if context in {"launch", "site:default", "online_access"}:
        return "nobody"
    return context if context in {"patient", "system"} else "staff"


def covers(got, scope):
    """Return whether the granted scopes include a scope, in any spelling."""
    if scope in got:
        return True
    wanted = SPELLING.fullmatch(scope)
    if wanted is None:
        return False
    held = [found for each in got if (found := SPELLING.fullmatch(each))]
    held = [each for each in held if each["slot"] == wanted["slot"]]
    held = [each for each in held if each["query"] in {None, wanted["query"]}]
    return letters(wanted) <= {letter for each in held for letter in letters(each)}


def letters(spelled):
    """Return the letters of SMART 2 for a permission."""
    return {
        *{"read": "rs", "write": "cud", "*": "cruds"}.get(spelled["letters"], spelled["letters"])
    }
