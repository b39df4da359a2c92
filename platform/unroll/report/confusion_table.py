"""What each label was taken for, as a table."""

from __future__ import annotations

import polars as pl

from unroll.report.findings import Findings
from unroll.report.numbers import DASH, fixed, percent, plain
from unroll.report.tables import Cells, Table, name_arm

_EXAMPLES = "Examples"


def confusion_table(findings: Findings, name: str, number: int) -> Table:
    """One row for each true label of each arm, one column for each guess; a dash where an arm's data lack the label.

    Args:
        findings: of the study.
        name: of the confusion, a key of ``findings.confusions``.
        number: counts the tables of this kind, from 1.
    """
    rows = findings.confusions[name]
    guesses = rows["guess"].unique().sort().to_list()
    shown = [
        _row(
            name_arm(arm, findings), true, dict(cells.select("guess", pl.struct("share", "count")).iter_rows()), guesses
        )
        for (arm, true), cells in rows.group_by("arm", "true", maintain_order=True)
    ]
    caption = (
        f"{name}: of the examples of a label (rows), the share that was told to be each label (columns), all seeds "
        "together; examples: their number, on average over seeds. The diagonal is what is right."
    )
    numbers = frozenset({_EXAMPLES, *map(_heading, guesses)})
    return Table(f"confusion_{number}", plain(caption), rows, pl.DataFrame(shown), numbers, {"Arm": "arm"})


def _heading(guess: str) -> str:
    return f"told {plain(guess)}"


def _row(arm: object, true: object, cells: dict[str, dict[str, float]], guesses: list[str]) -> Cells:
    examples = sum(cell["count"] for cell in cells.values())
    shares = {_heading(guess): percent(cells[guess]["share"]) if guess in cells else DASH for guess in guesses}
    whole = fixed(examples, 0 if abs(examples - round(examples)) < 1e-6 else 1)  # a sum of means over seeds
    return {"Arm": plain(arm), "True label": plain(true), _EXAMPLES: whole, **shares}
