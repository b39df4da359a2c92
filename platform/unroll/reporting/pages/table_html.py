"""Tables for the page: great_tables builds them, the page's own style sheet formats them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from itertools import takewhile

import polars as pl
from great_tables import GT, loc, style
from markupsafe import Markup

from unroll.reporting.document import Column, Table

WIDEST = 140
"""Letters across, about as many as a page has; a wider table is continued below, beside its first columns again."""
LONGEST_CELL = 34
"""Letters of a cell from which it is broken into lines."""
MOST_KEYS = 2
"""Columns that identify a row, at most."""
MOST_ROWS = 200
"""Rows that a page shows; the files hold all of them."""
VERDICTS = {
    **{verdict: verdict for verdict in ("better", "worse", "undecided")},
    "untested": "undecided",
    **{"supported": "better", "equivalent": "better", "refuted": "worse"},
    **{"less often": "better", "more often": "worse"},
}
"""Verdict -> name of its colour in the style sheet; to diverge less often is better."""
_TABLE = re.compile(r"<table .*</table>", re.DOTALL)
_HEADERS = re.compile(r'(<td[^>]*?) headers="[^"]*"')
"""Names of a cell's column: a heading with its scope says the same, and these are a third of a table's bytes."""
_BETWEEN = re.compile(r">\s+<")


def render_table(table: Table, colours: Mapping[str, str]) -> Markup:
    """A table as HTML without a style sheet (great_tables' own applies beyond its table and has no dark mode).

    Args:
        table: what to show.
        colours: arm -> colour, for cells marked as arms.
    """
    shown = table.shown.head(MOST_ROWS)
    columns = dict(zip(shown.columns, table.columns, strict=True))
    parts = split_columns(shown, {name for name, column in columns.items() if column.number})
    names = [table.name if number == 1 else f"{table.name}-{number}" for number in range(1, len(parts) + 1)]
    region = Markup('<div id="table-{}" class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>')
    drawn = [_render_part(columns, name, shown.select(part), colours) for name, part in zip(names, parts, strict=True)]
    labels = [f"Table {name.replace('_', ' ')}" for name in names]
    return Markup("").join(region.format(*each) for each in zip(names, labels, drawn, strict=True))


def split_columns(shown: pl.DataFrame, numbers: Set[str]) -> list[list[str]]:
    """Columns of the tables that one wide table becomes, each with the first ones, which identify a row.

    Args:
        shown: cells as text.
        numbers: columns that hold numbers.
    """
    names = list(shown.columns)
    keys = list(takewhile(lambda name: name not in numbers, names[:MOST_KEYS]))  # text columns at the left
    widths = {name: _letters(shown[name]) for name in names}
    parts = _fill(keys, names[len(keys) :], widths, WIDEST)
    for width in range(WIDEST, 0, -5):  # as many parts, of as equal widths as can be
        narrower = _fill(keys, names[len(keys) :], widths, width)
        if len(narrower) > len(parts):
            break
        parts = narrower
    return parts


def _fill(keys: list[str], names: Sequence[str], widths: Mapping[str, int], width: int) -> list[list[str]]:
    """Parts that begin with the keys, each with as many names as fit, and at least one."""
    parts = [keys[:]]
    for name in names:
        if len(parts[-1]) > len(keys) and sum(widths[each] for each in (*parts[-1], name)) > width:
            parts.append(keys[:])
        parts[-1].append(name)
    return parts


def _letters(cells: pl.Series) -> int:
    """Letters that a column takes across, its margins included."""
    longest = max((len(text) for text in cells), default=0)
    # A heading may be broken between its words, so its longest word counts.
    return min(LONGEST_CELL, max(longest, *map(len, cells.name.split(" ")))) + 3


def _render_part(columns: Mapping[str, Column], name: str, shown: pl.DataFrame, colours: Mapping[str, str]) -> Markup:
    built = GT(shown, id=f"table-{name}").cols_align("left")
    built = built.cols_align("right", columns=[head for head in shown.columns if columns[head].number])
    for head in shown.columns:
        for row, text in enumerate(shown[head] if columns[head].mark else []):
            if css := _declare(columns[head].mark, text, colours):
                built = built.tab_style(style.css(css), loc.body(columns=[head], rows=[row]))
    # Around its table great_tables writes a style sheet and a container, which the page has of its own.
    (inner,) = _TABLE.findall(built.as_raw_html())
    inner = _BETWEEN.sub("><", _HEADERS.sub(r"\1", inner))
    return Markup(inner)  # noqa: S704 -- great_tables escapes cells and labels


def _declare(mark: str, text: str, colours: Mapping[str, str]) -> str:
    """CSS for one marked cell: an arm has its colour beside it, a verdict is written in its colour."""
    if mark == "verdict":
        return f"color: var(--{VERDICTS[text]}); font-weight: 650; white-space: nowrap" if text in VERDICTS else ""
    colour = colours.get(text.removesuffix(" (baseline)"))
    return f"box-shadow: inset 4px 0 0 {colour}; max-width: 15rem" if colour else ""
