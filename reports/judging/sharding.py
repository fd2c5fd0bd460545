"""One run in several jobs: each judges a part of the checks, and `reports.merge` joins them.

Which part a check belongs to depends on the selected checks alone, so that jobs need not talk.
The parameters of one check stay together: they share what has to be prepared.
"""

from collections.abc import Collection

import pytest


def leave_out(
    items: list[pytest.Item], shard: tuple[int, int], judged: Collection[str]
) -> list[pytest.Item]:
    """Take out of `items` what is judged in other parts, and return it."""
    number, of = shard
    functions: dict[str, int] = {}
    for item in items:
        if item.nodeid in judged:
            function = item.nodeid.partition("[")[0]
            functions[function] = functions.get(function, 0) + 1
    loads = [0] * of
    own: set[str] = set()
    # The largest first, each to the part that has least: parts differ by a few checks at most.
    for function, size in sorted(functions.items(), key=lambda pair: (-pair[1], pair[0])):
        part = loads.index(min(loads))
        loads[part] += size
        if part == number - 1:
            own.add(function)
    left = [i for i in items if i.nodeid in judged and i.nodeid.partition("[")[0] not in own]
    gone = {item.nodeid for item in left}
    items[:] = [item for item in items if item.nodeid not in gone]
    return left
