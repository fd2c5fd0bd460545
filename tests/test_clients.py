"""A client has the values of its registration response and of its metadata."""

from types import SimpleNamespace

import pytest

from fixtures.driver.authorization_server import REDIRECT_URI, Client
from fixtures.driver.registrar import Registrar
from fixtures.given.app_installation import AppClient
from fixtures.target.model import Target
from fixtures.wire.client import Blocked, Request, Response

REQUEST = Request("POST", "https://emr.example.org/oauth2/default/registration")


@pytest.mark.parametrize("kind", [Client, AppClient])
def test_client_has_the_values_of_response_and_metadata(kind):
    """Id and secret come from the response, redirect URI and scope from the metadata."""
    body = {"client_id": "one", "client_secret": None, "scope": "openid"}
    metadata = {
        "redirect_uris": ["https://a.example.org", "https://b.example.org"],
        "scope": "more",
    }
    client = kind.from_registration(
        Response(201, json=body, request=REQUEST), metadata, audience="token"
    )

    assert type(client) is kind
    assert (client.client_id, client.client_secret, client.public) == ("one", "", True)
    assert (client.redirect_uri, client.scope) == ("https://a.example.org", "more")
    assert (client.method, client.audience) == ("client_secret_post", "token")
    assert client.metadata == body


def test_client_without_redirect_uris_has_that_of_the_suite():
    """A client without redirect URIs has that of the suite."""
    client = Client.from_registration(Response(201, json={"client_id": "one"}, request=REQUEST), {})

    assert client.redirect_uri == REDIRECT_URI


@pytest.mark.parametrize(
    ("body", "words"),
    [({"text": "<html>"}, "expected JSON"), ({"json": ["one"]}, "with no JSON object")],
    ids=["page", "array"],
)
def test_response_without_an_object_is_no_client(body, words):
    """`new` raises Blocked with the reason; `remember` ignores the response."""
    response = Response(201, request=REQUEST, **body)
    server = SimpleNamespace(
        register=lambda _: response,
        target=Target("a server", "url", features=frozenset({"oauth.registration"})),
        token_endpoint="https://emr.example.org/oauth2/default/token",
    )
    registrar = Registrar(server, None)

    with pytest.raises(Blocked, match=words):
        registrar.new({})
    assert registrar.remember(response) is response
    assert registrar.clients == []
