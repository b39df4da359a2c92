"""How an inspection is printed: tables with a histogram, one JSON object, or the splits as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unroll.cli._output import Format, Row, print_csv, print_json, print_lines, print_rows
from unroll.terminal.text import format_value, visible

if TYPE_CHECKING:
    from unroll.contract import Inspection, Rows

BAR = 40
"""Characters of the histogram's longest bar."""


def show_inspection(
    facts: dict[str, Any],
    warnings: list[str],
    inspection: Inspection | None,
    format: Format,  # noqa: A002
) -> None:
    """Print what was found.

    Args:
        facts: what a plan says about the data; empty where no task was asked.
        warnings: what a plan warns of, in the same way.
        inspection: a look at the files; None where no library can read them.
        format: what standard output holds; CSV holds the table of the splits alone, or the facts.
    """
    if format is Format.JSON:
        print_json({"facts": facts, "warnings": warnings, **_tables(inspection)})
    elif format is Format.CSV:
        print_csv(inspection.splits if inspection else [facts])
    else:
        _print_tables(facts, warnings, inspection)


def _tables(inspection: Inspection | None) -> dict[str, Rows]:
    names = ("splits", "lengths", "labels", "oddities")
    return {name: getattr(inspection, name) if inspection else [] for name in names}


def _print_tables(facts: dict[str, Any], warnings: list[str], inspection: Inspection | None) -> None:
    for warning in warnings:
        print_lines(visible(f"warning: {warning}"))
    if facts:
        print_lines(visible("data: " + ", ".join(f"{key} {format_value(value)}" for key, value in facts.items())))
    if inspection is None:
        print_lines("there are no files to look at, or none of a format that inspect reads")
        return
    print_rows(_with_percentages(inspection.splits), Format.TABLE)
    print_rows(_with_bars(inspection.lengths), Format.TABLE, title="sentence lengths")
    if inspection.labels:
        print_rows(_with_percentages(inspection.labels), Format.TABLE, title="labels")
    if inspection.oddities:
        print_rows(inspection.oddities, Format.TABLE, title="odd things")
    else:
        print_lines("nothing odd about the files")


def _with_bars(rows: Rows) -> list[Row]:
    """A bar for the first column of counts: the training text."""
    first = next((name for name in rows[0] if name != "words"), "") if rows else ""
    counts = [int(row[first] or 0) for row in rows]
    most = max([1, *counts])
    return [{**row, f"of {first}": "#" * round(BAR * n / most)} for row, n in zip(rows, counts, strict=True)]


def _with_percentages(rows: Rows) -> list[Row]:
    """Shares in percent."""
    return [{name: f"{value:.1%}" if _is_share(name, value) else value for name, value in row.items()} for row in rows]


def _is_share(name: str, value: object) -> bool:
    return isinstance(value, float) and (name.endswith("share") or name == "unknown tokens")
