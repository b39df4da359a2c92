"""Rates of divergence and their comparison with the baselines, as a table."""

from __future__ import annotations

from typing import Any

from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import DASH, count, p_value, percent, percent_span
from unroll.report.tables.results import Cells, make_table, name_arm
from unroll.report.wording import describe_baseline

NUMBERS = frozenset(
    {
        *("Diverged", "Rate", "95 % interval", "Alone", "Pairs"),
        *("p", "p (Holm)", "Smallest p (Holm)"),
    }
)


def divergence_table(findings: Findings) -> Table:
    """One row per arm; the comparison is left out where there is none."""
    comparisons = findings.divergence["baseline"].count()

    def show(row: dict[str, Any]) -> Cells:
        rate: Cells = {
            "Arm": name_arm(row["arm"], findings),
            "Diverged": f"{row['diverged']} of {row['n']}",
            "Rate": percent(row["rate"]),
            "95 % interval": percent_span(row["low"], row["high"]) if row["n"] else DASH,
        }
        return {**rate, **_against(row["arm"], findings), **(_comparison(row) if comparisons else {})}

    caption = (
        "Trials that diverged, of those with a result (completed or diverged), with the exact 95 % interval of the "
        "rate (Clopper and Pearson)." + (_compared(findings, comparisons) if comparisons else "")
    )
    marks = {"Arm": "arm", "Against": "arm", "Diverges": "verdict"}
    rows = findings.written(findings.divergence)
    return make_table("divergence", caption, rows, show, numbers=NUMBERS, marks=marks)


def _against(arm: str, findings: Findings) -> Cells:
    """What an arm is compared with, where that must be said."""
    baseline = findings.baselines[arm]
    return {"Against": DASH if arm == baseline else baseline} if findings.several_baselines else {}


def _comparison(row: dict[str, Any]) -> Cells:
    if row["verdict"] is None:  # the baseline itself
        return dict.fromkeys(("Diverges", "Alone", "Pairs", "p", "p (Holm)", "Smallest p (Holm)"), DASH)
    return {
        "Diverges": row["verdict"],
        "Alone": f"{row['alone']} ({row['baseline_alone']})" if row["pairs"] else "no pair",
        "Pairs": f"{row['pairs']} of {row['planned_pairs']}",
        "p": p_value(row["p"]),
        "p (Holm)": p_value(row["p_holm"]),
        "Smallest p (Holm)": f"{p_value(row['smallest_p'])} ({p_value(row['smallest_p_holm'])})",
    }


def _compared(findings: Findings, comparisons: int) -> str:
    baseline = "its baseline" if findings.several_baselines else describe_baseline(findings.plan)
    return (
        f" Alone: seeds on which the arm diverged and {baseline} did not, in brackets the other way "
        "round. p: two-sided exact test on these seeds (McNemar); Holm: corrected for "
        f"{count(comparisons, 'comparison')}. Smallest p: what the planned pairs can reach at best, in brackets after "
        "Holm."
    )
