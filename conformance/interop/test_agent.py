"""A service that introspects its callers' tokens, and a proxy with its own token."""

import pytest

from conformance import expect, requirement
from fixtures.given.fastapi_service import KEPT_SECONDS

#: The scopes of the callers, for the API that is faster, if the target has it.
SCOPES = {
    "patient": ("portal", "openid api:port patient/patient.read"),
    "staff": ("rest", "openid api:oemr user/patient.read"),
}
FHIR_SCOPES = {
    "patient": "openid api:fhir patient/Patient.read",
    "staff": "openid api:fhir user/Patient.read",
}
#: The endpoint of each call, its caller, and the status that the service has to return.
CALLS = {
    "patient": ("/chat/patient", "patient", 200),
    "staff": ("/chat/staff", "staff", 200),
    "staff_as_patient": ("/chat/patient", "staff", 403),
    "patient_as_staff": ("/chat/staff", "patient", 403),
    "nobody": ("/chat/patient", "nobody", 401),
    "garbage": ("/chat/patient", "garbage", 401),
}


@pytest.fixture(scope="session")
def caller_scopes(target):
    """The scopes of patients and of staff."""
    return {
        who: scope if feature in target.features else FHIR_SCOPES[who]
        for who, (feature, scope) in SCOPES.items()
    }


@pytest.fixture(scope="session")
def service_callers(tokens, registrar, admin, patient, caller_scopes):
    """The client of the service, and the token responses of its callers."""
    client = registrar.confidential(" ".join(caller_scopes.values()))
    return client, {
        "patient": tokens.fetch(client, patient, caller_scopes["patient"]),
        "staff": tokens.fetch(client, admin, caller_scopes["staff"]),
    }


def token_of(answers, who):
    """Return the token of a caller."""
    if who in answers:
        return expect.json_object(answers[who]).get("access_token")
    return None if who == "nobody" else "garbage.of.somebody"


@requirement("INTEROP-agent-tells-callers-apart")
@pytest.mark.parametrize("call", CALLS)
def test_service_tells_callers_apart(service_callers, fastapi_service, call):
    client, answers = service_callers
    path, who, status = CALLS[call]

    service = fastapi_service(client)
    found, body = service.call(path, token_of(answers, who))

    # Nothing goes over the wire for a caller without a token.
    judged = [*service.introspection.responses, *filter(None, [answers.get(who)])]
    expect.equal(found, status, "the status of the service", judged)
    if call == "patient":
        expect.that(body.get("patient"), "the patient's id", body, judged)


@requirement("INTEROP-agent-keeps-answers")
def test_service_keeps_answers_for_a_while(
    tokens, new_client, server, fastapi_service, patient, caller_scopes
):
    client = new_client.confidential(caller_scopes["patient"])
    answer = tokens.fetch(client, patient, caller_scopes["patient"])
    token = token_of({"patient": answer}, "patient")
    lives = expect.member(answer, "expires_in", kind=int)
    expect.that(lives > KEPT_SECONDS, f"expires_in of more than {KEPT_SECONDS}", lives, answer)
    service = fastapi_service(client)

    before = [service.call("/chat/patient", token)[0] for _ in range(2)]
    responses = service.introspection.responses
    expect.equal(before, [200, 200], "the status of the service before the logout", responses)
    expect.equal(len(responses), 1, "the number of introspection requests", responses)
    ended = server.logout(id_token_hint=expect.member(answer, "id_token", kind=str))
    service.introspection.now += KEPT_SECONDS + 1
    after, _ = service.call("/chat/patient", token)

    judged = [responses[-1], ended]
    expect.equal(after, 401, "the status of the service after the logout", judged)


@requirement("INTEROP-proxy-own-token")
def test_proxy_uses_its_own_token(tokens, fhir_proxy):
    own = fhir_proxy(tokens.system("system/Patient.read"))
    foreign = {"Authorization": "Basic Zm9yZWlnbjpoZWFkZXI=", "Accept": "application/fhir+json"}

    response = own.forward("/Patient?_count=5", foreign)

    expect.status(response, 200)
    kind = expect.json_object(response).get("resourceType")
    expect.equal(kind, "Bundle", "resourceType", response)


@requirement("INTEROP-proxy-foreign-header")
def test_foreign_header_is_refused_in_words(tokens, fhir_proxy):
    own = fhir_proxy(tokens.system("system/Patient.read"))
    foreign = {"Authorization": "Basic Zm9yZWlnbjpoZWFkZXI=", "Accept": "application/fhir+json"}

    response = own.forward("/Patient?_count=5", foreign, strip=False)

    expect.status(response, 401)
    expect.that(response.content, "a body that says why", response, response)
