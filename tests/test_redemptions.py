"""One code for several faults: what is proved with it, and what needs another one."""

import itertools

import pytest

from fixtures.driver.authorization_server import Client
from fixtures.given.faulty_redemptions import Redeemable, Redemptions
from fixtures.wire.client import Blocked, NoResponse, Request, Response

REQUEST = Request("POST", "https://server.example.org/token")
REFUSED = Response(400, json={"error": "invalid_grant"}, request=REQUEST)


class Server:
    """Redeems each code once for a good request, and does otherwise as it is told."""

    def __init__(self, *, takes=(), burns=False, again=False, rotates=False):
        """Take these faults, end a code at a wrong use, redeem it again, or replace it."""
        self.takes = takes
        self.burns = burns
        self.again = again
        self.rotates = rotates
        self.numbers = itertools.count()
        self.live = set()
        self.asked = []

    def issue(self):
        """Give a new code, or a refresh token."""
        value = str(next(self.numbers))
        self.live.add(value)
        return Redeemable(Client("c"), value, scope="openid" if self.rotates else None)

    def send(self, fault):
        """Return what sends a code with a fault."""
        return lambda good: self.answer(fault, good)

    def answer(self, fault, good):
        """Answer a request."""
        self.asked.append((fault, good.value))
        if fault == "hang":
            raise NoResponse("no answer")
        alive = good.value in self.live
        taken = alive and fault in {"right", *self.takes}
        if (taken and not self.again) or (self.burns and not taken):
            self.live.discard(good.value)
        if not taken:
            return REFUSED
        more = {"refresh_token": self.issue().value} if self.rotates else {}
        return Response(200, json={"access_token": "t", **more}, request=REQUEST)

    def judge(self, *faults, proof=True):
        """Send codes with each of the faults."""
        made = Redemptions()
        requests = {fault: self.send(fault) for fault in faults}
        made.send(requests, self.issue, self.send("right") if proof else None)
        return made

    def issued(self):
        """Return how many were made."""
        return next(self.numbers)


def statuses(made, *faults):
    """Return the statuses of the answers."""
    return [made[fault].status_code for fault in faults]


def test_one_code_does_where_all_is_refused():
    """A code that is good at last was good for each of the refusals."""
    server = Server()
    made = server.judge("a", "b", "c")

    assert statuses(made, "a", "b", "c") == [400, 400, 400]
    assert server.asked == [("a", "0"), ("b", "0"), ("c", "0"), ("right", "0")]
    assert made.redeemed[1].status_code == 200


def test_each_has_its_own_where_the_first_fault_ends_a_code():
    """Where the proof fails, only the first answer counts, and the others get codes."""
    server = Server(burns=True, takes=["c"])
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [400, 400, 200, 400]
    assert [pair for pair in server.asked if pair[1] != "0"] == [("b", "1"), ("c", "2"), ("d", "3")]


def test_faulty_request_that_is_taken_hides_none_after_it():
    """A fault that is taken ends a code; what was sent after it is sent again with another one."""
    server = Server(takes=["b", "d"])
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [400, 200, 400, 200]
    assert server.issued() == 2


def test_tokens_at_the_last_request_need_no_other_proof():
    """Where the last request gives tokens, nothing more is sent."""
    server = Server(takes=["b"])
    made = server.judge("a", "b")

    assert statuses(made, "a", "b") == [400, 200]
    assert server.asked == [("a", "0"), ("b", "0")]


def test_code_that_stays_good_does_for_all():
    """Where a code can be redeemed again, one is enough whatever is taken."""
    server = Server(takes=["a", "c"], again=True)
    made = server.judge("a", "b", "c", "d")

    assert statuses(made, "a", "b", "c", "d") == [200, 400, 200, 400]
    assert server.issued() == 1


def test_refresh_token_is_followed_by_the_one_that_replaced_it():
    """After tokens for a faulty refresh the new refresh token is sent, not the old one."""
    server = Server(takes=["a", "b"], rotates=True)
    made = server.judge("a", "b", "c")

    assert statuses(made, "a", "b", "c") == [200, 200, 400]
    assert server.asked == [("a", "0"), ("b", "1"), ("c", "2"), ("right", "2")]


def test_without_a_proof_each_refusal_needs_its_own():
    """Without a proof nothing says that the code was good for the second refusal."""
    server = Server()
    server.judge("a", "b", "c", proof=False)

    assert server.asked == [("a", "0"), ("b", "0"), ("c", "0"), ("b", "1"), ("c", "2")]


def test_code_that_grew_old_is_not_sent_on(monkeypatch):
    """A code that may have expired is proved right away, and the next faults get another one."""
    monkeypatch.setattr("fixtures.given.faulty_redemptions.USABLE_SECONDS", -1)
    server = Server()
    made = server.judge("a", "b")

    assert statuses(made, "a", "b") == [400, 400]
    assert server.asked == [("a", "0"), ("b", "1")]


def test_fault_without_an_answer_blocks_itself_alone():
    """A server that hangs at one fault is asked for the others."""
    made = Server().judge("a", "hang", "b")

    assert statuses(made, "a", "b") == [400, 400]
    with pytest.raises(NoResponse):
        made["hang"]


def test_nothing_to_send_blocks():
    """Where there is no first code all is blocked; where there is no other, what needs it is."""
    with pytest.raises(Blocked):
        Redemptions().send({"a": Server().send("a")}, none_left, None)

    server, made = Server(burns=True), Redemptions()

    def one():
        return server.issue() if not server.asked else none_left()

    made.send({name: server.send(name) for name in "ab"}, one, None)
    assert made["a"].status_code == 400
    with pytest.raises(Blocked):
        made["b"]


def none_left():
    """Have no code."""
    raise Blocked("no code")
