"""Bearer tokens at the APIs: how a token is sent, and what it opens."""

from functools import cache

import pytest

from conformance import APIS, FORGERIES, expect, needs, requirement
from conformance.watch import disclosure
from fixtures.given.sessions import API_PATHS, SCOPE
from fixtures.target.model import not_applicable

PATIENT = needs("portal", "patients")
SYSTEM = needs("oauth.client_credentials")
#: Roles and the APIs that are not for them; the tokens have all scopes of the role for the API.
FOREIGN = [
    pytest.param("staff", "portal", marks=needs("portal"), id="staff-portal"),
    pytest.param("patient", "rest", marks=[PATIENT, needs("rest")], id="patient-rest"),
    pytest.param("system", "rest", marks=[SYSTEM, needs("rest")], id="system-rest"),
    pytest.param("system", "portal", marks=[SYSTEM, needs("portal")], id="system-portal"),
]
MALFORMED = {
    "scheme_alone": "Bearer",
    "two_words": "Bearer malformed-token with-a-blank",
    "basic": "Basic YWRtaW46cGFzcw==",
    "twice": "Bearer first-of-two, Bearer second-of-two",
    "long": f"Bearer {'a' * 6000}",
    "other_letters": "Bearer t%C3%B6k%00n",
}


@pytest.fixture(scope="module")
def api_response(api):
    """The response of a path to a token, or to no token: `api_response(path, token)`, once."""
    return cache(api.get)


@requirement("RFC6750-2.1-header")
@pytest.mark.parametrize("name", APIS)
def test_bearer_token_opens_the_api(api_response, tokens, name):
    path, scope = API_PATHS[name]
    token = tokens.patient(scope) if name == "portal" else tokens.staff(scope)
    response = api_response(path, token)

    expect.status(response, 200)
    expect.json(response)


@requirement("RFC6750-2.1-scheme-case")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_scheme_is_spelled_in_any_case(api, api_path_and_token, scheme):
    path, token = api_path_and_token("rest")
    response = api.get(path, headers={"Authorization": f"{scheme} {token}"})

    expect.status(response, 200)
    expect.json(response)


@requirement("RFC6750-2.1-scheme-required")
@pytest.mark.parametrize(
    "prefix", ["", "Token ", "JWT ", "Basic "], ids=["no_scheme", "token", "jwt", "basic"]
)
def test_token_without_its_scheme_is_refused(api, api_path_and_token, prefix):
    path, token = api_path_and_token("rest")
    response = api.get(path, headers={"Authorization": f"{prefix}{token}"})

    expect.no_data(response, 400, 401)


@requirement("RFC6750-2.3-query-refused")
@pytest.mark.parametrize("name", APIS)
def test_token_in_the_query_is_refused(api, api_path_and_token, name):
    path, token = api_path_and_token(name)
    response = api.get(path, params={"access_token": token})

    expect.no_data(response, 400, 401)


@requirement("RFC6750-2-two-methods")
def test_token_in_the_query_rescues_no_bad_header(api, api_path_and_token):
    path, token = api_path_and_token("rest")
    response = api.get(path, "no-token-at-all", params={"access_token": token})

    expect.no_data(response, 400, 401)


@requirement("RFC6750-2-two-methods")
@needs("fhir")
def test_token_in_the_body_rescues_no_bad_header(api, api_path_and_token):
    path, token = api_path_and_token("fhir")
    form = {"access_token": token}
    response = api.request("POST", f"{path}/_search", "no-token-at-all", data=form)

    expect.no_data(response)


@requirement("RFC6750-3.1-two-methods")
@pytest.mark.parametrize("other", ["query", "body"])
def test_token_that_is_sent_twice_is_an_invalid_request(api, api_path_and_token, other):
    path, token = api_path_and_token("fhir")
    twice = {"access_token": token}
    if other == "query":
        response = api.get(path, token, params=twice)
    else:
        response = api.request("POST", f"{path}/_search", token, data=twice)
        if response.status_code in {404, 405, 501}:
            not_applicable("the server has no search by POST")

    expect.no_data(response, 400)


@requirement("RFC6750-3-www-authenticate")
@pytest.mark.parametrize("token", [None, "no-token-at-all"], ids=["no_token", "garbage"])
@pytest.mark.parametrize("name", APIS)
def test_refusal_carries_a_challenge(api_response, name, token):
    response = api_response(API_PATHS[name][0], token)

    expect.refused(response)
    expect.header(response, "WWW-Authenticate", contains="Bearer")


@requirement("RFC6750-3.1-invalid-token")
@pytest.mark.parametrize("why", ["garbage", "forged", "refresh_token"])
@pytest.mark.parametrize("name", APIS)
def test_bad_token_is_called_invalid(
    api_response, api_path_and_token, forger, session_by_grant, name, why
):
    path, token = api_path_and_token(name)
    bad = {
        "garbage": lambda: "no-token-at-all",
        "forged": lambda: forger.forge(token, "signature_changed"),
        "refresh_token": lambda: session_by_grant("authorization_code").refresh_token,
    }[why]()
    response = api_response(path, bad)

    expect.no_data(response, 401)
    expect.header(response, "WWW-Authenticate", contains="invalid_token")


@requirement("RFC6750-3.1-ended-token")
@pytest.mark.parametrize("by", ["logout"])
@needs("oauth.logout")
def test_ended_token_is_answered_with_401(server, api, new_session, by):
    session = new_session(SCOPE)
    before = api.get("/api/facility", session.access_token)
    session.log_out(server)
    response = api.get("/api/facility", session.access_token)

    expect.status(before, 200)
    expect.no_data(response, 401)


@requirement("RFC6750-3-no-error-code-unauth")
@pytest.mark.parametrize("name", APIS)
def test_challenge_without_a_token_names_no_error(api_response, name):
    response = api_response(API_PATHS[name][0], None)
    challenge = expect.header(response, "WWW-Authenticate", contains="Bearer")

    expect.that("error" not in challenge, "no error in the challenge", challenge, response)


@requirement("RFC6750-3.1-invalid-request")
@pytest.mark.parametrize("header", list(MALFORMED))
def test_malformed_header_is_refused(api, api_path_and_token, header):
    path, _ = api_path_and_token("rest")
    response = api.get(path, headers={"Authorization": MALFORMED[header]})

    expect.no_data(response, 400, 401, 413, 431)


@requirement("RFC6750-5.3-sig-stripped")
@pytest.mark.parametrize("how", FORGERIES)
@pytest.mark.parametrize("name", APIS)
def test_forged_token_is_refused(api_response, api_path_and_token, forger, name, how):
    path, token = api_path_and_token(name)
    response = api_response(path, forger.forge(token, how))

    expect.no_data(response)


@requirement("RFC6750-refresh-token-not-bearer")
@pytest.mark.parametrize("name", APIS)
def test_refresh_token_is_no_bearer_token(api, api_path_and_token, session_by_grant, name):
    path, _ = api_path_and_token(name)
    session = session_by_grant("authorization_code")
    response = api.get(path, session.refresh_token)

    expect.no_data(response)


@requirement("RFC6750-cookie-alone-refused")
@pytest.mark.parametrize("name", APIS)
def test_cookie_of_an_api_opens_nothing(api, api_path_and_token, name):
    path, token = api_path_and_token(name)
    answer = api.get(path, token)
    cookies = [each.partition(";")[0] for each in answer.headers.get_list("set-cookie")]
    response = api.get(path, headers={"Cookie": "; ".join(cookies) or "none=none"})

    expect.no_data(response, 401, 403)


@requirement("RFC6750-core-cookie-refused")
@pytest.mark.parametrize("name", APIS)
def test_cookie_of_the_web_pages_opens_nothing(administrator, api_path_and_token, name):
    path, _ = api_path_and_token(name)
    page = administrator.page("smart/admin-client.php?action=list")
    response = administrator.http.get(administrator.target.api_url + path)

    expect.status(page, 200)
    expect.no_data(response, 401, 403)


@requirement("OPENEMR-API-apicsrftoken-alone")
@pytest.mark.parametrize("value", ["", "x"], ids=["empty", "any"])
@pytest.mark.parametrize("name", APIS)
def test_header_of_the_internal_api_opens_nothing(api, api_path_and_token, name, value):
    path, _ = api_path_and_token(name)
    response = api.get(path, headers={"APICSRFTOKEN": value})

    expect.no_data(response, 401, 403)
    media_type = response.headers.get("content-type", "")
    expect.that("html" not in media_type or not response.content, "no page", media_type, response)


@requirement("RFC6750-cross-role")
@pytest.mark.parametrize(("role", "name"), FOREIGN)
def test_token_of_one_role_opens_no_api_of_another(api, api_path_and_token, role_token, role, name):
    path, _ = api_path_and_token(name)
    response = api.get(path, role_token(role))

    expect.no_data(response, 401, 403)


@requirement("RFC6750-bearer-json-error")
@pytest.mark.parametrize("name", APIS)
def test_refusal_says_why_in_json(api_response, name):
    response = api_response(API_PATHS[name][0], "no-token-at-all")
    body = expect.json_object(response)

    expect.media_type(response, "application/json", "application/fhir+json")
    wanted = {"fhir": "OperationOutcome"}.get(name)
    expect.equal(body.get("resourceType"), wanted, "resourceType", response)


@requirement("API-errors-no-internals")
@pytest.mark.parametrize("why", ["garbage", "id_token", "unknown_route", "forged"])
@pytest.mark.parametrize("name", APIS)
def test_refusal_shows_nothing_of_the_inside(
    api_response, api_path_and_token, session_by_grant, forger, name, why
):
    path, token = api_path_and_token(name)
    route, bad = {
        "garbage": lambda: (path, "no-token-at-all"),
        "id_token": lambda: (path, session_by_grant("authorization_code").id_token),
        "unknown_route": lambda: (f"{path}Unknown", token),
        "forged": lambda: (path, forger.forge(token, "alg_none")),
    }[why]()
    response = api_response(route, bad)

    disclosure.no_internals(response)


@requirement("RFC6750-auth-before-validation")
@pytest.mark.parametrize(
    "path",
    ["/api/patient/no-such-patient", "/fhir/Patient/no-such-patient", "/fhir/Patient?_id=\u00ff"],
    ids=["rest", "fhir", "fhir_search"],
)
def test_who_calls_is_asked_first(api, api_path_and_token, path):
    api_path_and_token("fhir" if path.startswith("/fhir/") else "rest")
    response = api.get(path)

    expect.no_data(response, 401)


@requirement("API-phi-not-cacheable")
@pytest.mark.parametrize("name", APIS)
def test_patient_data_is_not_for_shared_caches(api_response, api_path_and_token, name):
    path, token = api_path_and_token(name)
    response = api_response(path, token)
    control = response.headers.get("cache-control", "")

    private = "no-store" in control or "private" in control
    expect.that(private, "Cache-Control with no-store or private", control or "none", response)
    expect.that("public" not in control, "Cache-Control without public", control, response)
