"""The life of tokens: what holds in every order of logins, refreshes, logouts and disablings.

Each check judges one promise over the same sequences, so that a known fault of one hides no other.
"""

from functools import partial

import pytest

from conformance import needs, requirement
from conformance.token_life import promises
from conformance.token_life.promises import Promise


@pytest.fixture
def kept(play, target, thorough):
    """Judges a promise by all sequences that this target can play."""
    return partial(promises.judge, play, target.features, thorough=thorough)


@requirement("LIFECYCLE-logout-access")
def test_logged_out_access_token_opens_nothing(kept):
    """An access token that was logged out opens nothing, whatever is done before a new login."""
    kept(
        Promise(
            ("use",),
            "refused",
            lambda look: look.state == "dead" and not look.again,
            "the user logged out, so whoever has the token must not read records with it",
        )
    )


@requirement("LIFECYCLE-no-revival")
def test_logged_out_access_token_never_revives(kept):
    """An access token that was logged out stays dead, whatever logins and refreshes follow."""
    kept(
        Promise(
            ("use",),
            "refused",
            lambda look: look.state == "dead" and look.again,
            "the logout ended the token; whoever kept it gets in again with the user's next login",
        )
    )


@requirement("LIFECYCLE-logout-refresh")
def test_logged_out_refresh_token_gives_nothing(kept):
    """A refresh token that was logged out gives no tokens, whatever else is done."""
    kept(
        Promise(
            ("try_refresh",),
            "refused",
            lambda look: look.state == "dead",
            "the user logged out; with this token an app stays logged in for months",
        )
    )


@requirement("LIFECYCLE-disabled-access")
def test_access_token_of_a_disabled_client_opens_nothing(kept):
    """While a client is disabled its access tokens open nothing, whatever came before."""
    kept(
        Promise(
            ("use",),
            "refused",
            lambda look: look.state == "suspended",
            "the administrator shut the app out, which has to stop what it holds already",
        )
    )


@requirement("LIFECYCLE-disabled-refresh")
def test_refresh_token_of_a_disabled_client_gives_nothing(kept):
    """While a client is disabled its refresh tokens give nothing, whatever came before."""
    kept(
        Promise(
            ("try_refresh",),
            "refused",
            lambda look: look.state == "suspended",
            "the administrator shut the app out, and it renews its access by itself",
        )
    )


@requirement("LIFECYCLE-other-clients")
def test_end_at_one_client_is_no_end_at_another(kept):
    """What ends the tokens of one client leaves those of another client alone, in every order."""
    kept(
        Promise(
            ("use",),
            "works",
            lambda look: look.state == "alive" and look.history[-1].startswith("other:"),
            "nothing happened at this client; one app can cut off another",
        )
    )


@requirement("LIFECYCLE-fresh-tokens")
@pytest.mark.parametrize(
    "act", ["code", pytest.param("password", marks=needs("oauth.password_grant")), "refresh"]
)
def test_fresh_tokens_work(kept, act):
    """A login or a refresh gives an access token that works, whatever came before."""
    kept(
        Promise(
            ("use", act),
            "works",
            lambda look: look.state in {"given", "alive"} and look.history[-1] == act,
            "it was given a moment ago and nothing ended it",
        )
    )


@requirement("LIFECYCLE-rotation")
def test_replaced_refresh_token_gives_nothing(kept):
    """A refresh token that was replaced by another one gives nothing, whatever else is done."""
    kept(
        Promise(
            ("try_refresh",),
            "refused",
            lambda look: look.state == "replaced",
            "a newer one is in use, so whoever sends this one has stolen it",
        )
    )


@requirement("LIFECYCLE-introspection")
def test_introspection_agrees_with_the_api(kept):
    """Introspection calls an access token active exactly when the API accepts it."""
    kept(
        Promise(
            ("introspect",),
            "agrees",
            lambda look: look.state != "suspended",
            "who asks by introspection whether to trust a token must not hear the contrary",
        )
    )
