"""Text made safe for where it is put: whatever a server sent is shown as it is, never as markup."""

import re
from urllib.parse import quote

from markupsafe import Markup

#: Control characters other than tab and line ends; lone surrogates, which UTF-8 cannot hold; and
#: two code points that are no characters, which XML forbids.
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
#: The markup of Markdown: characters anywhere, at the start of a text, or (`_`) outside of a word.
_MARKUP = re.compile(
    r"[\\`*\[\]<>|~]|&(?=[#\w])|^[#+=-]|(?<![^\W_])_|_(?![^\W_])",
)
#: Characters of a URL besides letters and digits. Parentheses would end a link in Markdown.
_URL_CHARACTERS = "/:?#[]@!$&'*+,;=%~"


def visible(text: str) -> str:
    """Return the text with a visible sign in place of each character that cannot be shown."""
    return _INVISIBLE.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    return chr(0x2400 + number) if number < 0x20 else "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """Return the text in one line, its white space reduced to single spaces."""
    return " ".join(visible(text).split())


def markdown(text: str) -> Markup:
    """Return text that Markdown shows as it is, in a table, too."""
    return Markup(_MARKUP.sub(r"\\\g<0>", one_line(text)))  # noqa: S704 - this is the escaping


def code(text: str) -> Markup:
    """Return text as code in Markdown, fenced by more backticks than it has in a row."""
    words = one_line(text)
    longest = max(map(len, re.findall("`+", words)), default=0)
    fence = "`" * (longest + 1)
    space = " " if longest else ""
    return Markup(f"{fence}{space}{words}{space}{fence}" if words else "")  # noqa: S704


def is_web(url: str) -> bool:
    """Return whether a URL leads to the web: no other becomes a link, `javascript:` say."""
    return url.startswith(("http://", "https://"))


def link(text: str, url: str) -> Markup:
    """Return a link in Markdown, or the text alone if the URL does not lead to the web."""
    shown = markdown(text)
    return Markup(f"[{shown}]({_quoted(url)})") if is_web(url) else shown  # noqa: S704


def address(url: str) -> Markup:
    """Return a URL as a link to itself in Markdown, or as text if it does not lead to the web."""
    return Markup(f"<{_quoted(url)}>") if is_web(url) else markdown(url)  # noqa: S704


def _quoted(url: str) -> str:
    return quote(url, safe=_URL_CHARACTERS, errors="replace")


def shorten(text: str, longest: int) -> str:
    """Return the start of a text that is too long, and how long it is."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 check`, `2 checks` and `2 misses`."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"
