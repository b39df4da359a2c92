"""Text for people: one line, printable characters, numbers as they are read."""

from __future__ import annotations

from typing import Any

from rich.console import Console

_ENDLESS = 1e9
"""From here on a number that was not counted is written with its power of ten."""


def console(*, stderr: bool = False) -> Console:
    """A console that takes text literally; off a terminal it neither wraps nor cuts."""
    plain = Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not plain.is_terminal:
        plain.width = 10_000
    return plain


def harmless(text: str) -> str:
    """Printable characters only: text from a file must not move the reader's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def visible(text: object) -> str:
    """One harmless line, its spaces made single."""
    return harmless(" ".join(str(text).split()))


def format_value(value: Any) -> str:
    """A value as people read it: thousands grouped, four significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return visible(value)
    if isinstance(value, int) or value == 0:
        return f"{int(value):,}"
    grouped = 1000 <= abs(value) < _ENDLESS
    return f"{value:,.0f}" if grouped else f"{value:#.4g}"
