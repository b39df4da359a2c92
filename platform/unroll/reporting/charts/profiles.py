"""Values against distance: metrics in their own unit, and profiles as they fade, in powers of ten."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import polars as pl

from unroll.reporting.charts.axis_range import cut_intervals
from unroll.reporting.charts.curves import draw_arms, explain_looks, round_bands
from unroll.reporting.charts.lines import find_lines
from unroll.reporting.charts.reference_lines import describe_lines, draw_across
from unroll.reporting.charts.style import make_chart
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals
from unroll.reporting.wording import REFERENCES

HEIGHT = 300
MOST_METRICS, MOST_PROFILES = 4, 2
"""Metrics by distance and profiles that are drawn; all are in the tables."""
MARGIN = 1.0
"""Decades beyond the outermost means where bands are cut: with few seeds they reach far."""
LABELS = "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~f') : format(datum.value, '.0e')"
"""Labels of the axis, in Vega's language: 0.01 and 1 as they are, 1e-12 in powers of ten."""


def draw_metrics_by_distance(findings: Findings) -> Iterator[Chart]:
    """The first metrics that were logged by distance, as they were last logged; of one form, not of two."""
    pairs, lines = findings.free_running_by_distance, find_lines(findings)
    drawn = {*pairs, *(findings.free_running[metric] for metric in pairs)}
    alone = {metric: means for metric, means in findings.metrics_by_distance.items() if metric not in drawn}
    for number, (metric, known) in enumerate(list(alone.items())[:MOST_METRICS], 1):
        means = lines.merge(known, "distance")
        rows = round_bands(cut_intervals(means, means["mean"]))  # a band may not take the axis from the means
        places = choose_decimals(means["mean"], means["high"] - means["mean"])
        y = alt.Y("mean:Q", title=metric, scale=alt.Scale(zero=False, nice=False, padding=10))
        layers = [
            *draw_arms(lines, rows, "distance", y, number=f",.{places}f"),
            *(line for kind in REFERENCES for line in draw_across(findings, kind, metric, places)),
        ]
        caption = (
            f"{metric} against distance as each trial last logged it: mean over seeds{lines.words}"
            f"{describe_lines(findings, metric, REFERENCES)}{explain_looks(findings, lines)}"
        )
        yield make_chart(f"by_distance_{number}", caption, layers, height=HEIGHT)


def draw_fading(findings: Findings) -> Iterator[Chart]:
    """The first profiles by name, as they were first and last logged, relative to their value at distance 0."""
    lines = find_lines(findings)
    for number, (name, profile) in enumerate(list(findings.profiles.items())[:MOST_PROFILES], 1):
        for (moment,), decades in profile.partition_by("moment", as_dict=True).items():
            steps = decades["step"].unique().sort().to_list()
            at = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
            caption = (
                f"{name} against distance as it was {moment} logged ({at}), relative to its value at distance 0: mean "
                f"over seeds of the logarithm{lines.words} A level line "
                f"does not fade with distance.{explain_looks(findings, lines)}"
            )
            scale = alt.Scale(type="log", nice=False, padding=10)
            axis = alt.Axis(labelExpr=LABELS, tickCount=8)
            y = alt.Y("mean:Q", title="relative to distance 0 (log scale)", axis=axis, scale=scale)
            merged = lines.merge(decades, "distance")
            layers = draw_arms(lines, _powers(merged), "distance", y, number=".1e")
            yield make_chart(f"profile_{number}_{moment}", caption, layers, height=HEIGHT)


def _powers(decades: pl.DataFrame) -> pl.DataFrame:
    """Powers of ten, bands cut to what is near."""
    lowest, highest = pl.col("mean").min() - MARGIN, pl.col("mean").max() + MARGIN
    cut = decades.drop("moment", "step", strict=False).with_columns(pl.col("low", "high").clip(lowest, highest))
    # Averaged as logarithms, drawn as what they are of the first value.
    powers = cut.with_columns(pl.lit(10.0).pow(pl.col(name)).alias(name) for name in ("mean", "low", "high"))
    return round_bands(powers.with_columns(start="low", end="high"))
