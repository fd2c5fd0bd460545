"""The markup of a page or of a Markdown text, without its texts."""

import re
from html.parser import HTMLParser

#: Elements that HTML does not close.
VOID = {"meta", "input", "br"}


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes; each must be closed."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.open = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.found.append((tag, *(name for name, _ in attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close the element that was opened last."""
        assert self.open.pop() == tag


#: Text in Markdown: escaped characters, code, and the targets of links.
SHOWN = re.compile(r"\\.|(`+)(?!`).*?(?<!`)\1(?!`)|\]\([^)\s]*\)|<https?://[^>\s]*>")


def skeleton(text):
    """Return what is markup in a Markdown text, line by line."""
    lines = [SHOWN.sub("", line) for line in text.splitlines()]
    return [(line[:2] if line[:1] in "#-|" else "", re.sub(r"[^`|*<>\[\]~]", "", line))
            for line in lines]  # fmt: skip
