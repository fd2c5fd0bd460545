"""Interfaces of libraries that are not public: these tests fail first when a library changes.

ARCHITECTURE.md lists what each of them is for.
"""

import httpx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

from conformance.deterministic import steady


def test_body_of_a_response_can_be_set():
    """The body that was read in parts is the response's content, text and JSON (`_content`)."""
    response = httpx.Response(200, stream=httpx.ByteStream(b"ignored"))

    response._content = b'{"a": 1}'

    assert response.content == b'{"a": 1}'
    assert response.text == '{"a": 1}'
    assert response.json() == {"a": 1}


def test_backend_of_hypothesis_is_found_by_its_name():
    """Hypothesis draws from a provider that is registered, and the same in every run."""
    drawn = []

    @steady(5)
    @given(st.integers(0, 1000))
    def draw(value):
        drawn.append(value)

    draw()
    first = list(drawn)
    drawn.clear()
    draw()

    assert "steady" in AVAILABLE_PROVIDERS
    assert drawn == first
    assert len(set(first)) > 1
    assert {"draw_boolean", "draw_integer"} <= set(dir(PrimitiveProvider))
