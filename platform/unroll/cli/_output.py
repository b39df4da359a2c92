"""How the command line speaks: tables for people, JSON and CSV for programs, text that cannot act on a terminal."""

from __future__ import annotations

import csv
import json
import math
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from unroll.contract import UserError, UserErrors

Row = Mapping[str, Any]


class Format(StrEnum):
    """What is printed on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def console(*, stderr: bool = False) -> Console:
    """A console that takes text literally; off a terminal it neither wraps nor cuts."""
    plain = Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
    if not plain.is_terminal:
        plain.width = 10_000
    return plain


def harmless(text: str) -> str:
    """Printable characters only: what a file says must not move the cursor of whoever reads it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def visible(text: object) -> str:
    """One harmless line, its spaces made single."""
    return harmless(" ".join(str(text).split()))


def typeable(words: Sequence[str]) -> str:
    """A command line that can be copied into a shell (bash, zsh): what cannot be printed is escaped."""
    return " ".join(shlex.quote(word) if word.isprintable() else f"$'{_escaped(word)}'" for word in words)


def _escaped(word: str) -> str:
    escapes = {"'": "\\'", "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return "".join(escapes.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in word)


def error_lines(error: UserError) -> list[str]:
    """One harmless line for each mistake, whatever the values in it hold."""
    if isinstance(error, UserErrors):
        return [line for single in error.errors for line in error_lines(single)]
    return [visible(error)]


def say(*lines: str, stderr: bool = False) -> None:
    """Print lines for people."""
    voice = console(stderr=stderr)
    for line in lines:
        voice.print(Text(harmless(line)))


def lossless(value: Any) -> Any:
    """A value that strict JSON can hold: NaN and infinities become strings, as in the ledger's records."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): lossless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [lossless(item) for item in value]
    return value


def emit(rows: Sequence[Row], format: Format, *, title: str = "") -> None:  # noqa: A002  (the option's own name)
    """Print rows on standard output in the format asked for."""
    if format is Format.JSON:
        emit_json(rows)
    elif format is Format.CSV:
        emit_csv(rows)
    else:
        console().print(as_table(rows, title=title))


def emit_json(content: Row | Sequence[Row]) -> None:
    """One object, or one array with an object on each line: a whole for ``json.loads``, lines for ``grep``."""
    if isinstance(content, Mapping):
        sys.stdout.write(_json(content, indent=2) + "\n")
    else:
        sys.stdout.write("[\n" + ",\n".join(map(_json, content)) + "\n]\n")


def _json(content: Row, indent: int | None = None) -> str:
    """Strict JSON; of its strings, what cannot be printed is escaped."""
    text = json.dumps(lossless(content), ensure_ascii=False, allow_nan=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def emit_csv(rows: Sequence[Row]) -> None:
    """Every column that any row has, in order of first appearance; what a row lacks is empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(sys.stdout, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    return harmless(value) if isinstance(value, str) else lossless(value)


def as_table(rows: Sequence[Row], *, title: str = "") -> Table:
    """A table for people: numbers to the right, headings as the field says them."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(title=Text(visible(title)) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(Text(visible(name)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(figure(row.get(name))) for name in columns))
    return table


_ENDLESS = 1e9
"""From here on a number that was not counted is told by its power of ten."""


def figure(value: Any) -> str:
    """A value as people read it: thousands grouped, four significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return visible(value)
    if isinstance(value, int) or value == 0:
        return f"{int(value):,}"
    grouped = 1000 <= abs(value) < _ENDLESS
    return f"{value:,.0f}" if grouped else f"{value:#.4g}"


def size(count: float) -> str:
    """Bytes as ``512 B``, ``1.5 kB``, ``3.2 GB`` (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def shown(path: Path) -> str:
    """A path as a person would type it here: relative where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
