"""Rates of divergence drawn: how often each arm diverged, and how sure that is."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import arm_axis, arm_colour, plain_arm
from unroll.report.charts.theme import INK
from unroll.report.findings import Findings

ROW = 46
"""Pixels per arm."""
MARGIN = 0.02
"""Room beside none and all, which a dot would otherwise leave."""


def layer_divergence(findings: Findings) -> alt.LayerChart:
    """One row per arm, as in the tables: the rate as a dot, its exact interval as a bar, the counts in words."""
    rows = _rows(findings)
    y = arm_axis(findings.names)
    layers = [*_rates(findings, rows.drop_nulls("rate"), y), *_words(rows, y)]
    return alt.layer(*layers).properties(height=ROW * len(findings.names))


def _rows(findings: Findings) -> pl.DataFrame:
    """Rates with their words, which stand on the side of the dot that has room."""
    counts = pl.format("{} of {}", "diverged", "n")
    words = pl.when(pl.col("n") > 0).then(counts).otherwise(pl.lit("no trial with a result")).alias("words")
    place = pl.col("rate").fill_null(0).alias("place")
    return findings.divergence.select(plain_arm(), "rate", "low", "high", words, place)


def _x(column: str) -> alt.X:
    axis = alt.Axis(format=".0%", values=[tick / 5 for tick in range(6)])
    scale = alt.Scale(domain=[-MARGIN, 1 + MARGIN], nice=False)
    return alt.X(f"{column}:Q", title="share of seeds that diverged", scale=scale, axis=axis)


def _rates(findings: Findings, rows: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    base = alt.Chart(rows).encode(y=y, color=arm_colour(findings))
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=5).encode(x=_x("low"), x2="high:Q")
    shares = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("rate", "low", "high")]
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("words:N", title="diverged"), *shares]
    dot = base.mark_circle(size=130, opacity=1, yOffset=5).encode(x=_x("rate"), tooltip=tips)
    return [bar, dot]


def _words(rows: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    sides = (("left", rows.filter(pl.col("place") < 0.5)), ("right", rows.filter(pl.col("place") >= 0.5)))
    return [
        alt.Chart(side)
        .mark_text(align=align, baseline="bottom", dy=-4, color=INK, opacity=0.8)
        .encode(y=y, x=_x("place"), text="words:N")
        for align, side in sides
        if not side.is_empty()
    ]
