"""Client registration: what the server must not register, and how it refuses."""

from typing import Any

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import Client
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE

pytestmark = [writes, pytest.mark.usefixtures("registration_control")]

URI = "https://client.example.org/callback"
#: The codes of RFC 7591 section 3.2.2, and those of RFC 6749 that fit a bad registration.
CODES = {
    "invalid_redirect_uri",
    "invalid_client_metadata",
    "invalid_software_statement",
    "unapproved_software_statement",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
}
#: Good metadata with one bad value each; None removes a member.
BAD_VALUES: dict[str, dict[str, Any]] = {
    "auth_method": {"token_endpoint_auth_method": "x_no_such_method"},
    "scope_unknown": {"scope": "openid foo/Bar.read"},
    "redirect_uris_missing": {"redirect_uris": None},
    "redirect_uris_is_text": {"redirect_uris": URI},
    "client_name_missing": {"client_name": None},
    "scope_missing": {"scope": None},
    "keys_missing": {"scope": "api:fhir system/Patient.read"},
}
#: Values of a wrong JSON type.
BAD_TYPES = {
    "redirect_uris": URI,
    "contacts": "me@example.org",
    "scope": ["openid"],
    "client_name": {"en": "name"},
    "jwks": "keys",
}


def bent(new_client, **changes):
    """Return the metadata of a confidential client with changes; None removes a member."""
    metadata = new_client.confidential_metadata(SCOPE) | changes
    return {name: value for name, value in metadata.items() if value is not None}


@requirement("RFC7591-3.2.2-error-400-json")
@pytest.mark.parametrize("bad", BAD_VALUES)
def test_refusal_is_json_with_a_registered_code(new_client, bad):
    response = new_client.register(bent(new_client, **BAD_VALUES[bad]))
    if response.is_success:
        return  # the server may replace the value

    expect.status(response, 400)
    expect.media_type(response, "application/json")
    error = expect.member(response, "error", kind=str)
    expect.that(error in CODES, f"one of {', '.join(sorted(CODES))}", error, response)


@requirement("RFC7591-3.2.2-malformed-json")
@pytest.mark.parametrize(
    "body", ["{", "", "[]", '"x"', "null"], ids=["cut", "empty", "array", "text", "null"]
)
def test_body_without_metadata_is_refused(new_client, body):
    response = new_client.register(None, content=body, headers={"Content-Type": "application/json"})

    expect.status(response, 400)
    expect.member(response, "error", kind=str)
    expect.that("client_id" not in expect.json_object(response), "no client", "one", response)


@requirement("RFC7591-3.1-content-type")
def test_form_registers_no_empty_client(new_client):
    metadata = {"application_type": "private", "client_name": "a form", "redirect_uris": URI}
    response = new_client.register(None, data=metadata | {"scope": SCOPE})

    expect.no_server_error(response)
    whole = response.is_client_error or expect.json_object(response).get("client_name") == "a form"
    expect.that(whole, "a refusal or the whole client", response.text, response)


@requirement("RFC7591-3.2.2-redirect-uris-missing")
@pytest.mark.parametrize("uris", [None, []], ids=["missing", "empty"])
def test_client_without_redirect_uris_is_refused(new_client, uris):
    metadata = bent(new_client, redirect_uris=uris, grant_types=["authorization_code"])
    response = new_client.register(metadata)

    expect.oauth_error(response, "invalid_redirect_uri", "invalid_client_metadata")


@requirement("RFC7591-3.2.2-types")
@pytest.mark.parametrize("name", BAD_TYPES)
def test_member_of_a_wrong_type_is_refused_or_mended(new_client, name):
    right = bent(new_client, jwks=keys.jwks(keys.key("conformance-1")))
    response = new_client.register(right | {name: BAD_TYPES[name]})

    expect.status(response, 200, 201, 400)
    body = expect.json_object(response)
    kept = isinstance(body.get(name, right[name]), type(right[name]))
    said = f"{name}: {body.get(name)!r}"
    expect.that(response.is_client_error or kept, "400 or the right type", said, response)


@requirement("OIDCR-2-redirect-fragment")
def test_redirect_uri_with_a_fragment_is_unusable(new_client, browser):
    unusable(new_client, browser, f"{URI}#fragment")


@requirement("RFC6749-3.1.2-redirect-absolute")
@pytest.mark.parametrize(
    "uri",
    ["/callback", "//client.example.org/callback", "not a uri"],
    ids=["path", "no_scheme", "words"],
)
def test_relative_redirect_uri_is_unusable(new_client, browser, uri):
    unusable(new_client, browser, uri)


@requirement("RFC7591-5-redirect-uri-schemes")
def test_http_redirect_uri_is_unusable(new_client, browser):
    unusable(new_client, browser, "http://client.example.org/callback")


@requirement("RFC8252-7.3-loopback-port")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"], ids=["ipv4", "ipv6"])
def test_loopback_redirect_uri_is_usable(new_client, browser, host):
    registered = f"http://{host}/callback"
    client = new_client.public(SCOPE, redirect_uris=[registered])
    wishes = {"redirect_uri": f"http://{host}:49152/callback"}
    page = browser.open(client, SCOPE, parameters=wishes)

    expect.login_page(page)


@requirement("RFC8252-8.4-dangerous-schemes")
@pytest.mark.parametrize(
    "uri",
    ["javascript:alert(1)", "data:text/html,x", "file:///x"],
    ids=["javascript", "data", "file"],
)
def test_dangerous_redirect_uri_is_unusable(new_client, browser, uri):
    unusable(new_client, browser, uri)


@requirement("OPENEMR-REG-public-no-user-system")
@needs("oauth.openemr_registration")
@pytest.mark.parametrize(
    "scope",
    ["api:oemr user/patient.read", "api:fhir system/Patient.read"],
    ids=["user", "system"],
)
def test_public_client_gets_no_staff_scopes(new_client, scope):
    key_set = keys.jwks(keys.key("conformance-1"))
    response = new_client.register(
        new_client.public_metadata(f"openid {scope}") | {"jwks": key_set}
    )

    expect.oauth_error(response, "invalid_client_metadata", "invalid_scope", "unauthorized_client")


@requirement("RFC7591-2-scope-unknown")
def test_unknown_scope_is_refused_or_dropped(new_client):
    response = new_client.register(new_client.public_metadata("openid foo/Bar.read"))

    expect.no_server_error(response)
    scope = str(expect.json_object(response).get("scope", ""))
    dropped = response.is_client_error or "foo/Bar.read" not in scope
    expect.that(dropped, "a refusal or a scope without it", scope, response)


@requirement("RFC7591-2-auth-method-unsupported")
def test_unknown_authentication_method_is_not_registered(new_client):
    response = new_client.register(bent(new_client, token_endpoint_auth_method="x_no_such_method"))

    expect.no_server_error(response)
    method = expect.json_object(response).get("token_endpoint_auth_method")
    replaced = response.is_client_error or method not in {None, "x_no_such_method"}
    expect.that(replaced, "a refusal or another method", str(method), response)


@requirement("RFC7591-2-jwks-and-jwks-uri")
def test_keys_are_given_in_one_way(new_client):
    both = {
        "jwks": keys.jwks(keys.key("conformance-1")),
        "jwks_uri": "https://client.example.org/jwks",
    }
    response = new_client.register(bent(new_client, **both))

    expect.no_server_error(response)
    kept = {*both} & {*expect.json_object(response)}
    expect.that(response.is_client_error or len(kept) < 2, "one of them", sorted(kept), response)


@requirement("RFC7591-2-jwks-malformed")
def test_key_set_without_keys_is_refused(new_client):
    response = new_client.register(bent(new_client, jwks={}, scope="api:fhir system/Patient.read"))

    expect.oauth_error(response, "invalid_client_metadata")


@requirement("RFC7591-2-jwks-private-material")
def test_private_key_is_not_registered(new_client):
    key = keys.key("conformance-1")
    private = {"keys": [dict(key.as_dict(private=True))]}
    response = new_client.register(bent(new_client, jwks=private))

    expect.no_server_error(response)
    shown = [each for each in _keys(response) if "d" in each]
    expect.that(not shown, "no private member", f"{len(shown)} private keys", response)


@requirement("RFC7591-3-post-only")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_registers(server, new_client, method):
    url = server.endpoint("registration_endpoint")
    response = server.http.request(method, url, json=new_client.public_metadata())
    new_client.remember(response)

    expect.status(response, 400, 404, 405, 501)


def unusable(new_client, browser, uri):
    """Expect the redirect URI to be refused, at registration or when it is used."""
    response = new_client.register(new_client.public_metadata(redirect_uris=[uri]))
    if response.is_client_error:
        expect.oauth_error(response, "invalid_redirect_uri", "invalid_client_metadata")
        return
    expect.success(response)
    client = Client(expect.member(response, "client_id", kind=str), redirect_uri=uri)
    page = browser.open(client, SCOPE)

    accepted = f"registered, and an authorization request with {uri!r} leads to the login"
    wanted = "a refusal: others could read a code that is sent there"
    expect.that(not _asks_for_login(page), wanted, accepted, page)
    expect.that(not page.is_redirect, "no redirect to it", page.headers.get("location"), page)


def _asks_for_login(page):
    return page.status_code == 200 and "password" in page.text


def _keys(response):
    key_set = expect.json_object(response).get("jwks")
    return key_set.get("keys", []) if isinstance(key_set, dict) else []
