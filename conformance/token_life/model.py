"""The life of tokens as a model: what the sources say of each token after any sequence of steps.

The model claims no more than they do: a token of which no source tells whether a second login, a
refresh or an administrator who comes to a better mind ends it, is open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fixtures.given.token_life import Step

LOGINS = ("code", "password")
BIRTHS = (*LOGINS, "refresh")
QUIET = ("use", "introspect")
LOOKING = (*QUIET, "try_refresh")
Plan = tuple[Step, ...]
Script = tuple[tuple[Step, "Look | None"], ...]


@dataclass
class Token:
    """What the sources say of the tokens that one login or refresh gave.

    A state is alive, dead (ended by logout) or open: no source says which. Of refresh tokens also
    replaced (a refresh gave another one).
    """

    step: Step
    access: str = "alive"
    refresh: str = "alive"
    #: What happened since, its own birth included; to another client with `other:` before it.
    history: tuple[str, ...] = ()
    #: Whether its client was logged out or disabled before the token was given.
    later: bool = False

    @property
    def again(self) -> bool:
        """Whether the user came back to the client after the logout."""
        after = self.history[self.history.index("logout") :] if "logout" in self.history else ()
        return any(act in BIRTHS for act in after)


@dataclass(frozen=True)
class Look:
    """A step that only looks, or that gives tokens, and what the model knows at that moment."""

    step: Step
    state: str
    history: tuple[str, ...]
    again: bool = False
    later: bool = False

    def situation(self, *, thorough: bool) -> tuple[object, ...]:
        """Return what makes this look worth asking a server for; to the thorough more is new."""
        of_refresh = self.step.act == "try_refresh"
        last = self.history[-1]
        if thorough:
            return of_refresh, self.state, frozenset(self.history), last, self.again, self.later
        if of_refresh:
            ended = {"logout", "disable"} & {*self.history}
            return of_refresh, self.state, self.again, bool(ended)
        if last in BIRTHS and self.state == "alive":
            return of_refresh, self.state, last, self.later
        if self.state != "alive":  # what happened to an ended token matters, and not in which way
            last = "other" if last.startswith("other:") else "login" if last in LOGINS else last
        if self.state == "open":
            return of_refresh, self.state, last
        # What ends tokens may end those of the login only, and not those of a refresh since.
        ends = {"dead": "logout", "suspended": "disable"}.get(self.state)
        renewed = last == ends and not self.again and "refresh" in self.history
        return of_refresh, self.state, last, self.again, renewed


class Model:
    """The clients, sessions and tokens of one sequence of steps."""

    def __init__(self) -> None:
        """Know no client yet."""
        self.plan: list[Step] = []
        self.disabled: set[str] = set()
        self.tokens: dict[int, list[Token]] = {}

    def allows(self, step: Step) -> bool:
        """Tell whether the sources say what comes of a step."""
        if step.act == "enable":
            return step.client in self.disabled
        if step.client in self.disabled:
            return False
        if step.act == "refresh":
            return self.tokens[step.session][-1].refresh == "alive"
        if step.act == "logout":
            newest = max(number for number in self.tokens if self._client(number) == step.client)
            return newest == step.session and self.tokens[newest][-1].refresh != "dead"
        return step.act in LOGINS or any(
            self._client(number) == step.client for number in self.tokens
        )

    def do(self, step: Step) -> None:
        """Follow a step that is allowed."""
        mine = [each for each in self._all() if each.step.client == step.client]
        own = self.tokens.setdefault(step.session, []) if step.session else []
        if step.act in BIRTHS:
            for each in own if step.act == "refresh" else mine:
                each.access = "open" if each.access == "alive" else each.access
                if step.act == "refresh" and each.refresh == "alive":
                    each.refresh = "replaced"
                elif each.refresh == "alive":
                    each.refresh = "open"
            later = any(
                each.client == step.client and each.act in {"logout", "disable"}
                for each in self.plan
            )
            own.append(Token(replace(step, generation=len(own)), later=later))
        elif step.act in {"logout", "disable"}:
            for each in mine:
                ended = step.act == "logout" and each in own
                each.access = "dead" if ended else _doubtful(each.access)
                if each.refresh != "replaced":
                    each.refresh = "dead" if ended else _doubtful(each.refresh)
        self.disabled -= {step.client}
        self.disabled |= {step.client} if step.act == "disable" else set()
        for each in self._all():
            here = each.step.client == step.client
            each.history += (step.act if here else f"other:{step.act}",)
        self.plan.append(step)

    def looks(self) -> Iterator[Look]:
        """Give what can be looked at now; first what leaves the tokens as they are."""
        if self.plan[-1].act in BIRTHS:
            newest = self.tokens[self.plan[-1].session][-1]
            yield Look(self.plan[-1], "given", newest.history)
        for each in self._all():
            disabled = each.step.client in self.disabled
            state = "suspended" if disabled and each.access != "dead" else each.access
            yield Look(replace(each.step, act="use"), state, each.history, each.again, each.later)
            if not disabled:
                step = replace(each.step, act="introspect")
                yield Look(step, state, each.history, each.again, each.later)
        for each in self._all():
            disabled = each.step.client in self.disabled
            final = each.refresh in {"dead", "replaced"}
            state = "suspended" if disabled and not final else each.refresh
            if state in {"suspended", "dead", "replaced"}:
                step = replace(each.step, act="try_refresh")
                yield Look(step, state, each.history, each.again, each.later)

    def _all(self) -> list[Token]:
        return [each for tokens in self.tokens.values() for each in tokens]

    def _client(self, session: int) -> str:
        return self.tokens[session][0].step.client


def _doubtful(state: str) -> str:
    return "open" if state == "alive" else state


def script(plan: Plan, wanted: Callable[[Look], object] = bool, *, late: bool = False) -> Script:
    """Return the steps of a plan with the wanted looks between them, or only after the `late` last.

    A refresh token is tried at the very end, and only one: what it gives disturbs what comes after.
    """
    model = Model()
    steps: list[tuple[Step, Look | None]] = []
    for number, step in enumerate(plan, 1):
        model.do(step)
        last = number == len(plan)
        looks = [look for look in model.looks() if (last or not late) and wanted(look)]
        born = next((look for look in looks if look.state == "given"), None)
        steps.append((step, born))
        steps += [(look.step, look) for look in looks if look.step.act in QUIET]
        if last:
            tried = [look for look in looks if look.step.act == "try_refresh"]
            steps += [(look.step, look) for look in tried[:1]]
    return tuple(steps)
