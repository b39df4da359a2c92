"""What each label was taken for, as a table."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import DASH, fixed, percent, plain
from unroll.report.tables.results import Cells, name_arm

_EXAMPLES = "Examples"
MATRIX_UP_TO = 10
"""Labels up to which the whole matrix is shown."""
MOST_PAIRS = 20
"""Confusions of more labels that are shown; the files hold all."""


def confusion_table(findings: Findings, name: str, number: int) -> Table:
    """What each label was taken for: the matrix of each arm, or of many labels the most frequent confusions.

    Args:
        findings: of the study.
        name: of the confusion, a key of ``findings.confusions``.
        number: counts the tables of this kind, from 1.
    """
    labels = {*findings.confusions[name]["true"], *findings.confusions[name]["guess"]}
    build = _matrix if len(labels) <= MATRIX_UP_TO else _most_frequent
    return build(findings, name, f"confusion_{number}")


def _most_frequent(findings: Findings, name: str, stem: str) -> Table:
    """One row for each pair of labels that was confused often, one column for each arm."""
    rows = findings.confusions[name]
    wrong = rows.filter(pl.col("true") != pl.col("guess"), pl.col("count") > 0)
    per_pair = wrong.group_by("true", "guess").agg(pl.col("count").sum())
    pairs = per_pair.sort(["count", "true", "guess"], descending=[True, False, False]).head(MOST_PAIRS)
    cells = {(arm, true, guess): (share, count) for arm, true, guess, share, count in _told(wrong)}
    arms = {name_arm(arm, findings): arm for arm in findings.names}
    shown = [
        {
            "True label": plain(true),
            "Told to be": plain(guess),
            **{plain(told): _share(cells.get((arm, true, guess))) for told, arm in arms.items()},
        }
        for true, guess in pairs.select("true", "guess").iter_rows()
    ]
    labels = {*rows["true"], *rows["guess"]}
    caption = (
        f"{name}: the {count_words(len(shown), len(per_pair))} of {len(labels)} labels, over all arms. Of the examples "
        "of the true label, the share that each arm told to be the other, all seeds together; in brackets their "
        "number, on average over seeds. The files hold every pair that occurs, also what is right."
    )
    columns = ("True label", "Told to be", *map(plain, arms))
    frame = pl.DataFrame(shown, schema=dict.fromkeys(columns, pl.String))
    return Table(stem, plain(caption), rows, frame, frozenset(map(plain, arms)))


def count_words(shown: int, known: int) -> str:
    """``20 most frequent of 312 confusions``, or ``confusions`` where all are shown."""
    return f"{shown} most frequent of {known} confusions" if shown < known else "confusions"


def _told(cells: pl.DataFrame) -> Iterator[tuple[str, str, str, float, float]]:
    return cells.select("arm", "true", "guess", "share", "count").iter_rows()


def _share(cell: tuple[float, float] | None) -> str:
    return DASH if cell is None else f"{percent(cell[0])} ({_examples(cell[1])})"


def _matrix(findings: Findings, name: str, stem: str) -> Table:
    """One row for each true label of each arm, one column for each guess; a dash where an arm's data lack the label."""
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
    return Table(stem, plain(caption), rows, pl.DataFrame(shown), numbers, {"Arm": "arm"})


def _heading(guess: str) -> str:
    return f"told {plain(guess)}"


def _row(arm: object, true: object, cells: dict[str, dict[str, float]], guesses: list[str]) -> Cells:
    examples = sum(cell["count"] for cell in cells.values())
    shares = {_heading(guess): percent(cells[guess]["share"]) if guess in cells else DASH for guess in guesses}
    return {"Arm": plain(arm), "True label": plain(true), _EXAMPLES: _examples(examples), **shares}


def _examples(number: float) -> str:
    """A number of examples, which as a mean over seeds need not be whole."""
    return fixed(number, 0 if abs(number - round(number)) < 1e-6 else 1)
