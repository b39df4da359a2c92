"""Profiles: how a value fades with distance, in powers of ten."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import plain_arm
from unroll.report.charts.curves import draw_arms
from unroll.report.findings import Findings

HEIGHT = 300
MARGIN = 1.0
"""Decades beyond the outermost means where bands are cut: with few seeds they reach far."""


LABELS = "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~f') : format(datum.value, '.0e')"
"""Labels of the axis, in Vega's language: 0.01 and 1 as they are, 1e-12 in powers of ten."""


def layer_fading(findings: Findings, profile: pl.DataFrame) -> alt.LayerChart:
    """One moment of a profile, as ``fading`` gives it; lines that stay level keep what they began with."""
    rows = _rows(profile)
    axis = alt.Axis(labelExpr=LABELS, tickCount=8)
    scale = alt.Scale(type="log", nice=False, padding=10)
    y = alt.Y("mean:Q", title="relative to distance 0 (log scale)", axis=axis, scale=scale)
    x = alt.X("distance:Q", title="distance", axis=alt.Axis(grid=False, tickCount=8, format=",d"))
    bounds = [alt.Tooltip(f"{name}:Q", format=".1e") for name in ("mean", "low", "high")]
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("distance:Q"), *bounds, alt.Tooltip("n:Q", title="seeds")]
    return alt.layer(*draw_arms(findings, rows, x=x, y=y, tips=tips)).properties(height=HEIGHT)


def _rows(profile: pl.DataFrame) -> pl.DataFrame:
    """Powers of ten, bands cut to what is near."""
    lowest, highest = pl.col("mean").min() - MARGIN, pl.col("mean").max() + MARGIN
    cut = profile.with_columns(pl.col("low", "high").clip(lowest, highest)).with_columns(plain_arm())
    powers = cut.with_columns(pl.lit(10.0).pow(pl.col(name)).alias(name) for name in ("mean", "low", "high"))
    rounded = powers.drop("moment", "step").with_columns(pl.col("mean", "low", "high").round_sig_figs(6))
    return rounded.with_columns(start="low", end="high")
