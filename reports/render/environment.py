"""Jinja's environments: what a template prints is escaped for the language of its file."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.render import escaping

_HERE = Path(__file__).parent


def css_class(verdict: str) -> str:
    """Return the name by which the style sheet knows a verdict or a result."""
    return verdict.replace(" ", "-").replace("/", "-")


def _printable(value: object) -> object:
    return escaping.visible(value) if type(value) is str else value


def _as_markdown(value: object) -> Markup:
    return value if isinstance(value, Markup) else escaping.markdown(str(value))


#: For HTML and SVG, which Jinja itself escapes.
_MARKUP = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    finalize=_printable,
)
_MARKUP.filters |= {"css_class": css_class, "plural": escaping.plural}
_MARKUP.tests["web"] = escaping.is_web

#: For Markdown, which Jinja does not know. Only what the filters return is not escaped.
_MARKDOWN = _MARKUP.overlay(finalize=_as_markdown)
_MARKDOWN.filters = _MARKUP.filters | {
    "code": escaping.code,
    "link": escaping.link,
    "address": escaping.address,
}


def markdown(template: str, **context: Any) -> str:
    """Render a template as Markdown."""
    return _MARKDOWN.get_template(template).render(context)


def svg(template: str, **context: Any) -> str:
    """Render a template as a picture."""
    return _MARKUP.get_template(template).render(context)


def page(template: str, *, script: str = "", **context: Any) -> str:
    """Render a template as a whole HTML page that may load nothing and run only its own script.

    `script` is the name of a file beside this one.
    """
    source = (_HERE / script).read_text("utf-8") if script else ""
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    style = (_HERE / "statement.css").read_text("utf-8")
    return _MARKUP.get_template(template).render(
        context,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(source),  # noqa: S704 - our own file
        digest=digest,
    )
