"""How a table is built: typed rows, and for each column a heading with a function from a row to its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from unroll.reporting.document import Column, Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, count, p_value

Row = Mapping[str, Any]
Build = Callable[[Sequence[Row]], Column | None]
"""Gives None where the rows leave nothing to tell."""


# Functions and no values: a table's rows are known only after its columns were chosen.
def text(head: str, show: Callable[[Row], str], *, mark: str = "") -> Build:
    """A column of text; ``mark`` as :class:`~unroll.reporting.document.Column` has it."""
    return lambda rows: Column(head, [show(row) for row in rows], mark=mark)


def number(head: str, show: Callable[[Row], str]) -> Build:
    """A column of numbers."""
    return lambda rows: Column(head, [show(row) for row in rows], number=True)


def make_table(
    name: str, caption: str, rows: pl.DataFrame, columns: Iterable[Build | None], shown: Sequence[Row] | None = None
) -> Table:
    """Build a table.

    Args:
        name: file stem and anchor.
        caption: text below it.
        rows: typed values for files.
        columns: what a reader sees, from left to right; None is a column that is left out, as is one, but for the
            first, that has nothing in any row.
        shown: rows of the columns, if these are not ``rows``.
    """
    # Each column builds its cells from whole rows: heading, alignment and text of a column are in one place.
    records = rows.to_dicts() if shown is None else shown
    built = [column for build in columns if build and (column := build(records))]
    return Table(name, caption, rows, [*built[:1], *(column for column in built[1:] if not _is_empty(column))])


def _is_empty(column: Column) -> bool:
    return bool(column.cells) and all(cell in ("", DASH) for cell in column.cells)


def arm_column(findings: Findings) -> Build:
    """Names of arms with their colours, baselines and added controls marked."""
    return text("Arm", lambda row: name_arm(row["arm"], findings), mark="arm")


def name_arm(arm: str, findings: Findings) -> str:
    """An arm's name, baselines and added controls marked."""
    marks = ["baseline"] if arm == findings.baselines[arm] else []
    marks += ["control, added by itself"] if arm in findings.controls else []
    return f"{arm} ({'; '.join(marks)})" if marks else arm


def p_columns() -> list[Build]:
    """The p-value of a comparison, adjusted, and the smallest that its planned pairs could have; a dash for none.

    Where adjusting changes none of them, both are one column.
    """
    return [_alone, number("p (adjusted)", lambda row: p_value(row["p_adjusted"])), number("Smallest p", _smallest)]


def _alone(rows: Sequence[Row]) -> Column | None:
    texts = [p_value(row["p"]) for row in rows]
    return None if texts == [p_value(row["p_adjusted"]) for row in rows] else Column("p", texts, number=True)


def _smallest(row: Row) -> str:
    return p_value(row["smallest_p"])


SMALLEST_P = "Smallest p: what the planned pairs can reach at best, adjusted or not."
"""Explains the last of :func:`p_columns` in a caption."""


def adjusted_for(comparisons: int) -> str:
    """What a caption says of the adjusted p-value."""
    several = f"for {count(comparisons, 'comparison')} together, step-down max-T over joint sign flips of the seeds"
    return f"adjusted: {'for one comparison, which changes nothing' if comparisons == 1 else several}."
