"""The answer drawn: every arm's difference to its baseline, seed by seed and in the mean."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import arm_axis, arm_colour, empty_rows, plain_arm
from unroll.report.charts.axis_range import cut_intervals, find_outliers, signed_powers
from unroll.report.charts.theme import INK
from unroll.report.findings import Findings
from unroll.report.numbers import plain
from unroll.report.wording import decimals, describe_baseline

ROW = 46
"""Pixels per arm."""


def layer_differences(findings: Findings) -> alt.LayerChart:
    """One row per arm that is no baseline: a dot per seed, mean and interval, and zero."""
    y = arm_axis(findings.differences["arm"].to_list())
    x_title = _title(findings, outliers=find_outliers(findings.pairs["difference"]) is not None)
    number = f"+,.{decimals(findings)}f"
    layers = [_zero(), *_seeds(findings, y, x_title, number), *_means(findings, y, x_title, number)]
    return alt.layer(*layers, *_empty(findings, y)).properties(height=ROW * len(findings.differences))


def _title(findings: Findings, *, outliers: bool) -> str | list[str]:
    """Where better lies and what a difference is to; in two lines where that takes more than a name."""
    arrow = "← better" if findings.direction == "minimize" else "better →"
    baseline = plain(describe_baseline(findings.plan)) + (" (logarithmic to both sides)" if outliers else "")
    if findings.several_baselines:
        return [plain(f"{arrow} · difference in {findings.metric}"), f"to {baseline}"]
    return plain(f"{arrow} · difference in {findings.metric} to {baseline}")


def _empty(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    rows = findings.differences.filter(pl.col("n") == 0).select(plain_arm(), words=pl.lit("no completed pair"))
    return [] if rows.is_empty() else [empty_rows(rows, y)]


def _scale(findings: Findings) -> alt.Scale:
    usual = find_outliers(findings.pairs["difference"])
    return alt.Scale() if usual is None else alt.Scale(type="symlog", constant=usual, nice=False, padding=10)


def _axis(findings: Findings) -> alt.Axis:
    differences = findings.pairs["difference"].drop_nulls()
    usual = find_outliers(differences)
    if usual is None:
        return alt.Axis(tickCount=8)
    low, high = float(differences.min()), float(differences.max())  # type: ignore[arg-type]
    ticks = [tick for tick in signed_powers(usual, max(-low, high)) if low <= tick <= high or tick == 0]
    return alt.Axis(values=ticks, format="~g")


def _zero() -> alt.Chart:
    return alt.Chart(pl.DataFrame({"zero": [0]})).mark_rule(color=INK, opacity=0.55).encode(x="zero:Q")


def _seeds(findings: Findings, y: alt.Y, title: str | list[str], number: str) -> list[alt.Chart]:
    rows = findings.pairs.drop_nulls("difference").select(plain_arm(), "seed", "difference")
    x = alt.X("difference:Q", title=title, axis=_axis(findings), scale=_scale(findings))
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("seed:N"), alt.Tooltip("difference:Q", format=number)]
    dots = alt.Chart(rows).mark_circle(size=38, opacity=0.45, yOffset=-9)
    return [dots.encode(x=x, y=y, color=arm_colour(findings), tooltip=tips)]


def _means(findings: Findings, y: alt.Y, title: str | list[str], number: str) -> list[alt.Chart]:
    base = alt.Chart(_mean_rows(findings)).encode(y=y, color=arm_colour(findings))
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=5).encode(
        x=alt.X("start:Q", title=title), x2="end:Q"
    )
    x, tips = alt.X("difference:Q", title=title), _mean_tips(findings, number)
    return [bar, base.mark_circle(size=130, opacity=1, yOffset=5).encode(x=x, tooltip=tips)]


def _mean_rows(findings: Findings) -> pl.DataFrame:
    """What bars and dots are drawn from; baselines are named where there are several."""
    against = [pl.col("baseline").map_elements(plain, return_dtype=pl.String)] if findings.several_baselines else []
    numbers = ("difference", "verdict", "diverged", "n")
    return interval_rows(findings).select(plain_arm(), *against, *numbers, "low", "high", "start", "end")


def interval_rows(findings: Findings) -> pl.DataFrame:
    """The differences with their intervals, cut where they would take the axis from the pairs."""
    values = [*findings.pairs["difference"].drop_nulls(), 0.0]
    return cut_intervals(findings.differences.drop_nulls("difference"), values, signed=True)


def _mean_tips(findings: Findings, number: str) -> list[alt.Tooltip]:
    against = [alt.Tooltip("baseline:N", title="against")] if findings.several_baselines else []
    numbers = [alt.Tooltip(f"{name}:Q", format=number) for name in ("difference", "low", "high")]
    pairs = alt.Tooltip("n:Q", title="pairs")
    return [alt.Tooltip("arm:N"), *against, *numbers, pairs, alt.Tooltip("verdict:N"), alt.Tooltip("diverged:Q")]
