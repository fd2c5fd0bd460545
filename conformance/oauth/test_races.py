"""What may be used once only, sent several times at once: each is taken once at most.

A thief of a code or a token races its owner. A server that looks, works and then marks as used
gives tokens to both. How wide that window is open depends on the machine; a race that shows nothing
is run again with something fresh, so often that chance has little to say.
"""

import contextlib
from functools import cache, partial
from itertools import islice

import pytest

from conformance import expect, requirement
from fixtures.driver import keys
from fixtures.driver.authorization_server import require_tokens
from fixtures.driver.registrar import RegistrationRefused
from fixtures.wire.simultaneous import send_simultaneously

#: Without `api:oemr` OpenEMR up to 7.0.3 looks through all FHIR services before it marks a refresh
#: token as used, and the window stands wider open.
SCOPE = "openid offline_access"
SYSTEM = "system/Patient.read api:fhir"
#: What OpenEMR grants a system with the least work. The less there is to do beside the race, the
#: closer its requests stay together: they meet as often with a quarter of the time.
QUICK = "api:oemr"
#: How many send at once. Two that have a processor each meet most often, and cost the least; where
#: there is one race only, the more pairs the better.
RUNNERS, ONLY_RACE = 2, 4
#: How many races at most. Those of refresh tokens cost a server the most: more with `--thorough`.
RACES = {"refresh_token": 10, "assertion": 60}
THOROUGH = 40


@pytest.fixture
def race(exclusive):
    """Send a request several times at once and give the answers that were granted.

    From the first race to the end of the check the other workers rest. Blocked if none was granted,
    unless the request is doubtful: it was not good in the first place.
    """
    rest = contextlib.ExitStack()
    begin = cache(lambda: rest.enter_context(exclusive()))

    def run(request, runners=RUNNERS, *, doubtful=False):
        begin()
        responses = send_simultaneously(request, runners)
        if not doubtful:
            require_tokens(min(responses, key=lambda response: response.status_code))
        return [each for each in responses if each.status_code == 200]

    with rest:
        yield run


@requirement("RFC6749-4.1.3-code-race")
def test_code_is_exchanged_once_at_the_same_time(server, authorization, race):
    """Concurrent exchanges of one code yield one token at most."""
    client, allowed = authorization(SCOPE)
    exchange = partial(server.exchange, client, allowed.code, verifier=allowed.verifier)

    _expect_one(race(exchange, ONLY_RACE), "exchanges of one code")


@requirement("RFC9700-4.14-refresh-race")
def test_refresh_token_has_one_successor(server, tokens, admin, new_client, race, thorough):
    """Concurrent uses of one refresh token leave one valid successor at most."""
    client = new_client.confidential(SCOPE)
    successor = None
    left = THOROUGH if thorough else RACES["refresh_token"]

    while left:
        # A successor costs less than a login, but a server that notices a second use ends it too.
        token = successor or require_tokens(tokens.fetch(client, admin, SCOPE)).get(
            "refresh_token", ""
        )
        won = race(partial(server.refresh, client, token), doubtful=token is successor)
        if len(won) > 1:
            break
        successor = require_tokens(won[0]).get("refresh_token") if won else None
        left -= bool(won)  # with a successor that was ended nobody raced
    successors = [require_tokens(each).get("refresh_token", "") for each in won]
    good = (each for each in successors if server.refresh(client, each).status_code == 200)
    valid = [*islice(good, 2)]  # two are one too many already

    _expect_one(won if len(valid) > 1 else valid, "uses of one refresh token")


@pytest.fixture
def quick_system(server, new_client, system_client):
    """A client that authenticates with a key, and the scope that costs the server the least."""
    with contextlib.suppress(RegistrationRefused):
        client = new_client.system(QUICK)
        if server.client_credentials(client, QUICK).is_success:
            return client, QUICK
    return system_client, SYSTEM


@requirement("SMART-2.2-jti-race")
def test_assertion_gives_one_token_at_the_same_time(server, quick_system, race):
    """A client assertion that is sent several times at once gives one token at most."""
    client, scope = quick_system

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
        f"at most 1 of several {what} at the same moment to succeed",
        f"{len(won)} succeeded: a thief who is as quick as the owner gets tokens too",
        won[-1] if won else None,
    )
