"""The embedded server looks like OpenEMR: members of bodies, names of form fields, statuses."""

import base64
import hashlib

import httpx
import pytest
from bs4 import BeautifulSoup

from fixtures.embedded.defects import load
from fixtures.embedded.server import EmbeddedServer

CALLBACK = "https://client.example.org/callback"
SCOPE = (
    "openid offline_access fhirUser launch/patient api:oemr api:fhir "
    "user/patient.read user/patient.write user/Patient.read"
)
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()
SIGNATURE = {"id_token", "access_token", "refresh_token", "token_type", "expires_in", "scope"}


@pytest.fixture(scope="module")
def server():
    """Run an embedded server."""
    with EmbeddedServer() as running:
        yield running


@pytest.fixture(scope="module")
def http(server):
    """Open a client of its authorization server."""
    with httpx.Client(base_url=f"{server.url}/oauth2/default/") as client:
        yield client


@pytest.fixture(scope="module")
def registration(http, server):
    """Register a client, enable it, and return the answer."""
    metadata = {
        "application_type": "private",
        "client_name": "shape",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": SCOPE,
    }
    answer = http.post("registration", json=metadata)
    client = server.store().clients[answer.json()["client_id"]]
    assert not client.enabled
    client.enabled = True
    return answer


@pytest.fixture(scope="module")
def credentials(registration):
    """Return what the registered client authenticates with."""
    return {name: registration.json()[name] for name in ("client_id", "client_secret")}


@pytest.fixture(scope="module")
def bearer(http, credentials):
    """Return the header of an authorized call."""
    form = {"grant_type": "password", "username": "admin", "password": "pass", "scope": SCOPE}
    answer = http.post("token", data={**form, "user_role": "users", **credentials})
    assert set(answer.json()) == SIGNATURE
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def field_names(answer):
    """Return the names of the fields of all forms on a page."""
    page = BeautifulSoup(answer.text, "html.parser")
    return [one["name"] for one in page.select("form [name]")]


def test_registration_has_the_members_of_openemr(registration):
    """A registration answers what RFC 7591 and OpenEMR name."""
    assert registration.status_code == 201
    assert set(registration.json()) >= {
        "client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at",
        "registration_access_token", "registration_client_uri", "client_role", "client_name",
        "redirect_uris", "token_endpoint_auth_method", "application_type", "scope", "dsi_type",
    }  # fmt: skip


def test_patient_envelope_has_four_members(server, http, bearer):
    """The standard API wraps its answers."""
    fields = {"fname": "Ann", "lname": "Probe", "sex": "Female", "DOB": "1990-01-02"}
    url = f"{server.url}/apis/default/api/patient"
    created = http.post(url, json=fields, headers=bearer)

    assert created.status_code == 201
    assert set(created.json()) == {"validationErrors", "internalErrors", "data", "links"}
    assert set(created.json()["data"]) == {"pid", "uuid"}
    refused = http.post(url, json={}, headers=bearer)
    assert set(refused.json()["validationErrors"]) == {"fname", "lname", "sex", "DOB"}


def test_patient_is_one_record_behind_both_apis(server, http, bearer):
    """REST and FHIR show the same patient."""
    fields = {"fname": "Bea", "lname": "Shared", "sex": "Female", "DOB": "1990-01-02"}
    base = f"{server.url}/apis/default"
    created = http.post(f"{base}/api/patient", json=fields, headers=bearer).json()["data"]
    shown = http.get(f"{base}/fhir/Patient/{created['uuid']}", headers=bearer)

    assert shown.headers["content-type"].startswith("application/fhir+json")
    assert shown.json()["name"][0] == {"use": "official", "family": "Shared", "given": ["Bea"]}


def test_login_forms_have_the_fields_of_openemr(server, http, credentials):
    """The authorization pages name their fields as OpenEMR does."""
    patient = server.store().add("patient", {"fname": "Cy", "lname": "Chosen", "sex": "Male"})
    query = {
        "response_type": "code",
        "client_id": credentials["client_id"],
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "s",
        "code_challenge": CHALLENGE.rstrip("="),
        "code_challenge_method": "S256",
    }
    begun = http.get("authorize", params=query)
    assert begun.headers["location"].endswith("/oauth2/default/provider/login")
    cookie = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
    form = http.get("provider/login", headers=cookie)
    assert field_names(form) == [
        "csrf_token_form", "email", "username", "password", "user_role", "user_role",
        "persist_login",
    ]  # fmt: skip

    csrf = BeautifulSoup(form.text, "html.parser").select_one("[name=csrf_token_form]")["value"]
    login = {"csrf_token_form": csrf, "username": "admin", "password": "pass", "user_role": "api"}
    answer = http.post("login", data=login, headers=cookie)
    assert answer.headers["location"].endswith("/smart/patient-select")
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = BeautifulSoup(http.get("smart/patient-select", headers=cookie).text, "html.parser")
    assert page.select_one(f"[data-patient-id='{patient.uuid}']") is not None
    csrf = page.select_one("#patientForm [name=csrf_token]")["value"]
    choice = {"csrf_token": csrf, "patient_id": patient.uuid}
    answer = http.post("smart/patient-select-confirm", data=choice, headers=cookie)
    assert answer.headers["location"].endswith("/scope-authorize-confirm")

    consent = http.get("scope-authorize-confirm", headers=cookie)
    plain = [one for one in SCOPE.split() if not one.startswith("user/")]
    assert set(field_names(consent)) == {
        *(f"scope[{one}]" for one in plain),
        "grant[user-patient][actions][]",
        "grant[user-Patient][actions][]",
        "csrf_token_form", "proceed", "deny", "persist_login",
    }  # fmt: skip
    agreed = {f"scope[{one}]": one for one in SCOPE.split()} | {"proceed": "1"}
    agreed["csrf_token_form"] = csrf
    back = http.post("device/code", data=agreed, headers=cookie)
    code = httpx.URL(back.headers["location"]).params["code"]
    exchange = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    answer = http.post("token", data={**exchange, "redirect_uri": CALLBACK, **credentials})
    context = {"patient", "need_patient_banner", "smart_style_url"}
    assert set(answer.json()) == SIGNATURE | context
    assert answer.json()["patient"] == patient.uuid


@pytest.mark.parametrize("name", sorted(load()), ids=str)
def test_every_defect_has_a_prefix_of_its_own(server, http, name):
    """A defect is chosen in the base URL, and the generated URLs carry it."""
    base = f"{server.url}/~{name}"
    document = http.get(f"{base}/oauth2/default/.well-known/openid-configuration").json()

    assert document["issuer"] == f"{base}/oauth2/default"
    assert server.store(name).has(name)


def test_unknown_defect_is_named(server, http):
    """A misspelled defect does not pass for a healthy server."""
    answer = http.get(f"{server.url}/~no_such_defect/apis/default/api/version")

    assert (answer.status_code, answer.json()["defects"]) == (404, ["no_such_defect"])


@pytest.mark.parametrize(
    "text",
    [
        "[[defect]]\nname = 'Bad Name'\ntext = 'A.'\nproves = ['X']\n",
        "[[defect]]\nname = 'no_proof'\ntext = 'A.'\nproves = []\n",
        "[[defect]]\nname = 'twice'\ntext = 'A.'\nproves = ['X']\n" * 2,
        "[[defects]]\n",
        "not toml",
    ],
    ids=["name", "proves", "twice", "table", "syntax"],
)
def test_malformed_defects_are_refused(tmp_path, text):
    """The catalogue of defects is checked when it is read, and the file is named."""
    (tmp_path / "area.toml").write_text(text)

    with pytest.raises(ValueError, match=r"area\.toml"):
        load(tmp_path)
