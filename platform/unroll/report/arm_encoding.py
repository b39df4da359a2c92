"""How every chart names an arm and colours it."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.findings import Findings
from unroll.report.numbers import plain
from unroll.report.theme import colour_arms


def plain_arm() -> pl.Expr:
    """The column ``arm`` as it is drawn."""
    return pl.col("arm").map_elements(plain, return_dtype=pl.String)


def arm_colour(findings: Findings) -> alt.Color:
    """The arm's colour, without a legend: for charts that name their rows."""
    names = [plain(name) for name in findings.names]
    colours = colour_arms(names, plain(findings.plan.baseline))
    return alt.Color("arm:N", scale=alt.Scale(domain=names, range=list(colours.values())), legend=None)
