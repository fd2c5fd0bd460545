"""A client is what the registration answered, whatever that was."""

from types import SimpleNamespace

import pytest

from fixtures.driver.authorization_server import REDIRECT_URI, Client
from fixtures.driver.registrar import Registrar
from fixtures.given.app_installation import AppClient
from fixtures.target.model import Target
from fixtures.wire.client import Blocked, Request, Response

ASKED = Request("POST", "https://emr.example.org/oauth2/default/registration")


@pytest.mark.parametrize("kind", [Client, AppClient])
def test_client_is_what_was_asked_for_and_answered(kind):
    """What the server gave comes from its answer, what the client said of itself from its own."""
    answer = {"client_id": "one", "client_secret": None, "scope": "openid"}
    asked = {"redirect_uris": ["https://a.example.org", "https://b.example.org"], "scope": "more"}
    client = kind.from_registration(
        Response(201, json=answer, request=ASKED), asked, audience="token"
    )

    assert type(client) is kind
    assert (client.client_id, client.client_secret, client.public) == ("one", "", True)
    assert (client.redirect_uri, client.scope) == ("https://a.example.org", "more")
    assert (client.method, client.audience) == ("client_secret_post", "token")
    assert client.metadata == answer


def test_client_without_redirect_uris_has_that_of_the_suite():
    """What the metadata does not tell is as for every other client."""
    client = Client.from_registration(Response(201, json={"client_id": "one"}, request=ASKED), {})

    assert client.redirect_uri == REDIRECT_URI


@pytest.mark.parametrize(
    ("answer", "words"),
    [({"text": "<html>"}, "expected JSON"), ({"json": ["one"]}, "with no JSON object")],
    ids=["page", "array"],
)
def test_answer_without_an_object_is_no_client(answer, words):
    """Whoever needs a client is blocked and told why; whoever only remembers goes on."""
    response = Response(201, request=ASKED, **answer)
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
