"""Which levels are ahead over all levels of the others, in one sentence."""

from __future__ import annotations

import polars as pl

from unroll.reporting.effects import effects
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import listed, p_value, percent

SPELT_OUT = 6
"""Main effects up to which each that is decided is named; beyond, the table alone does so."""


def effects_sentence(findings: Findings) -> str:
    """Main effects that are decided; empty where none is, and where they are many."""
    rows = effects(findings).filter(pl.col("kind") == "main", pl.col("verdict").is_in(["better", "worse"])).to_dicts()
    if not 0 < len(rows) <= SPELT_OUT:
        return ""
    told = [
        f"{row['effect']} is {row['verdict']}"
        + (f" by {percent(abs(row['relative']))}" if row["relative"] is not None else "")
        + f" (better in {row['better_in']} of {row['cells']}, adjusted p {p_value(row['p_adjusted'])})"
        for row in rows
    ]
    return f"Averaged over the levels of the other factors, {listed(told)}."
