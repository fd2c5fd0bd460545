"""The client of the suite: what it sends, and how long it waited."""

import httpx
import pytest
from bs4 import BeautifulSoup

from fixtures.driver.login_pages import alert
from fixtures.wire import client
from fixtures.wire.client import Http
from fixtures.wire.exchanges import Exchange, waiting_seconds
from fixtures.wire.redaction import Secrets

SENT = httpx.Request("GET", "http://h/")


class Kept:
    """Takes requests and answers nothing special."""

    def __init__(self):
        """Start with none."""
        self.sent = []

    def send(self, request):
        """Keep the request."""
        self.sent.append(request)
        return httpx.Response(200, request=request)


def sent(method="GET", url="http://h/p", **options):
    """Give the request that comes of what a check asks for."""
    kept = Kept()
    Http(kept).request(method, url, **options)
    return kept.sent[0]


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
    """Answers that are waited for at the same time take that time once."""
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
    """Parameters stand where httpx itself puts them."""
    pairs = {"a": "1 2", "left out": None, "b": "&"}

    assert str(sent(url=url, params=pairs).url) == address
    assert str(httpx.URL(url, params=[("a", "1 2"), ("b", "&")])) == address


def test_own_headers_replace_the_usual_ones():
    """A header that a check names is sent once, however its name is written."""
    request = sent("POST", data={"a": "b"}, headers={"accept": "x/y", "content-type": "t/u"})

    assert request.headers.get_list("Accept") == ["x/y"]
    assert request.headers.get_list("Content-Type") == ["t/u"]
    assert request.headers["User-Agent"] == client.HEADERS["User-Agent"]
    assert request.content == b"a=b"


@pytest.mark.parametrize("value", ["plain-Token_1.2~3", "with/slash+and=", "a b&c<d>éè"])
def test_secret_is_known_in_every_spelling(value):
    """A value goes as it is, in a URL, in JSON and in a Basic header."""
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
def test_alert_of_a_page_is_told(tag):
    """What a page says went wrong is found wherever it stands."""
    page = http_page(f"<h1>Login</h1><div>{tag}</div>")

    assert alert(page) == "no"
    assert alert(http_page("<p>other</p>")) == "other"


def http_page(text):
    """Give a parsed page."""
    return BeautifulSoup(text, "html.parser")
