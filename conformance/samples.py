"""Values that Hypothesis generates from the documented types of fields, the same in every run.

They are drawn once, before any request, with the settings of deterministic.py. A check sends them
all and shows the failures with the shortest values. There are few of each, because a real server
takes time to answer.
"""

from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conformance.deterministic import steady

#: Letters, marks and signs in the names of people, and some that break careless code.
LETTERS = "abcXYZ éÖñß'\u2019-.łŻ中文ид\u0301\"&<>;%_#"
SIGNS = "ab1 ,|$\\'\"%_*()[]{}<>&;:+-/.éÖ中\u0301\u200b\U0001f600"
ODD = "ab1-._~!'()*,;:@"


def _text(letters: str, shortest: int, longest: int) -> st.SearchStrategy[str]:
    drawn = st.lists(st.sampled_from(letters), min_size=shortest, max_size=longest)
    return drawn.map("".join)


def _name() -> st.SearchStrategy[str]:
    """Return names that begin and end with a letter, because servers may trim spaces."""
    return st.tuples(st.sampled_from("ABÉŻ中"), _text(LETTERS, 0, 12), st.sampled_from("aéñи")).map(
        "".join
    )


def _date() -> st.SearchStrategy[str]:
    parts = st.tuples(st.integers(1900, 2024), st.integers(1, 12), st.integers(1, 28))
    return parts.map(lambda one: f"{one[0]:04}-{one[1]:02}-{one[2]:02}")


#: A patient of both APIs: names, sex, date of birth and address.
PATIENTS = st.fixed_dictionaries(
    {
        "given": _name(),
        "family": _name(),
        "sex": st.sampled_from(["Female", "Male"]),
        "born": _date(),
        "street": _name(),
        "city": _name(),
    }
)
SEARCHES = st.tuples(
    st.sampled_from(["family", "given", "name", "identifier", "birthdate", "_id", "address-city"]),
    _text(SIGNS, 1, 12),
)
IDS = _text(ODD, 1, 70)


@cache
def _drawn(name: str, count: int) -> tuple[Any, ...]:
    found: list[Any] = []

    @steady(count)
    @given({"patients": PATIENTS, "searches": SEARCHES, "ids": IDS}[name])
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return tuple(found)


def patients(count: int) -> tuple[dict[str, str], ...]:
    """Return patients with names, addresses and dates of many kinds."""
    return _drawn("patients", count)


def searches(count: int) -> tuple[tuple[str, str], ...]:
    """Return search parameters with values of many signs."""
    return _drawn("searches", count)


def ids(count: int) -> tuple[str, ...]:
    """Return ids that the server does not have."""
    return _drawn("ids", count)
