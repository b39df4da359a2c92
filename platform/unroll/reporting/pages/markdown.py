"""The report as Markdown, with the content of the page, for repositories and terminals."""

from __future__ import annotations

import re

from markupsafe import Markup

from unroll.reporting.document import Document
from unroll.reporting.pages.html import make_environment

_SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")
"""What is markup anywhere in a line; an underscore inside a word is not."""
_OPENING = re.compile(r"^(\s*)([#+=-])")
_NUMBERED = re.compile(r"^(\s*\d+)([.)])(?=\s|$)")
"""What is markup at the start of a line alone."""


def render_markdown(document: Document) -> str:
    """The whole report; charts are linked from ``charts/``, data from ``tables/``."""
    # Everything that the template writes is escaped, but for what its own macros have written.
    environment = make_environment(
        finalize=lambda value: value if isinstance(value, Markup) else Markup(escape(str(value)))  # noqa: S704 -- escaped
    )
    return environment.get_template("page.md").render(document=document).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that is literal in a line or a cell of Markdown: no markup, no HTML, no column, no heading."""
    # The ampersand first, or it would escape what the others are replaced by.
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\g<0>", text)
    return _NUMBERED.sub(r"\1\\\2", _OPENING.sub(r"\1\\\2", text))
