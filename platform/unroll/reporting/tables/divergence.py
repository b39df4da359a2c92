"""Rates of divergence and their comparison with the baselines, as a table."""

from __future__ import annotations

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, percent, percent_span
from unroll.reporting.tables.columns import (
    SMALLEST_P,
    Row,
    adjusted_for,
    arm_column,
    make_table,
    number,
    p_columns,
    text,
)
from unroll.reporting.wording import describe_baseline


def divergence_table(findings: Findings) -> Table:
    """One row per arm; the comparison is left out where there is none."""
    comparisons = findings.divergence["baseline"].count()
    baseline = "its baseline" if findings.several_baselines else describe_baseline(findings.plan)
    caption = (
        "Trials that diverged, of those with a result (completed or diverged), with the exact 95 % interval of the "
        "rate (Clopper and Pearson)."
        + (
            f" Alone: seeds on which the arm diverged and {baseline} did not, in brackets the other way round. p: "
            f"two-sided exact test on these seeds (McNemar); {adjusted_for(comparisons)} {SMALLEST_P}"
            if comparisons
            else ""
        )
    )

    def against(row: Row) -> str:
        baseline = findings.baselines[row["arm"]]
        return DASH if baseline == row["arm"] else baseline

    def alone(row: Row) -> str:
        if row["verdict"] is None:  # the baseline itself
            return DASH
        return f"{row['alone']} ({row['baseline_alone']})" if row["pairs"] else "no pair"

    comparison = [
        text("Diverges", lambda row: row["verdict"] or DASH, mark="verdict"),
        number("Alone", alone),
        number("Pairs", lambda row: DASH if row["verdict"] is None else f"{row['pairs']} of {row['planned_pairs']}"),
        *p_columns(),
    ]
    columns = [
        arm_column(findings),
        number("Diverged", lambda row: f"{row['diverged']} of {row['n']}"),
        number("Rate", lambda row: percent(row["rate"])),
        number("95 % interval", lambda row: percent_span(row["low"], row["high"]) if row["n"] else DASH),
        text("Against", against, mark="arm") if findings.several_baselines else None,
        *(comparison if comparisons else []),
    ]
    return make_table("divergence", caption, findings.written(findings.divergence), columns)
