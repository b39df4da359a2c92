"""The declared claims: verdicts, effects and tests."""

from __future__ import annotations

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, whole
from unroll.reporting.tables.columns import Row, adjusted_for, make_table, number, p_columns, text
from unroll.reporting.wording import effect_words


def claims_table(findings: Findings) -> Table:
    """One row for each claim; the study has one at least."""

    def words(row: Row, place: int) -> str:
        return (effect_words(row, findings)[place] if row["n"] else "") or DASH

    caption = (
        "Declared claims. Effect: first side minus second in the metric's unit, averaged over pairs of arms; rates of "
        "divergence and slopes side by side. Seeds: those with all trials that the claim speaks of, of those planned. "
        f"p: one-sided sign-flip tests of the claim and of its contrary together; {adjusted_for(len(findings.claims))} "
        "Smallest p: what the planned seeds can reach at best. Seeds to decide: with this effect and spread, at 80 % "
        "power."
    ).replace("comparison", "claim")
    columns = [
        text("Claim", lambda row: row["claim"]),
        text("Verdict", lambda row: row["verdict"], mark="verdict"),
        number("Effect", lambda row: words(row, 0)),
        number("95 % interval", lambda row: words(row, 1)),
        number("Seeds", lambda row: f"{row['n']} of {row['planned_seeds']}"),
        *p_columns(),
        number("Seeds to decide", lambda row: whole(row["seeds_needed"])),
    ]
    return make_table("claims", caption, findings.claims, columns)
