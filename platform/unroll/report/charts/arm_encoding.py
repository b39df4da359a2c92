"""How every chart names an arm and colours it."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from unroll.report.charts.theme import INK, colour_arms
from unroll.report.findings import Findings
from unroll.report.numbers import plain


def plain_arm() -> pl.Expr:
    """The column ``arm`` as it is drawn."""
    return pl.col("arm").map_elements(plain, return_dtype=pl.String)


def arm_axis(names: Sequence[str]) -> alt.Y:
    """Arms in rows, in this order, each with its place even where it has nothing to draw."""
    rows = [plain(name) for name in names]
    axis = alt.Axis(ticks=False, domain=False, labelFontSize=13)
    return alt.Y("arm:N", sort=rows, title=None, scale=alt.Scale(domain=rows), axis=axis)


def empty_rows(rows: pl.DataFrame, y: alt.Y) -> alt.Chart:
    """Say in the rows of arms with nothing to draw why that is so: ``arm`` and ``words``."""
    middle = alt.ExprRef("width / 2")
    text = alt.Chart(rows).mark_text(x=middle, color=INK, opacity=0.65, fontStyle="italic")
    return text.encode(y=y, text="words:N")


def arm_colour(findings: Findings) -> alt.Color:
    """The arm's colour, without a legend: for charts that name their rows."""
    colours = {plain(name): colour for name, colour in colour_arms(findings.groups).items()}
    return alt.Color("arm:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
