"""Challenges are parsed by the grammar of RFC 9110, whatever their spelling."""

import pytest

from conformance.challenges import parse


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Bearer", [("bearer", [])]),
        ('Bearer realm="a", error=invalid_token',
         [("bearer", [("realm", "a"), ("error", "invalid_token")])]),
        ('bEARER error = "a \\"b\\", c"', [("bearer", [("error", 'a "b", c')])]),
        ('Basic realm="x", Bearer error="y"',
         [("basic", [("realm", "x")]), ("bearer", [("error", "y")])]),
        ("Negotiate YWJj==, Bearer", [("negotiate", []), ("bearer", [])]),
        ('Bearer realm="open', None),
        ("Bearer realm=", [("bearer", [])]),  # a token68
        ('Bearer realm="a" x', None),
        ("=x", None),
        ('Bearer a="1" b="2"', None),
    ],
)  # fmt: skip
def test_field_is_parsed_into_challenges(field, expected):
    """A field that is not well formed gives None."""
    assert parse(field) == expected
