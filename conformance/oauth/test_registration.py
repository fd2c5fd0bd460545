"""Client registration: the response to a good request, and the client afterwards."""

import math
import string
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import pytest

from conformance import expect, needs, requirement, writes
from fixtures.driver import keys
from fixtures.driver.login_pages import Browser
from fixtures.driver.registrar import (
    LOGIN_SCOPE,
    PUBLIC_SCOPE,
)
from fixtures.wire.exchanges import record_exchanges

pytestmark = writes

#: The scope of a confidential client that works at once: none of staff or systems.
SCOPE = "openid offline_access profile api:oemr"
STAFF = "openid offline_access api:oemr user/patient.read"
KINDS = ["confidential", "public"]
#: Members that the server decides about, and not the client.
CHOSEN = {
    "client_secret": "chosen-by-the-client",
    "registration_access_token": "chosen-by-the-client",
    "is_enabled": 1,
    "is_confidential": 1,
    "skip_ehr_launch_authorization_flow": True,
}


@pytest.fixture(scope="module")
def registration_responses(registrar):
    """The responses to a good registration of each kind, which no check changes."""
    return {
        "confidential": registrar.register(registrar.confidential_metadata(SCOPE)),
        "public": registrar.register(registrar.public_metadata()),
    }


@requirement("RFC7591-2-register-ok")
@pytest.mark.parametrize("kind", KINDS)
def test_good_metadata_registers_a_client(registration_responses, kind):
    response = registration_responses[kind]

    expect.success(response)
    name = expect.member(response, "client_id", kind=str)
    expect.that(name, "a client_id", "an empty one", response)


@requirement("RFC7591-3.2.1-201-created")
@pytest.mark.parametrize("kind", KINDS)
def test_registration_answers_created(registration_responses, kind):
    expect.status(registration_responses[kind], 201)


@requirement("RFC7591-3.2.1-json")
@pytest.mark.parametrize("kind", KINDS)
def test_registration_answer_is_json(registration_responses, kind):
    expect.media_type(registration_responses[kind], "application/json")


@requirement("RFC7591-3.2.1-no-store")
def test_registration_answer_is_not_stored(registration_responses):
    expect.header(registration_responses["confidential"], "Cache-Control", contains="no-store")


@requirement("RFC7591-3.2.1-client-secret-expires-at")
def test_secret_comes_with_its_expiry(registration_responses):
    response = registration_responses["confidential"]
    secret = expect.member(response, "client_secret", kind=str)
    expect.that(secret, "a secret", "an empty one", response)

    expires = expect.member(response, "client_secret_expires_at", kind=int)
    now = parsedate_to_datetime(expect.header(response, "Date")).timestamp()
    expect.that(expires == 0 or expires > now, "0 or a time in the future", str(expires), response)


@requirement("RFC7591-3.2.1-issued-at")
def test_issue_time_is_now(registration_responses):
    response = registration_responses["confidential"]
    issued = expect.member(response, "client_id_issued_at", kind=int)

    now = parsedate_to_datetime(expect.header(response, "Date")).timestamp()
    expect.that(abs(issued - now) < 120, "the current time in seconds", str(issued), response)


@requirement("RFC7591-2-public-no-secret")
def test_public_client_gets_no_secret(registration_responses):
    body = expect.json_object(registration_responses["public"])

    expect.that(
        not body.get("client_secret"), "no client_secret", "one", registration_responses["public"]
    )


@requirement("OIDCR-3.2-registration-access-token")
@pytest.mark.parametrize("kind", KINDS)
def test_management_token_and_address_come_together(registration_responses, kind):
    body = expect.json_object(registration_responses[kind])

    both = {"registration_access_token", "registration_client_uri"}
    given = {name for name in both if body.get(name)}
    expect.that(given in (both, set()), "both or none", sorted(given), registration_responses[kind])


@requirement("RFC7591-3.2.1-echo-metadata")
def test_answer_returns_what_was_registered(new_client):
    sent = new_client.confidential_metadata(SCOPE) | {
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    response = new_client.register(sent)

    expect.success(response)
    for name in sent:
        expect.member(response, name, kind=type(sent[name]))
    body = expect.json_object(response)
    for name in ("client_name", "redirect_uris", "token_endpoint_auth_method"):
        expect.equal(body[name], sent[name], name, response)


@requirement("RFC7591-2-i18n-name")
def test_client_name_keeps_its_characters(new_client):
    name = "Ünïcode \N{EN DASH} テスト"
    response = new_client.register(new_client.public_metadata() | {"client_name": name})

    expect.success(response)
    expect.equal(expect.member(response, "client_name"), name, "client_name", response)


@requirement("RFC7591-2-unknown-members-ignored")
def test_unknown_member_is_ignored(new_client):
    response = new_client.register(new_client.public_metadata() | {"x_conformance": {"number": 1}})

    expect.success(response)
    expect.member(response, "client_id", kind=str)


@pytest.fixture(scope="module")
def repeated_registrations(registrar):
    """The responses to five registrations of the same metadata, one after the other."""
    metadata = registrar.confidential_metadata(SCOPE)
    return [registrar.register(metadata) for _ in range(5)]


@requirement("RFC7591-3.2.1-client-id-unique")
def test_clients_differ(repeated_registrations):
    bodies = [expect.json_object(answer) for answer in repeated_registrations]

    expect.that(
        all(body.get("client_id") for body in bodies), "a client_id", bodies, repeated_registrations
    )
    for name in ("client_id", "client_secret", "registration_access_token"):
        values = [body[name] for body in bodies if body.get(name)]
        expect.equal(
            len({*values}), len(values), f"the number of different {name}s", repeated_registrations
        )


@requirement("RFC7591-2-secret-entropy")
def test_secret_cannot_be_guessed(repeated_registrations):
    bodies = [expect.json_object(answer) for answer in repeated_registrations]

    secrets = [str(body.get("client_secret")) for body in bodies]
    bits = changing_bits(secrets)
    received = f"{bits:.0f} bits in {len(secrets[0])} letters"
    # Some letters of five random secrets are equal by chance.
    expect.that(bits >= 100, "about 128 bits, and at least 100", received, repeated_registrations)


@requirement("RFC7591-2-jwks-inline")
@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_key_set_is_registered(new_client, kind):
    key_set = keys.jwks(keys.key("conformance-1", kind))
    response = new_client.register(new_client.confidential_metadata(SCOPE) | {"jwks": key_set})

    expect.success(response)
    expect.equal(expect.json_object(response).get("jwks", key_set), key_set, "jwks", response)


@requirement("RFC7591-2-none-accepted")
def test_public_client_registers_without_authentication(new_client):
    metadata = new_client.public_metadata() | {"token_endpoint_auth_method": "none"}
    response = new_client.register(metadata)

    expect.success(response)
    expect.that(not expect.json_object(response).get("client_secret"), "no secret", "one", response)


@requirement("OPENEMR-REG-example-private")
@needs("oauth.openemr_registration")
def test_documented_registration_works(new_client):
    response = new_client.register(
        {
            "application_type": "private",
            "redirect_uris": ["https://client.example.org/callback"],
            "initiate_login_uri": "https://client.example.org/launch",
            "post_logout_redirect_uris": ["https://client.example.org/logout"],
            "client_name": "A Private App",
            "token_endpoint_auth_method": "client_secret_post",
            "contacts": ["me@example.org", "them@example.org"],
            "scope": "openid offline_access api:oemr api:fhir api:port user/allergy.read "
            "user/allergy.write patient/encounter.read patient/patient.read user/Patient.read "
            "patient/Patient.read",
        }
    )

    expect.success(response)
    for name in ("client_id", "client_secret", "registration_access_token"):
        expect.that(expect.member(response, name, kind=str), f"a {name}", "an empty one", response)
    for name in ("registration_client_uri", "client_id_issued_at", "client_secret_expires_at"):
        expect.member(response, name)


@requirement("OPENEMR-REG-secret-private-only")
@pytest.mark.usefixtures("registration_control")
def test_application_type_confidential_makes_no_silent_public_client(new_client):
    metadata = new_client.confidential_metadata(SCOPE) | {"application_type": "confidential"}
    response = new_client.register(metadata)
    body = expect.json_object(response)

    told = body.get("application_type") in {"public", "web"}
    told = told or body.get("token_endpoint_auth_method") == "none"
    safe = response.is_client_error or body.get("client_secret") or told
    received = "application_type confidential and no secret"
    expect.that(safe, "a refusal, a secret, or another type", received, response)


@pytest.fixture(scope="module")
def unapproved_client_responses(registrar, server, admin):
    """Register a staff client that no administrator enables, and ask for a token with it.

    Returns the responses to the registration and to the token request.
    """

    def ask(**changes):
        with record_exchanges() as exchanges:
            metadata = registrar.confidential_metadata(STAFF, **changes)
            client = registrar.new(metadata, enable=False)
        allowed = Browser(server).authorize(client, admin, STAFF)
        code = allowed.parameters.get("code", "none-was-given")
        registration = exchanges[-1].response
        return registration, server.exchange(client, code, verifier=allowed.verifier)

    return ask


@requirement("OPENEMR-REG-disabled-by-default")
@needs("oauth.openemr_registration")
@pytest.mark.usefixtures("code_exchange_control")
def test_staff_client_is_disabled_at_first(unapproved_client_responses):
    _, response = unapproved_client_responses()

    expect.no_token(response)


@requirement("OPENEMR-REG-enabled-works")
def test_staff_client_works_once_enabled(token_response):
    response = token_response("authorization_code")

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("OPENEMR-REG-patient-app-at-once")
def test_patient_app_works_at_once(new_client, server, browser, patient):
    client = new_client.new(new_client.public_metadata(PUBLIC_SCOPE), enable=False)
    answer = browser.authorize(client, patient, PUBLIC_SCOPE)
    response = server.exchange(client, answer.code, verifier=answer.verifier)

    expect.status(response, 200)
    expect.member(response, "access_token", kind=str)


@requirement("RFC7591-2-mass-assignment")
@pytest.mark.usefixtures("code_exchange_control")
def test_client_does_not_choose_what_the_server_decides(target, unapproved_client_responses):
    registration, response = unapproved_client_responses(**CHOSEN)

    for name in ("client_secret", "registration_access_token"):
        value = expect.json_object(registration).get(name)
        expect.that(
            value != CHOSEN[name],
            f"a {name} that the server has chosen",
            "the sent one",
            registration,
        )
    if "oauth.openemr_registration" in target.features:
        expect.no_token(response)


@requirement("OIDCR-2-redirect-uris-each-usable")
@pytest.mark.parametrize("number", range(3), ids=["first", "second", "third"])
def test_each_redirect_uri_is_usable(client_with_three_redirect_uris, browser, number):
    uri = client_with_three_redirect_uris.metadata["redirect_uris"][number]
    page = browser.open(
        client_with_three_redirect_uris, LOGIN_SCOPE, parameters={"redirect_uri": uri}
    )

    expect.login_page(page)


@pytest.fixture(scope="module")
def client_with_three_redirect_uris(registrar):
    """A public client with three redirect URIs."""
    return registrar.public(
        redirect_uris=[
            "https://client.example.org/callback",
            "https://client.example.org/other?kept=1",
            "https://client.example.org/third",
        ]
    )


@requirement("OIDCR-4.2-client-read")
@pytest.mark.parametrize("kind", KINDS)
def test_client_reads_its_registration(registration_responses, registrar, kind):
    body = expect.json_object(registration_responses[kind])
    expect.member(registration_responses[kind], "registration_client_uri", kind=str)
    client = next(each for each in registrar.clients if each.client_id == body["client_id"])
    response = registrar.read(client)

    expect.status(response, 200)
    for name in ("client_id", "redirect_uris"):
        both = [response, registration_responses[kind]]
        expect.equal(expect.member(response, name), body[name], name, both)


@requirement("RFC7592-2.1-bad-token-401")
@pytest.mark.parametrize("token", ["Bearer not-the-token", ""], ids=["wrong", "missing"])
def test_registration_is_read_with_its_token_only(registration_responses, http, token):
    uri = expect.member(registration_responses["confidential"], "registration_client_uri", kind=str)
    response = http.get(uri, headers={"Authorization": token} if token else {})

    expect.that("client_secret" not in response.text, "no secret", "one", response)
    expect.status(response, 401)


@requirement("RFC7592-2.1-other-client-token")
def test_registration_is_not_read_by_another_client(registration_responses, registrar, http):
    uri = expect.member(registration_responses["confidential"], "registration_client_uri", kind=str)
    other = registrar.register(registrar.public_metadata())
    token = expect.member(other, "registration_access_token", kind=str)
    response = http.get(uri, headers={"Authorization": f"Bearer {token}"})

    expect.that(
        "redirect_uris" not in response.text, "nothing about the client", response.text, response
    )
    expect.status(response, 401, 403)


@requirement("OPENEMR-REG-ui-page")
@needs("oauth.openemr_registration")
def test_registration_page_is_served(target, http):
    response = http.get(f"{target.base_url}/interface/smart/register-app.php")

    expect.status(response, 200)
    expect.media_type(response, "text/html")
    form = "redirect" in response.text.lower()
    expect.that(form, "the registration form", "another page", response)


def changing_bits(secrets: Sequence[str]) -> float:
    """Return how many bits a secret has in the places where not all of them have one letter."""
    changing = [{*letters} for letters in zip(*secrets, strict=False) if len({*letters}) > 1]
    used = set().union(*changing)
    classes = [string.digits, string.hexdigits[:16], string.ascii_lowercase, string.ascii_letters]
    size = next((len(each) for each in classes if used <= {*each}), 64)
    return len(changing) * math.log2(size)
