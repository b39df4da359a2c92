"""The answer drawn: every arm's difference to its baseline, seed by seed and in the mean."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import polars as pl

from unroll.reporting.charts.axis_range import CUT, are_cut, cut_intervals, find_outliers, signed_powers
from unroll.reporting.charts.style import (
    INK,
    arm_axis,
    arm_colour,
    explain_empty,
    interval_marks,
    make_chart,
    number_tips,
    row_height,
)
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count
from unroll.reporting.wording import decimals, describe_baseline

ROW = 46
"""Pixels per arm."""


def draw_differences(findings: Findings) -> Iterator[Chart]:
    """One row per arm that is no baseline: a dot per seed, mean and interval, and zero; nothing without a pair."""
    if not findings.differences["difference"].count():
        return
    # Intervals are cut where they would take the axis from the pairs.
    values = [*findings.pairs["difference"].drop_nulls(), 0.0]
    means = cut_intervals(findings.differences.drop_nulls("difference"), values, signed=True)
    y = arm_axis(findings.differences["arm"].to_list())
    zero = alt.Chart(pl.DataFrame({"zero": [0]})).mark_rule(color=INK, opacity=0.55).encode(x="zero:Q")
    empty = findings.differences.filter(pl.col("n") == 0).select("arm", words=pl.lit("no completed pair"))
    layers = [zero, _seeds(findings, y), *_means(findings, means, y), *explain_empty(empty, y)]
    number = len(findings.differences)
    height = number * row_height(ROW, number)
    yield make_chart("differences", _caption(findings, cut=are_cut(means)), layers, height=height)


def _caption(findings: Findings, *, cut: bool) -> str:
    side = "left" if findings.direction == "minimize" else "right"  # arm minus baseline
    left = sum(planned - n for planned, n in findings.differences.select("planned_pairs", "n").iter_rows())
    seeds = f"{count(left, 'pair')} of which a side has no final value {'is' if left == 1 else 'are'} left out"
    return (
        f"Difference of {findings.metric} to {describe_baseline(findings.plan)} on the same seed: one small dot per "
        f"seed, the mean as a large dot, its 95 % interval as a bar. Better is to the {side} of zero."
        + (CUT if cut else "")
        + (f" Survivors only: {seeds}." if findings.any_diverged and left else "")
    )


def _title(findings: Findings) -> str | list[str]:
    """Of the axis; in two lines where the baseline is more than a name."""
    arrow = "← better" if findings.direction == "minimize" else "better →"
    symlog = find_outliers(findings.pairs["difference"]) is not None
    baseline = describe_baseline(findings.plan) + (" (logarithmic to both sides)" if symlog else "")
    title = [f"{arrow} · difference in {findings.metric}", f"to {baseline}"]
    return title if findings.several_baselines else " ".join(title)


def _axis(findings: Findings) -> tuple[alt.Axis, alt.Scale]:
    """The axis, symmetrically logarithmic where a few differences are far larger than the usual size."""
    symlog = find_outliers(findings.pairs["difference"])
    if symlog is None:
        return alt.Axis(tickCount=8), alt.Scale()
    differences = findings.pairs["difference"].drop_nulls().to_list()
    low, high = min(differences), max(differences)
    ticks = [tick for tick in signed_powers(symlog, max(-low, high)) if low <= tick <= high or tick == 0]
    # Linear up to the usual size of a difference, logarithmic beyond it: zero and both signs have a place.
    scale = alt.Scale(type="symlog", constant=symlog, nice=False, padding=10)
    return alt.Axis(values=ticks, format="~g"), scale


def _seeds(findings: Findings, y: alt.Y) -> alt.Chart:
    rows = findings.pairs.drop_nulls("difference").select("arm", "seed", "difference")
    axis, scale = _axis(findings)
    x = alt.X("difference:Q", title=_title(findings), axis=axis, scale=scale)
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("seed:N"), *number_tips(f"+,.{decimals(findings)}f", "difference")]
    dots = alt.Chart(rows).mark_circle(size=38, opacity=0.45, yOffset=-9)
    return dots.encode(x=x, y=y, color=arm_colour(findings), tooltip=tips)


def _means(findings: Findings, means: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """Bars and dots; baselines are named where there are several."""
    against = ["baseline"] if findings.several_baselines else []
    numbers = ("difference", "verdict", "diverged", "n", "low", "high", "start", "end")
    tips = [
        alt.Tooltip("arm:N"),
        *(alt.Tooltip(f"{name}:N", title="against") for name in against),
        *number_tips(f"+,.{decimals(findings)}f", "difference", "low", "high"),
        alt.Tooltip("n:Q", title="pairs"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("diverged:Q"),
    ]
    base = alt.Chart(means.select("arm", *against, *numbers)).encode(y=y, color=arm_colour(findings))
    mean, low = (alt.X(f"{name}:Q", title=_title(findings)) for name in ("difference", "start"))
    return interval_marks(base, mean, low, "end", tips)
