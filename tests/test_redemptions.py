"""One code is sent with several faults, and another one is used where that proves nothing."""

import itertools

import pytest

from fixtures.driver.authorization_server import Client
from fixtures.given.faulty_redemptions import Redeemable, Redemptions
from fixtures.wire.client import Blocked, NoResponse, Request, Response

REQUEST = Request("POST", "https://server.example.org/token")
REFUSED = Response(400, json={"error": "invalid_grant"}, request=REQUEST)


class Server:
    """A server that redeems each code once for a valid request, except for these defects.

    `takes` are accepted faults; with `burns` a faulty request ends a code, with `again` a code can
    be redeemed again, with `rotates` a refresh token is replaced, and with `refuses_all` it takes
    nothing.
    """

    def __init__(self, *, takes=(), burns=False, again=False, rotates=False, refuses_all=False):
        self.takes = takes
        self.refuses_all = refuses_all
        self.burns = burns
        self.again = again
        self.rotates = rotates
        self.numbers = itertools.count()
        self.live = set()
        self.received = []

    def issue(self):
        """Return a new code, or a refresh token."""
        value = str(next(self.numbers))
        self.live.add(value)
        return Redeemable(Client("c"), value, scope="openid" if self.rotates else None)

    def send(self, fault):
        """Return a function that sends a code with a fault."""
        return lambda good: self.respond(fault, good)

    def respond(self, fault, good):
        """Respond to a request."""
        self.received.append((fault, good.value))
        if fault == "hang":
            raise NoResponse("no answer")
        is_valid = good.value in self.live and not self.refuses_all
        is_accepted = is_valid and fault in {"right", *self.takes}
        if (is_accepted and not self.again) or (self.burns and not is_accepted):
            self.live.discard(good.value)
        if not is_accepted:
            return REFUSED
        more = {"refresh_token": self.issue().value} if self.rotates else {}
        return Response(200, json={"access_token": "t", **more}, request=REQUEST)

    def judge(self, *faults, proof=True):
        """Send codes with each of the faults, and return the redemptions."""
        made = Redemptions()
        requests = {fault: self.send(fault) for fault in faults}
        made.send(requests, self.issue, self.send("right") if proof else None)
        return made

    def issued(self):
        """Return the number of codes."""
        return next(self.numbers)


def statuses(made, *faults):
    """Return the statuses of the responses."""
    return [made[fault].status_code for fault in faults]


def test_one_code_suffices_if_all_faults_are_refused():
    """A code that is valid at the end was valid for each of the refusals."""
    server = Server()
    made = server.judge("a", "b", "c")

    assert statuses(made, "a", "b", "c") == [400, 400, 400]
    assert server.received == [("a", "0"), ("b", "0"), ("c", "0"), ("right", "0")]
    assert made.redeemed[1].status_code == 200


def test_each_fault_has_its_code_if_the_first_ends_one():
    """If the proof fails, only the first response counts, and the other faults get codes."""
    server = Server(burns=True, takes=["c"])
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [400, 400, 200, 400]
    assert [pair for pair in server.received if pair[1] != "0"] == [
        ("b", "1"),
        ("c", "2"),
        ("d", "3"),
    ]


def test_accepted_fault_hides_no_later_one():
    """An accepted fault ends a code; later faults are sent again with another code."""
    server = Server(takes=["b", "d"])
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [400, 200, 400, 200]
    assert server.issued() == 2


def test_tokens_at_the_last_request_need_no_other_proof():
    """If the last request gets tokens, nothing more is sent."""
    server = Server(takes=["b"])
    made = server.judge("a", "b")

    assert statuses(made, "a", "b") == [400, 200]
    assert server.received == [("a", "0"), ("b", "0")]


def test_reusable_code_suffices_for_all():
    """A code that can be redeemed again is enough, whatever is accepted."""
    server = Server(takes=["a", "c"], again=True)
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [200, 400, 200, 400]
    assert server.issued() == 1


def test_rotated_refresh_token_is_followed():
    """After an accepted fault the new refresh token is sent, not the old one."""
    server = Server(takes=["a", "b"], rotates=True)
    made = server.judge("a", "b", "c")

    assert statuses(made, "a", "b", "c") == [200, 200, 400]
    assert server.received == [("a", "0"), ("b", "1"), ("c", "2"), ("right", "2")]


def test_without_a_proof_each_refusal_needs_its_code():
    """Without a proof the code may have been invalid for the second refusal."""
    server = Server()
    server.judge("a", "b", "c", proof=False)

    assert server.received == [("a", "0"), ("b", "0"), ("c", "0"), ("b", "1"), ("c", "2")]


def test_old_code_is_not_used_further(monkeypatch):
    """A code that may expire is proved at once, and the next faults get another one."""
    monkeypatch.setattr("fixtures.given.faulty_redemptions.USABLE_SECONDS", -1)
    server = Server()
    made = server.judge("a", "b")

    assert statuses(made, "a", "b") == [400, 400]
    assert server.received == [("a", "0"), ("b", "1"), ("right", "2")]


def test_refusals_of_a_server_that_refuses_everything_are_blocked():
    """If a new code gives no tokens to the correct request either, no fault is judged."""
    made = Server(refuses_all=True).judge("a", "b")

    for fault in ("a", "b"):
        with pytest.raises(Blocked, match="without a fault gives no tokens either: POST"):
            made[fault]


def test_single_fault_is_proved_too():
    """One fault alone has its proof with another code, because the first may be ended."""
    server = Server(burns=True)
    made = server.judge("a")

    assert statuses(made, "a") == [400]
    assert server.received == [("a", "0"), ("right", "1")]


def test_fault_beside_a_request_that_is_refused_is_blocked():
    """A fault is judged if the correct request among the others gave tokens."""
    assert Server().judge("a", "right", proof=False).fault("a", right="right").status_code == 400
    with pytest.raises(Blocked, match="no tokens for the request without the fault"):
        Server(refuses_all=True).judge("a", "right", proof=False).fault("a", right="right")


def test_fault_without_a_response_blocks_only_itself():
    """The other faults are sent to a server that hangs at one."""
    made = Server().judge("a", "hang", "b")

    assert statuses(made, "a", "b") == [400, 400]
    with pytest.raises(NoResponse):
        made["hang"]


def test_missing_code_blocks():
    """Without a first code all faults are blocked; without another one, those that need it."""
    with pytest.raises(Blocked):
        Redemptions().send({"a": Server().send("a")}, none_left, None)

    server, made = Server(burns=True), Redemptions()

    def one():
        return server.issue() if not server.received else none_left()

    made.send({name: server.send(name) for name in "ab"}, one, None)
    assert made["a"].status_code == 400
    with pytest.raises(Blocked):
        made["b"]


def none_left():
    """Raise Blocked, as there is no code."""
    raise Blocked("no code")
