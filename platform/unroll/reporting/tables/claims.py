"""The declared claims: verdicts, effects and tests."""

from __future__ import annotations

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, choose_decimals, fixed, percent, whole
from unroll.reporting.tables.columns import Build, Row, adjusted_for, make_table, number, p_columns, text
from unroll.reporting.wording import effect_words
from unroll.study.claims import Claim


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


def claim_seeds_table(findings: Findings, claim: Claim, name: str) -> Table:
    """Both sides of a claim and their difference on each seed that counts.

    Args:
        findings: of the study.
        claim: one of the study's, of which a seed can speak.
        name: of the table.
    """
    values = findings.claim_values(claim).select("seed", "first", "second", "difference")
    places = choose_decimals(values["second"], [values.select(pl.col("difference").std()).item()], values["difference"])

    def value(of: str, *, sign: bool = False) -> Build:
        head = {"first": claim.first, "second": claim.second}.get(of, of.capitalize())
        if claim.kind == "diverges less":
            return number(head, lambda row: percent(row[of], sign=sign))
        return number(head, lambda row: fixed(row[of], places, sign=sign or claim.kind == "flatter"))

    what = {"diverges less": "Share of trials that diverged", "flatter": f"Slope of {claim.metric}"}
    several = len({pair.cell for pair in claim.pairs}) > 1
    caption = (
        f"{what.get(claim.kind, claim.metric)} of both sides on each seed that has all trials of the claim"
        f"{', averaged over the other levels' if several else ''}; difference: first minus second."
    )
    columns = [
        text("Seed", lambda row: str(row["seed"])),
        value("first"),
        value("second"),
        value("difference", sign=True),
    ]
    return make_table(name, caption, values, columns)
