"""What commands print: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from unroll.contract import UserError, UserErrors
from unroll.reporting.numbers import FORMULA
from unroll.terminal.text import console, format_value, harmless, visible

Row = Mapping[str, Any]

PROSE = 40
"""Characters from which a cell may be broken into lines."""
PROSE_LEAST = 24
"""Columns that are left to such cells; with fewer each is printed below the one before."""
PROSE_MOST = 60
"""Off a terminal, a longer cell widens its own line and not the whole column."""


class Format(StrEnum):
    """What is printed on standard output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def shell_line(words: Sequence[str]) -> str:
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


def print_lines(*lines: str, stderr: bool = False) -> None:
    """Print lines for people."""
    screen = console(stderr=stderr)
    for line in lines:
        screen.print(Text(harmless(line)))


def lossless(value: Any) -> Any:
    """A value that strict JSON can hold: NaN and infinities become strings, as in the ledger's records."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {str(key): lossless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [lossless(item) for item in value]
    return value


def print_rows(rows: Sequence[Row], format: Format, *, title: str = "", keys: int = 1) -> None:  # noqa: A002
    """Print rows on standard output in the format asked for.

    Args:
        rows: what to print.
        format: how.
        title: above a table for people.
        keys: how many of the first columns name a row: they are repeated where a screen is too narrow for one table.
    """
    if format is Format.JSON:
        print_json(rows)
    elif format is Format.CSV:
        print_csv(rows)
    elif rows:
        screen = console()
        if screen.is_terminal:
            screen.print(*lay_out(rows, title=title, width=screen.width, keys=keys), sep="\n")
        else:
            screen.file.write("".join(f"{line.rstrip()}\n" for line in _plain(rows, title)))


def print_json(content: Row | Sequence[Row]) -> None:
    """One object, or one array with an object on each line: a whole for ``json.loads``, lines for ``grep``."""
    if isinstance(content, Mapping):
        sys.stdout.write(_json(content, indent=2) + "\n")
    else:
        sys.stdout.write("[\n" + ",\n".join(map(_json, content)) + "\n]\n")


def _json(content: Row, indent: int | None = None) -> str:
    """Strict JSON; of its strings, what cannot be printed is escaped."""
    text = json.dumps(lossless(content), ensure_ascii=False, allow_nan=False, indent=indent)
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_csv(rows: Sequence[Row]) -> None:
    """Every column that any row has, in order of first appearance; what a row lacks is empty.

    Of text, what a spreadsheet would take for a formula gets an apostrophe before it, as in the report's tables.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(_cell, columns))
    writer.writerows([_cell(row.get(name, "")) for name in columns] for row in rows)


def _cell(value: Any) -> Any:
    """Numbers as they are, NaN and infinities too; None as nothing."""
    if not isinstance(value, str):
        return lossless(value)
    text = harmless(value)
    return f"'{text}" if re.match(FORMULA, value) else text


def _plain(rows: Sequence[Row], title: str) -> Iterator[str]:
    """The same table where there is no screen: a line for each row, whole, as ``grep`` wants it."""
    cells = [[visible(name), *(format_value(row.get(name)) for row in rows)] for name in _needs(rows)]
    widths = [max((n for n in map(cell_len, column) if n <= PROSE_MOST), default=0) for column in cells]
    right = [_is_numeric(rows, name) for name in _needs(rows)]
    heading, *lines = zip(*cells, strict=True)
    yield from [visible(title)] if title else []
    yield ""
    yield _line(heading, widths, right)
    yield f" {'─' * (_across(widths) - 2)}"
    yield from (_line(line, widths, right) for line in lines)
    yield ""


def _line(cells: Iterable[str], widths: Iterable[int], right: Iterable[bool]) -> str:
    padded = ((text, " " * (width - cell_len(text))) for text, width in zip(cells, widths, strict=True))
    texts = (blanks + text if flush else text + blanks for (text, blanks), flush in zip(padded, right, strict=True))
    return " " + "   ".join(texts)


def lay_out(rows: Sequence[Row], *, title: str = "", width: int, keys: int = 1) -> Sequence[Table | Text]:
    """Rows for people, in this many columns of a screen.

    One table while it fits: long texts are broken between words, numbers and names never. Else several tables below
    each other, each with the first ``keys`` columns; or, where long texts or narrow screens forbid it, row below row.
    """
    needs = _needs(rows)
    least = {name: PROSE_LEAST if need > PROSE else need for name, need in needs.items()}
    if _across(least.values()) <= width:
        return [as_table(rows, title=title)]
    first, others = list(needs.values())[:keys], list(needs.values())[keys:]
    if max(needs.values()) > PROSE or _across([*first, max(others, default=0)]) > width:
        return [*([Text(visible(title))] if title else []), *(_stacked(row) for row in rows)]
    return [
        as_table(part, title="" if number else title) for number, part in enumerate(_split(rows, needs, width, keys))
    ]


def as_table(rows: Sequence[Row], *, title: str = "") -> Table:
    """A table for people: numbers to the right, only long texts broken into lines."""
    table = Table(title=Text(visible(title)) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    needs = _needs(rows)
    for name, need in needs.items():
        justify: Literal["left", "right"] = "right" if _is_numeric(rows, name) else "left"
        table.add_column(Text(visible(name)), justify=justify, overflow="fold", no_wrap=need <= PROSE)
    for row in rows:
        table.add_row(*(Text(format_value(row.get(name))) for name in needs))
    return table


def _is_numeric(rows: Sequence[Row], name: str) -> bool:
    return all(isinstance(row.get(name), int | float | None) for row in rows)


def _needs(rows: Sequence[Row]) -> dict[str, int]:
    """Heading -> columns of a screen that its longest cell takes, in the order of first appearance."""
    names = dict.fromkeys(key for row in rows for key in row)
    return {
        name: max(cell_len(text) for text in (visible(name), *(format_value(row.get(name)) for row in rows)))
        for name in names
    }


def _across(needs: Iterable[int]) -> int:
    """Columns of a screen that a table takes: three between cells, one at each side."""
    return sum(need + 3 for need in needs) - 1


def _split(rows: Sequence[Row], needs: Mapping[str, int], width: int, keys: int) -> list[list[Row]]:
    """As many columns beside the first ones as fit, and at least one; then the next ones."""
    first, others = list(needs)[:keys], list(needs)[keys:]
    parts = [[*first]]
    for name in others:
        if len(parts[-1]) > keys and _across(needs[each] for each in (*parts[-1], name)) > width:
            parts.append([*first])
        parts[-1].append(name)
    return [[{name: row.get(name) for name in part} for row in rows] for part in parts]


def _stacked(row: Row) -> Table:
    """One row as lines of heading and value."""
    lines = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    lines.add_column(style="dim", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in row.items():
        lines.add_row(Text(visible(name)), Text(format_value(value)))
    lines.add_row()
    return lines


def format_bytes(count: float) -> str:
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
