"""Single-use values that are sent several times at once: each is accepted at most once.

A thief of a code or a token races its owner. A server that checks, works and then marks the value
as used gives tokens to both. The size of that window depends on the machine, so a race without a
finding is repeated with a new value, many times, to make chance unlikely.
"""

import contextlib
from functools import cache, partial

import pytest

from conformance import expect, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import RegistrationRefused
from fixtures.wire.client import Response
from fixtures.wire.simultaneous import send_simultaneously

#: Without `api:oemr` OpenEMR up to 7.0.3 looks through all FHIR services before it marks a refresh
#: token as used, which makes the window larger.
SCOPE = "openid offline_access"
SYSTEM = "system/Patient.read api:fhir"
#: The scope that OpenEMR grants a system with the least work. With less work around the race its
#: requests arrive closer together: they meet as often in a quarter of the time.
QUICK = "api:oemr"
#: How many requests are sent at once. Two, with a processor each, meet most often and take the
#: least time; if there is one race only, more pairs are better.
RUNNERS, ONLY_RACE = 2, 4
#: The largest number of races. Those of refresh tokens take the longest: more with `--thorough`.
RACES = {"refresh_token": 10, "assertion": 60}
THOROUGH = 40


@pytest.fixture
def race(exclusive_use):
    """Send a request several times at once, and return the responses that were granted.

    The other workers pause from the first race to the end of the check. Blocked if no request was
    granted, unless it is doubtful: then the value may not have been good.
    """
    rest = contextlib.ExitStack()
    begin = cache(lambda: rest.enter_context(exclusive_use()))

    def run(request, runners=RUNNERS, *, doubtful=False):
        begin()
        responses = send_simultaneously(request, runners)
        if not doubtful:
            require_tokens(min(responses, key=lambda response: response.status_code))
        return [each for each in responses if each.status_code == 200]

    with rest:
        yield run


@requirement("RFC6749-4.1.3-code-race")
def test_code_is_exchanged_once_at_the_same_time(server, new_authorization, race):
    client, allowed = new_authorization(SCOPE)
    exchange = partial(server.exchange, client, allowed.code, verifier=allowed.verifier)

    _expect_one(race(exchange, ONLY_RACE), "exchanges of one code")


@pytest.fixture
def refresh_race(server, tokens, admin, race, is_thorough):
    """Race with refresh tokens of a client until several uses of one are granted, or often enough.

    `refresh_race(client)` returns the granted responses of the last race. The next race is with the
    successor of the token, because a login takes longer. A server that notices a second use may end
    the successor too: such a race does not count.
    """

    def run(client):
        successor = None
        won: list[Response] = []
        left = THOROUGH if is_thorough else RACES["refresh_token"]
        while left and len(won) < 2:
            token = successor or require_tokens(tokens.fetch(client, admin, SCOPE)).get(
                "refresh_token", ""
            )
            won = race(partial(server.refresh, client, token), doubtful=token is successor)
            successor = require_tokens(won[0]).get("refresh_token") if won else None
            left -= bool(won)
        return won

    return run


@requirement("RFC9700-4.14-refresh-race")
def test_refresh_token_has_one_successor(server, new_client, refresh_race, expect_rotation):
    expect_rotation()
    client = new_client.confidential(SCOPE)
    won = refresh_race(client)
    valid: list[Response] = []
    for response in won:
        successor = require_tokens(response).get("refresh_token", "")
        # Two valid successors are proof enough.
        if len(valid) < 2 and server.refresh(client, successor).status_code == 200:
            valid.append(response)

    _expect_one(valid, "uses of one refresh token")


@pytest.fixture
def quick_system_client(server, new_client, system_client):
    """A client with a key, and the scope that the server grants with the least work."""
    with contextlib.suppress(RegistrationRefused):
        client = new_client.system(QUICK)
        if server.client_credentials(client, QUICK).is_success:
            return client, QUICK
    return system_client, SYSTEM


@requirement("SMART-2.2-jti-race")
def test_assertion_gives_one_token_at_the_same_time(server, quick_system_client, race):
    client, scope = quick_system_client

    for _ in range(RACES["assertion"]):
        made = keys.client_assertion(client.client_id, client.audience, client.key)
        won = race(partial(server.client_credentials, client, scope, assertion=made))
        if len(won) > 1:
            break

    _expect_one(won, "uses of one client assertion")


def _expect_one(won, what):
    __tracebackhide__ = True
    expect.that(
        len(won) <= 1,
        f"at most 1 of several simultaneous {what} to succeed",
        f"{len(won)} succeeded: a thief who is as quick as the owner gets tokens too",
        won[::-1],
    )
