"""Rates of divergence drawn: how often each arm diverged, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import polars as pl

from unroll.reporting.charts.style import (
    INK,
    arm_axis,
    arm_colour,
    interval_marks,
    make_chart,
    number_tips,
    row_height,
)
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings

ROW = 46
"""Pixels per arm."""
MARGIN = 0.02
"""Room beside 0 and 1, whose dots would otherwise be cut."""
CAPTION = (
    "Share of the seeds with a result on which an arm diverged: the rate as a dot, its exact 95 % interval (Clopper "
    "and Pearson) as a bar."
)


def draw_divergence(findings: Findings) -> Iterator[Chart]:
    """One row per arm: the rate as a dot, its exact interval as a bar, the counts in words; nothing without any."""
    if not findings.any_diverged:
        return
    counts = pl.format("{} of {}", "diverged", "n")
    words = pl.when(pl.col("n") > 0).then(counts).otherwise(pl.lit("no trial with a result")).alias("words")
    place = pl.col("rate").fill_null(0).alias("place")
    rows = findings.divergence.select("arm", "rate", "low", "high", words, place)
    y = arm_axis(findings.names)
    base = alt.Chart(rows.drop_nulls("rate")).encode(y=y, color=arm_colour(findings))
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("words:N", title="diverged"), *number_tips(".1%", "rate", "low", "high")]
    side = alt.ExprRef("datum.place < 0.5 ? 'left' : 'right'")  # of the dot, where there is room
    text = alt.Chart(rows).mark_text(align=side, baseline="bottom", dy=-4, color=INK, opacity=0.8)
    layers = [
        *interval_marks(base, _x("rate"), _x("low"), "high", tips),
        text.encode(y=y, x=_x("place"), text="words:N"),
    ]
    yield make_chart("divergence", CAPTION, layers, height=row_height(ROW, len(findings.names)) * len(findings.names))


def _x(column: str) -> alt.X:
    axis = alt.Axis(format=".0%", values=[tick / 5 for tick in range(6)])
    scale = alt.Scale(domain=[-MARGIN, 1 + MARGIN], nice=False)
    return alt.X(f"{column}:Q", title="share of seeds that diverged", scale=scale, axis=axis)
