"""Challenges in WWW-Authenticate headers, parsed as RFC 9110 section 11.6.1 writes them."""

import re

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PARAMETER = re.compile(rf'({TOKEN})[ \t]*=[ \t]*(?:({TOKEN})|"((?:[^"\\]|\\.)*)")')
TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
SCHEME = re.compile(TOKEN)
BLANKS = re.compile(r"[ \t]*")
SEPARATOR = re.compile(r"[ \t]*(?:,[ \t]*)+|[ \t]*$")

Challenge = tuple[str, list[tuple[str, str]]]


def parse(field: str) -> list[Challenge] | None:
    """Return the challenges of a header field, or None if it is not well formed.

    A challenge is the scheme in lower case and its parameters, unquoted, in their order.
    """
    found: list[Challenge] = []
    place = _skip(BLANKS, field, 0)
    while place < len(field):
        parameter = PARAMETER.match(field, place) if found else None
        if parameter is None:
            scheme = SCHEME.match(field, place)
            if scheme is None:
                return None
            found.append((scheme.group().lower(), []))
            place = scheme.end()
            rest = _skip(BLANKS, field, place)
            parameter = PARAMETER.match(field, rest) if rest > place else None
            token68 = TOKEN68.match(field, rest) if rest > place and parameter is None else None
            place = token68.end() if token68 is not None else place
        if parameter is not None:
            name, plain, quoted = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].append((name.lower(), value))
            place = parameter.end()
        separator = SEPARATOR.match(field, place)
        if separator is None:
            return None
        place = separator.end()
    return found


def _skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return place if match is None else match.end()
