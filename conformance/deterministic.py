"""Hypothesis without its search: the same examples in every run, whatever modules are loaded."""

from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider


class Steady(PrimitiveProvider):
    """Draws the same in every run; Hypothesis itself draws by the modules that are loaded."""

    def __init__(self, _: object, /) -> None:
        super().__init__(None)
        self._random = Random(20261122)  # noqa: S311 - nothing secret is made of it

    def draw_boolean(self, p: float = 0.5) -> bool:
        """Draw a truth value."""
        return self._random.random() < p

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **_: Any
    ) -> int:
        """Draw a number between bounds; no strategy here draws another one."""
        return self._random.randint(min_value or 0, max_value or 0)

    def draw_float(self, **_: Any) -> float:
        """Raise an error: no strategy here draws floats."""
        raise NotImplementedError

    def draw_string(self, *_: Any, **__: Any) -> str:
        """Raise an error: no strategy here draws strings."""
        raise NotImplementedError

    def draw_bytes(self, *_: Any, **__: Any) -> bytes:
        """Raise an error: no strategy here draws bytes."""
        raise NotImplementedError


AVAILABLE_PROVIDERS["steady"] = f"{__name__}.{Steady.__name__}"


def steady(examples: int, **more: Any) -> settings:
    """Return settings for a number of examples, without a search for failures."""
    return settings(
        max_examples=examples,
        backend="steady",
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
