"""Client registration: what the server must not register, and how it refuses."""

import pytest

from conformance import expect, requirement, writes
from fixtures.driver import keys
from fixtures.driver.authorization_server import Client
from fixtures.driver.registrar import LOGIN_SCOPE as SCOPE
from fixtures.driver.registrar import confidential_metadata, public_metadata

pytestmark = writes

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
#: Good metadata with one bad value each; None takes a member away.
BAD_VALUES = {
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


def bent(**changes):
    """Return the metadata of a confidential client with changes; None takes a member away."""
    metadata = confidential_metadata(SCOPE) | changes
    return {name: value for name, value in metadata.items() if value is not None}


@requirement("RFC7591-3.2.2-error-400-json")
@pytest.mark.parametrize("bad", BAD_VALUES)
def test_refusal_is_json_with_a_registered_code(new_client, bad):
    """A refusal of metadata has status 400 and is a JSON object with a registered error code."""
    response = new_client.register(bent(**BAD_VALUES[bad]))
    if response.is_success:
        return  # the server may put a value of its own in place

    expect.status(response, 400)
    expect.media_type(response, "application/json")
    error = expect.member(response, "error", kind=str)
    expect.that(error in CODES, f"one of {', '.join(sorted(CODES))}", error, response)


@requirement("RFC7591-3.2.2-malformed-json")
@pytest.mark.parametrize(
    "body", ["{", "", "[]", '"x"', "null"], ids=["cut", "empty", "array", "text", "null"]
)
def test_body_without_metadata_is_refused(new_client, body):
    """A body that is no JSON object is refused with status 400 and a JSON error."""
    response = new_client.register(None, content=body, headers={"Content-Type": "application/json"})

    expect.status(response, 400)
    expect.member(response, "error", kind=str)
    expect.that("client_id" not in expect.json_object(response), "no client", "one", response)


@requirement("RFC7591-3.1-content-type")
def test_form_registers_no_empty_client(new_client):
    """A registration that is sent as a form is refused, or registered with all of its values."""
    metadata = {"application_type": "private", "client_name": "a form", "redirect_uris": URI}
    response = new_client.register(None, data=metadata | {"scope": SCOPE})

    expect.no_server_error(response)
    whole = response.is_client_error or expect.json_object(response).get("client_name") == "a form"
    expect.that(whole, "a refusal or the whole client", response.text, response)


@requirement("RFC7591-3.2.2-redirect-uris-missing")
@pytest.mark.parametrize("uris", [None, []], ids=["missing", "empty"])
def test_client_without_redirect_uris_is_refused(new_client, uris):
    """A client of the code grant cannot be registered without redirect URIs."""
    metadata = bent(redirect_uris=uris, grant_types=["authorization_code"])
    response = new_client.register(metadata)

    expect.oauth_error(response, "invalid_redirect_uri", "invalid_client_metadata")


@requirement("RFC7591-3.2.2-types")
@pytest.mark.parametrize("name", BAD_TYPES)
def test_member_of_a_wrong_type_is_refused_or_mended(new_client, name):
    """A member of a wrong JSON type is refused with status 400, or registered in the right type."""
    right = bent(jwks=keys.jwks(keys.key("conformance-1")))
    response = new_client.register(right | {name: BAD_TYPES[name]})

    expect.status(response, 200, 201, 400)
    body = expect.json_object(response)
    kept = isinstance(body.get(name, right[name]), type(right[name]))
    said = f"{name}: {body.get(name)!r}"
    expect.that(response.is_client_error or kept, "400 or the right type", said, response)


@requirement("OIDCR-2-redirect-fragment")
def test_redirect_uri_with_a_fragment_is_unusable(new_client, browser):
    """A redirect URI with a fragment cannot be registered, or cannot be used."""
    unusable(new_client, browser, f"{URI}#fragment")


@requirement("RFC6749-3.1.2-redirect-absolute")
@pytest.mark.parametrize(
    "uri",
    ["/callback", "//client.example.org/callback", "not a uri"],
    ids=["path", "no_scheme", "words"],
)
def test_relative_redirect_uri_is_unusable(new_client, browser, uri):
    """A redirect URI that is not absolute cannot be registered, or cannot be used."""
    unusable(new_client, browser, uri)


@requirement("RFC7591-5-redirect-uri-schemes")
def test_http_redirect_uri_is_unusable(new_client, browser):
    """A redirect URI with http and a host other than this machine cannot be registered or used."""
    unusable(new_client, browser, "http://client.example.org/callback")


@requirement("RFC8252-7.3-loopback-port")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"], ids=["ipv4", "ipv6"])
def test_loopback_redirect_uri_is_usable(new_client, browser, host):
    """A redirect URI with http and a loopback address can be registered and used with any port."""
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
    """A redirect URI that a browser would run or read locally cannot be registered or used."""
    unusable(new_client, browser, uri)


@requirement("OPENEMR-REG-public-no-user-system")
@pytest.mark.parametrize(
    "scope",
    ["api:oemr user/patient.read", "api:fhir system/Patient.read"],
    ids=["user", "system"],
)
def test_public_client_gets_no_staff_scopes(new_client, scope):
    """A public client cannot register for scopes of staff or of the system."""
    key_set = keys.jwks(keys.key("conformance-1"))
    response = new_client.register(public_metadata(f"openid {scope}") | {"jwks": key_set})

    expect.oauth_error(response, "invalid_client_metadata", "invalid_scope", "unauthorized_client")


@requirement("RFC7591-2-scope-unknown")
def test_unknown_scope_is_refused_or_dropped(new_client):
    """A scope that the server does not know is refused, or left out of the registered scope."""
    response = new_client.register(public_metadata("openid foo/Bar.read"))

    expect.no_server_error(response)
    scope = str(expect.json_object(response).get("scope", ""))
    dropped = response.is_client_error or "foo/Bar.read" not in scope
    expect.that(dropped, "a refusal or a scope without it", scope, response)


@requirement("RFC7591-2-auth-method-unsupported")
def test_unknown_authentication_method_is_not_registered(new_client):
    """An unknown token_endpoint_auth_method is refused or replaced, never registered as sent."""
    response = new_client.register(bent(token_endpoint_auth_method="x_no_such_method"))

    expect.no_server_error(response)
    method = expect.json_object(response).get("token_endpoint_auth_method")
    replaced = response.is_client_error or method not in {None, "x_no_such_method"}
    expect.that(replaced, "a refusal or another method", str(method), response)


@requirement("RFC7591-2-jwks-and-jwks-uri")
def test_keys_are_given_in_one_way(new_client):
    """Keys are registered by value or by address, never both."""
    both = {
        "jwks": keys.jwks(keys.key("conformance-1")),
        "jwks_uri": "https://client.example.org/jwks",
    }
    response = new_client.register(bent(**both))

    expect.no_server_error(response)
    kept = {*both} & {*expect.json_object(response)}
    expect.that(response.is_client_error or len(kept) < 2, "one of them", sorted(kept), response)


@requirement("RFC7591-2-jwks-malformed")
def test_key_set_without_keys_is_refused(new_client):
    """A key set without a member keys is refused."""
    response = new_client.register(bent(jwks={}, scope="api:fhir system/Patient.read"))

    expect.oauth_error(response, "invalid_client_metadata")


@requirement("RFC7591-2-jwks-private-material")
def test_private_key_is_not_registered(new_client):
    """A private key that is sent by mistake is refused, or left out of what is registered."""
    key = keys.key("conformance-1")
    private = {"keys": [dict(key.as_dict(private=True))]}
    response = new_client.register(bent(jwks=private))

    expect.no_server_error(response)
    shown = [each for each in _keys(response) if "d" in each]
    expect.that(not shown, "no private member", f"{len(shown)} private keys", response)


@requirement("RFC7591-3-post-only")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_registers(server, new_client, method):
    """Only POST registers a client."""
    url = server.url("/registration")
    response = server.http.request(method, url, json=public_metadata())
    new_client.remember(response)

    expect.status(response, 400, 404, 405, 501)


def unusable(new_client, browser, uri):
    """Expect that the redirect URI is refused at registration, or at the latest when it is used."""
    response = new_client.register(public_metadata() | {"redirect_uris": [uri]})
    if response.is_client_error:
        expect.oauth_error(response, "invalid_redirect_uri", "invalid_client_metadata")
        return
    expect.success(response)
    client = Client(expect.member(response, "client_id", kind=str), redirect_uri=uri)
    page = browser.open(client, SCOPE)

    accepted = f"registered, and an authorization request with {uri!r} leads to the login"
    wanted = "a refusal: a code that is sent there is open to others"
    expect.that(not _asks_for_login(page), wanted, accepted, page)
    expect.that(not page.is_redirect, "no redirect to it", page.headers.get("location"), page)


def _asks_for_login(page):
    return page.status_code == 200 and "password" in page.text


def _keys(response):
    key_set = expect.json_object(response).get("jwks")
    return key_set.get("keys", []) if isinstance(key_set, dict) else []
