"""The life of tokens: rules that hold in every order of logins, refreshes, logouts and disablings.

Each check judges one rule in the same sequences, so that a known fault of one rule hides no other.
"""

from functools import partial

import pytest

from conformance import needs, requirement
from conformance.token_life import observations


@pytest.fixture
def observe(run_sequence, target, is_thorough):
    """Run all sequences that the target allows, and return the outcomes of the selected probes.

    `observe("use", is_logged_out)`; see `conformance.token_life.observations.observe`.
    """
    return partial(observations.observe, run_sequence, target.features, thorough=is_thorough)


def is_logged_out(probe):
    """Return whether a logout ended the token."""
    return probe.state == "dead"


def is_logged_out_until_now(probe):
    """Return whether a logout ended the token and the user has not come back since."""
    return probe.state == "dead" and not probe.again


def is_logged_out_before_the_next_login(probe):
    """Return whether a logout ended the token and the user has come back since."""
    return probe.state == "dead" and probe.again


def is_of_a_disabled_client(probe):
    """Return whether the client of the token is disabled."""
    return probe.state == "suspended"


def is_not_of_a_disabled_client(probe):
    """Return whether the client of the token is enabled."""
    return probe.state != "suspended"


def is_alive_after_a_step_of_another_client(probe):
    """Return whether the token is good, and the last step was at another client."""
    return probe.state == "alive" and probe.history[-1].startswith("other:")


def is_replaced(probe):
    """Return whether a newer refresh token has replaced this one."""
    return probe.state == "replaced"


@requirement("LIFECYCLE-logout-access")
@pytest.mark.usefixtures("standard_api_control")
def test_logged_out_access_token_opens_nothing(observe):
    uses = observe("use", is_logged_out_until_now)

    uses.expect(
        "refused",
        because="the user logged out, so whoever has the token must not read records with it",
    )


@requirement("LIFECYCLE-no-revival")
@pytest.mark.usefixtures("standard_api_control")
def test_logged_out_access_token_never_revives(observe):
    uses = observe("use", is_logged_out_before_the_next_login)

    uses.expect(
        "refused",
        because="the logout ended the token; whoever kept it gets in again with the user's next "
        "login",
    )


@requirement("LIFECYCLE-logout-refresh")
@pytest.mark.usefixtures("refresh_control")
def test_logged_out_refresh_token_gives_nothing(observe):
    refreshes = observe("try_refresh", is_logged_out)

    refreshes.expect(
        "refused",
        because="the user logged out; with this token an app stays logged in for months",
    )


@requirement("LIFECYCLE-disabled-access")
@pytest.mark.usefixtures("standard_api_control")
def test_access_token_of_a_disabled_client_opens_nothing(observe):
    uses = observe("use", is_of_a_disabled_client)

    uses.expect(
        "refused",
        because="the administrator disabled the app, which has to stop the tokens that it holds",
    )


@requirement("LIFECYCLE-disabled-refresh")
@pytest.mark.usefixtures("refresh_control")
def test_refresh_token_of_a_disabled_client_gives_nothing(observe):
    refreshes = observe("try_refresh", is_of_a_disabled_client)

    refreshes.expect(
        "refused",
        because="the administrator disabled the app, and it renews its access by itself",
    )


@requirement("LIFECYCLE-other-clients")
def test_end_at_one_client_is_no_end_at_another(observe):
    uses = observe("use", is_alive_after_a_step_of_another_client)

    uses.expect("works", because="nothing happened at this client; one app can cut off another")


@requirement("LIFECYCLE-fresh-tokens")
@pytest.mark.parametrize(
    "act", ["code", pytest.param("password", marks=needs("oauth.password_grant")), "refresh"]
)
def test_fresh_tokens_work(observe, act):
    def is_fresh(probe):
        return probe.state in {"given", "alive"} and probe.history[-1] == act

    grants_and_uses = observe(("use", act), is_fresh)

    grants_and_uses.expect("works", because="the token is new and nothing has ended it")


@requirement("LIFECYCLE-rotation")
def test_replaced_refresh_token_gives_nothing(observe, expect_rotation):
    expect_rotation()
    refreshes = observe("try_refresh", is_replaced)

    refreshes.expect(
        "refused", because="a newer one is in use, so whoever sends this one has stolen it"
    )


@requirement("LIFECYCLE-introspection")
def test_introspection_agrees_with_the_api(observe):
    introspections = observe("introspect", is_not_of_a_disabled_client)

    introspections.expect(
        "agrees",
        because="a service that trusts a token because of its introspection must not be misled",
    )
