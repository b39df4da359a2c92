"""What models made of examples, as text."""

from __future__ import annotations

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, shorten
from unroll.reporting.tables.columns import Build, arm_column, make_table, text

MOST_EXAMPLES = 4
"""Of each arm that a page shows; the files hold all."""


def examples_table(findings: Findings) -> Table:
    """A row for each example and arm, a column for each kind of text."""
    found = [
        {"example": example.title, "arm": arm, "seed": findings.shown[arm][0], **_texts(example.texts)}
        for arm in findings.names
        if arm in findings.shown
        for example in findings.shown[arm][1]
    ]
    titles = list(dict.fromkeys(str(row["example"]) for row in found))
    kinds = list(dict.fromkeys(name for row in found for name in row if name.startswith(_PREFIX)))
    rows = pl.DataFrame(found, schema={**_KEYS, **dict.fromkeys(kinds, pl.String)}, infer_schema_length=None)
    ordered = sorted(found, key=lambda row: titles.index(str(row["example"])))
    shown = [row for row in ordered if titles.index(str(row["example"])) < MOST_EXAMPLES]

    def column(kind: str) -> Build:
        return text(kind.removeprefix(_PREFIX), lambda row: shorten(row[kind]) if row.get(kind) is not None else DASH)

    caption = (
        "What models made of examples of held-out data: of each arm the first completed seed. The examples were chosen "
        "before anything was trained, and are the same for all arms."
    )
    return make_table(
        "examples",
        caption,
        rows,
        [text("Example", lambda row: row["example"]), arm_column(findings), *map(column, kinds)],
        shown,
    )


_PREFIX = "text: "
_KEYS = {"example": pl.String, "arm": pl.String, "seed": pl.Int64}


def _texts(texts: dict[str, str]) -> dict[str, str]:
    """By columns that are no other ones."""
    return {_PREFIX + name: value for name, value in texts.items()}


def example_cells(findings: Findings) -> pl.DataFrame:
    """Every number of every matrix: a row for each."""
    cells = [
        {
            "arm": arm,
            "seed": seed,
            "example": example.title,
            "row": row,
            "column": column,
            "row_word": example.rows[row],
            "column_word": example.columns[column],
            "share": share,
        }
        for arm, (seed, examples) in findings.shown.items()
        for example in examples
        for row, shares in enumerate(example.values)
        for column, share in enumerate(shares)
    ]
    return pl.DataFrame(cells)
