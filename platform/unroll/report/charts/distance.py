"""A metric against distance, in its own unit."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import plain_arm
from unroll.report.charts.axis_range import cut_intervals
from unroll.report.charts.curves import draw_arms
from unroll.report.charts.reference_lines import draw_across
from unroll.report.findings import Findings
from unroll.report.numbers import choose_decimals, plain
from unroll.report.wording import REFERENCES

HEIGHT = 300


def layer_by_distance(findings: Findings, rows: pl.DataFrame, *, metric: str) -> alt.LayerChart:
    """Rows as ``by_distance`` gives them, and the lines that the metric is measured by."""
    shown = cut_intervals(rows.with_columns(plain_arm()), rows["mean"])
    shown = shown.with_columns(pl.col("mean", "low", "high", "start", "end").round_sig_figs(6))
    places = choose_decimals(rows["mean"], rows["high"] - rows["mean"])
    y = alt.Y("mean:Q", title=plain(metric), scale=alt.Scale(zero=False, nice=False, padding=10))
    x = alt.X("distance:Q", title="distance", axis=alt.Axis(grid=False, tickCount=8, format=",d"))
    bounds = [alt.Tooltip(f"{name}:Q", format=f",.{places}f") for name in ("mean", "low", "high")]
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("distance:Q"), *bounds, alt.Tooltip("n:Q", title="seeds")]
    lines = [line for kind in REFERENCES for line in draw_across(findings, kind, metric, places)]
    return alt.layer(*draw_arms(findings, shown, x=x, y=y, tips=tips), *lines).properties(height=HEIGHT)
