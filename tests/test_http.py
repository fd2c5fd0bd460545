"""The HTTP client of the suite: its requests, and the time spent waiting."""

import httpx
import pytest
from bs4 import BeautifulSoup

from fixtures.driver.login_pages import alert
from fixtures.wire import client
from fixtures.wire.client import Http
from fixtures.wire.exchanges import Exchange, waiting_seconds
from fixtures.wire.redaction import Secrets

SENT = httpx.Request("GET", "http://h/")


class RecordingTransport:
    """A transport that records requests."""

    def __init__(self):
        self.sent = []

    def send(self, request):
        """Record the request."""
        self.sent.append(request)
        return httpx.Response(200, request=request)


def sent(method="GET", url="http://h/p", **options):
    """Return the request that the client sends."""
    transport = RecordingTransport()
    Http(transport).request(method, url, **options)
    return transport.sent[0]


@pytest.mark.parametrize(
    ("waits", "seconds"),
    [
        ([(0, 1), (2, 3)], 2),
        ([(0, 3), (1, 2)], 3),
        ([(1, 2), (0, 3)], 3),
        ([(0, 2), (1, 3)], 3),
        ([], 0),
    ],
    ids=["in_turn", "inside", "inside_first", "overlapping", "none"],
)
def test_waiting_for_several_at_once_counts_once(waits, seconds):
    """Overlapping waits count once."""
    exchanges = [Exchange(SENT, None, None, end - begin, 10 + end) for begin, end in waits]

    assert waiting_seconds(exchanges) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://h/p", "http://h/p?a=1+2&b=%26"),
        ("http://h/p?old=1", "http://h/p?a=1+2&b=%26"),
        ("http://h/p#there", "http://h/p?a=1+2&b=%26#there"),
    ],
    ids=["none", "replaced", "fragment"],
)
def test_query_is_that_of_httpx(url, address):
    """The query is the same as that of httpx."""
    pairs = {"a": "1 2", "left out": None, "b": "&"}

    assert str(sent(url=url, params=pairs).url) == address
    assert str(httpx.URL(url, params=[("a", "1 2"), ("b", "&")])) == address


def test_own_headers_replace_the_usual_ones():
    """A given header replaces the default, whatever the case of its name."""
    request = sent("POST", data={"a": "b"}, headers={"accept": "x/y", "content-type": "t/u"})

    assert request.headers.get_list("Accept") == ["x/y"]
    assert request.headers.get_list("Content-Type") == ["t/u"]
    assert request.headers["User-Agent"] == client.HEADERS["User-Agent"]
    assert request.content == b"a=b"


@pytest.mark.parametrize("value", ["plain-Token_1.2~3", "with/slash+and=", "a b&c<d>éè"])
def test_secret_is_known_in_every_spelling(value):
    """A secret is replaced in plain text, in a URL and in JSON."""
    secrets = Secrets()
    secrets.remember("token", value)
    spelled = {value, value.replace("/", "\\/"), str(httpx.QueryParams({"k": value}))}

    for text in spelled:
        assert value not in secrets.clean(text)
        assert "<token" in secrets.clean(text)


@pytest.mark.parametrize(
    "tag",
    ['<p class="alert big">no</p>', '<p class="text-danger">no</p>', '<p role="alert">no</p>'],
)
def test_alert_of_a_page_is_found(tag):
    """The error message is found in each of its forms."""
    page = http_page(f"<h1>Login</h1><div>{tag}</div>")

    assert alert(page) == "no"
    assert alert(http_page("<p>other</p>")) == "other"


def http_page(text):
    """Return a parsed page."""
    return BeautifulSoup(text, "html.parser")
