"""The registration page is filled in as a browser does it, and its script is read."""

import json

import pytest

from fixtures.driver.registration_page import RegistrationPage
from fixtures.wire.client import Blocked, Request, Response

#: The parts of OpenEMR's script that say what it sends.
SCRIPT = """(function(window, fhirRegistrationURL, dsiTypes) {
let appRegister = {"application_type": "private"
    ,"redirect_uris": [] ,"jwks": "" ,"dsi_type": dsiTypes.DSI_TYPE_NONE ,"scope": [] };
appRegister.client_name = document.querySelector('#appName').value;
let redirect_uri = document.querySelector("#redirectUri").value;
appRegister.redirect_uris.push(redirect_uri);
appRegister.jwks = document.querySelector("#jwks").value;
appRegister.application_type = document.querySelector("input[name='appType']:checked").value || "";
})(window, "https:\\/\\/emr.example.org\\/registration", {"DSI_TYPE_NONE":"none"});"""


def page(script=SCRIPT):
    """Give a registration page with a script."""
    boxes = "".join(
        f"<input type='checkbox' class='app-scope' value='{scope}' checked>"
        for scope in ("openid", "system/Patient.read", "user/Patient.read")
    )
    text = (
        "<form id='app_form'><input id='appName'><input id='redirectUri'><textarea id='jwks'>"
        "</textarea><input type='radio' name='appType' value='private' checked>"
        f"<input type='radio' name='appType' value='public'>{boxes}</form><script>{script}</script>"
    )
    request = Request("GET", "https://emr.example.org/interface/smart/register-app.php")
    return RegistrationPage(Response(200, text=text, request=request))


def test_body_is_that_of_the_script():
    """Fields that are left blank are sent as the script starts with them."""
    filled = page()
    filled.fill(appName="An app", redirectUri="https://client.example.org")
    filled.tick_only(["openid", "system/Patient.read"])

    assert filled.address == "https://emr.example.org/registration"
    assert filled.body() == {
        "application_type": "private",
        "redirect_uris": ["https://client.example.org"],
        "jwks": "",
        "dsi_type": "none",
        "client_name": "An app",
        "scope": "openid system/Patient.read",
    }


def test_public_app_has_no_system_scopes_and_keys_are_parsed():
    """The script leaves system scopes out for a public app, and sends keys as an object."""
    filled = page()
    filled.choose("appType", "public")
    filled.fill(jwks=json.dumps({"keys": []}))
    body = filled.body()

    assert body["scope"] == "openid user/Patient.read"
    assert (body["application_type"], body["jwks"]) == ("public", {"keys": []})


def test_script_that_deletes_blank_members_sends_none():
    """A script with `delete` sends no blank member, as after openemr/openemr#12919."""
    assert "jwks" not in page(SCRIPT.replace("})(", "delete appRegister.jwks;\n})(")).body()


def test_unknown_page_is_not_judged():
    """An unknown script or field is not applicable, another page is blocked."""
    with pytest.raises(pytest.skip.Exception, match="script of the registration page"):
        page("send(everything)")
    with pytest.raises(pytest.skip.Exception, match="has no field jwksUri"):
        page().fill(jwksUri="https://client.example.org")
    with pytest.raises(pytest.skip.Exception, match="does not offer launch"):
        page().tick_only(["launch"])
    request = Request("GET", "https://emr.example.org/")
    with pytest.raises(Blocked, match="no registration page to fill in"):
        RegistrationPage(Response(404, text="<h1>no</h1>", request=request))
