"""How often each label was classified as each, as a table."""

from __future__ import annotations

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, fixed, percent
from unroll.reporting.tables.columns import Build, Row, arm_column, make_table, name_arm, number, text

MATRIX_UP_TO = 10
"""Labels up to which the whole matrix is shown."""
MOST_PAIRS = 20
"""Confusions of more labels that are shown; the files hold all."""


def confusion_table(findings: Findings, split: str, number: int) -> Table:
    """The matrix of each arm, or of many labels the most frequent confusions.

    Args:
        findings: of the study.
        split: whose examples are counted, a key of ``findings.confusions``.
        number: counts the tables of this kind, from 1.
    """
    labels = sorted({*findings.confusions[split]["true"], *findings.confusions[split]["guess"]})
    build = _matrix if len(labels) <= MATRIX_UP_TO else _most_frequent
    return build(findings, split, labels, f"confusion_{number}")


def _matrix(findings: Findings, split: str, labels: list[str], name: str) -> Table:
    """One row per arm and true label, one column per guess; a dash where an arm's data lack the label."""
    rows = findings.confusions[split]
    shown = [
        {
            "arm": arm,
            "true": true,
            "examples": cells["count"].sum(),
            "shares": dict(cells.select("guess", "share").iter_rows()),
        }
        for (arm, true), cells in rows.group_by("arm", "true", maintain_order=True)
    ]

    def share(guess: str) -> Build:
        return number(f"as {guess}", lambda row: percent(row["shares"][guess]) if guess in row["shares"] else DASH)

    caption = (
        f"Confusion on {split}: of the examples of a true label (rows), the share classified as each label (columns), "
        "all seeds together; examples: their number, on average over seeds. The diagonal is what is right."
    )
    columns = [
        arm_column(findings),
        text("True label", lambda row: row["true"]),
        number("Examples", lambda row: _examples(row["examples"])),
        # A label that only held-out text has is never guessed: it has a row and no column.
        *(share(label) for label in labels if label in set(rows["guess"])),
    ]
    return make_table(name, caption, rows, columns, shown)


def _most_frequent(findings: Findings, split: str, labels: list[str], name: str) -> Table:
    """One row for each pair of labels that was confused often, one column for each arm."""
    rows = findings.confusions[split]
    wrong = rows.filter(pl.col("true") != pl.col("guess"), pl.col("count") > 0)
    per_pair = wrong.group_by("true", "guess").agg(pl.col("count").sum())
    pairs = per_pair.sort(["count", "true", "guess"], descending=[True, False, False]).head(MOST_PAIRS)  # ties by name
    cells = {(row["arm"], row["true"], row["guess"]): row for row in wrong.iter_rows(named=True)}

    def share(arm: str) -> Build:
        def show(row: Row) -> str:
            cell = cells.get((arm, row["true"], row["guess"]))
            return f"{percent(cell['share'])} ({_examples(cell['count'])})" if cell else DASH

        return number(name_arm(arm, findings), show)

    which = f"{len(pairs)} most frequent of {len(per_pair)} " if len(pairs) < len(per_pair) else ""
    caption = (
        f"Confusion on {split}: the {which}confusions of {len(labels)} labels, over all arms. Of the examples of the "
        "true label, the share that each arm classified as the other, all seeds together; in brackets their number, on "
        "average over seeds. The files hold every pair that occurs, also what is right."
    )
    columns = [
        text("True label", lambda row: row["true"]),
        text("Classified as", lambda row: row["guess"]),
        *map(share, findings.names),
    ]
    return make_table(name, caption, rows, columns, pairs.to_dicts())


def _examples(number: float) -> str:
    """A number of examples, which as a mean over seeds need not be whole."""
    return fixed(number, 0 if abs(number - round(number)) < 1e-6 else 1)
