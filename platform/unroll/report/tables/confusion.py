"""How often each label was classified as each, as a table."""

from __future__ import annotations

import polars as pl

from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import DASH, fixed, percent, plain
from unroll.report.tables.results import name_arm

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
    rows = findings.confusions[split]
    labels = {*rows["true"], *rows["guess"]}
    build = _matrix if len(labels) <= MATRIX_UP_TO else _most_frequent
    return build(findings, split, sorted(labels), f"confusion_{number}")


def _matrix(findings: Findings, split: str, labels: list[str], name: str) -> Table:
    """One row per arm and true label, one column per guess; a dash where an arm's data lack the label."""
    rows = findings.confusions[split]
    guesses = {f"as {plain(label)}": label for label in labels if label in set(rows["guess"])}
    shown = []
    for (arm, true), cells in rows.group_by("arm", "true", maintain_order=True):
        shares = dict(cells.select("guess", "share").iter_rows())
        shown.append(
            {
                "Arm": plain(name_arm(str(arm), findings)),
                "True label": plain(true),
                "Examples": _examples(float(cells["count"].sum())),
                **{head: percent(shares[guess]) if guess in shares else DASH for head, guess in guesses.items()},
            }
        )
    caption = (
        f"Confusion on {split}: of the examples of a true label (rows), the share classified as each label (columns), "
        "all seeds together; examples: their number, on average over seeds. The diagonal is what is right."
    )
    return Table(name, plain(caption), rows, pl.DataFrame(shown), frozenset({"Examples", *guesses}), {"Arm": "arm"})


def _most_frequent(findings: Findings, split: str, labels: list[str], name: str) -> Table:
    """One row for each pair of labels that was confused often, one column for each arm."""
    rows = findings.confusions[split]
    wrong = rows.filter(pl.col("true") != pl.col("guess"), pl.col("count") > 0)
    per_pair = wrong.group_by("true", "guess").agg(pl.col("count").sum())
    pairs = per_pair.sort(["count", "true", "guess"], descending=[True, False, False]).head(MOST_PAIRS)
    cells = {
        (arm, true, guess): f"{percent(share)} ({_examples(count)})"
        for arm, true, guess, share, count in wrong.select("arm", "true", "guess", "share", "count").iter_rows()
    }
    arms = {plain(name_arm(arm, findings)): arm for arm in findings.names}
    shown = [
        {
            "True label": plain(true),
            "Classified as": plain(guess),
            **{head: cells.get((arm, true, guess), DASH) for head, arm in arms.items()},
        }
        for true, guess in pairs.select("true", "guess").iter_rows()
    ]
    which = f"{len(shown)} most frequent of {len(per_pair)} " if len(shown) < len(per_pair) else ""
    caption = (
        f"Confusion on {split}: the {which}confusions of {len(labels)} labels, over all arms. Of the examples of the "
        "true label, the share that each arm classified as the other, all seeds together; in brackets their number, on "
        "average over seeds. The files hold every pair that occurs, also what is right."
    )
    columns = ("True label", "Classified as", *arms)
    frame = pl.DataFrame(shown, schema=dict.fromkeys(columns, pl.String))
    return Table(name, plain(caption), rows, frame, frozenset(arms))


def _examples(number: float) -> str:
    """A number of examples, which as a mean over seeds need not be whole."""
    return fixed(number, 0 if abs(number - round(number)) < 1e-6 else 1)
