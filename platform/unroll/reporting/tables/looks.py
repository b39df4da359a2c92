"""Looks that were declared in advance: at which one each comparison or claim was decided."""

from __future__ import annotations

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.looks import looked_rows
from unroll.reporting.numbers import DASH, listed, p_value, whole
from unroll.reporting.tables.columns import make_table, number, text
from unroll.study.declaration import Looks

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("name", "verdict"), pl.String),
    **dict.fromkeys(("look", "seeds"), pl.Int64),
    **dict.fromkeys(("p_adjusted", "may_spend"), pl.Float64),
    "closed": pl.Boolean,
}


def looks_table(findings: Findings) -> Table | None:
    """One row for each comparison or claim; None where the number of seeds is fixed."""
    looks = findings.plan.looks
    if looks is None:
        return None
    rows = pl.DataFrame(looked_rows(findings, looks), schema=SCHEMA)
    columns = [
        text("Claim" if findings.plan.claims else "Arm", lambda row: row["name"]),
        text("Verdict", lambda row: row["verdict"], mark="verdict"),
        number("Look", lambda row: f"{row['look']} of {len(looks.at)}" if row["look"] else DASH),
        number("Seeds", lambda row: whole(row["seeds"])),
        number("p (adjusted)", lambda row: p_value(row["p_adjusted"])),
        number("May spend", lambda row: p_value(row["may_spend"])),
    ]
    return make_table("looks", _caption(looks), rows, columns)


def _caption(looks: Looks) -> str:
    return (
        f"Looks at {listed(map(str, looks.at))} seeds ({looks.spending} spending). Look: at which it was decided, or "
        "tested last. May spend: chance of any wrong verdict up to that look; what has an adjusted p of at most that "
        "is decided, and gets no more seeds."
    )
