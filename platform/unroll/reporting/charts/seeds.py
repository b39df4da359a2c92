"""Every trial's final value: one dot per seed, lines that show the pairing."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import polars as pl

from unroll.reporting.charts.axis_range import CUT, are_cut, cut_intervals, is_wide, lie_near
from unroll.reporting.charts.reference_lines import describe_lines, draw_upright
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
from unroll.reporting.wording import CHANCE, FLOOR, REFERENCES, decimals

ROW = 62
"""Pixels per arm."""
OUTLYING_RATIO = 10.0
"""Ratio of the largest to the smallest value from which the axis is logarithmic."""


def draw_seeds(findings: Findings) -> Iterator[Chart]:
    """One row per arm, baselines before those that are compared with them; nothing without a final value."""
    if findings.values.is_empty():
        return
    values = findings.values["value"].to_list()
    logarithmic = is_wide(values, OUTLYING_RATIO)
    means = findings.summary.drop_nulls("mean").select("arm", "mean", "low", "high")
    means = cut_intervals(means, values, logarithmic=logarithmic)
    near = [
        kind for kind in REFERENCES if lie_near(kind.values(findings, findings.metric), values, logarithmic=logarithmic)
    ]
    y = arm_axis(findings.names)
    base = alt.Chart(means).encode(y=y, color=arm_colour(findings))
    scale = alt.Scale(type="log", nice=False, padding=10) if logarithmic else alt.Scale(zero=False)
    title = findings.metric + (" (log scale)" if logarithmic else "")

    def x(column: str) -> alt.X:
        return alt.X(f"{column}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8))

    tips = number_tips(f",.{decimals(findings)}f", "mean", "low", "high")
    # A label is on that side of its line on which the dots are.
    best_side, chance_side = ("right", "left") if findings.direction == "minimize" else ("left", "right")
    sides = {FLOOR: best_side, CHANCE: chance_side}
    diverged = pl.format("no final value: {} of {} trials diverged", "diverged", "planned")
    words = pl.when(pl.col("diverged") > 0).then(diverged).otherwise(pl.lit("no final value")).alias("words")
    empty = findings.summary.filter(pl.col("n") == 0).select("arm", words)
    layers = [
        *_trials(findings, y, x("value")),
        *interval_marks(base, x("mean"), x("start"), "end", tips, offset=14, size=90),
        *(line for kind in near for line in draw_upright(findings, kind, decimals(findings), label=sides[kind])),
        *explain_empty(empty, y),
    ]
    missing = findings.planned - len(values)
    caption = (
        f"Final {findings.metric} of every completed trial. A thin line joins the trials of one seed"
        f"{' that are compared' if findings.several_baselines else ''}; the bar below the dots is the mean with its "
        f"95 % interval.{CUT if are_cut(means) else ''}"
        + (f" {count(missing, 'planned trial')} without a finite value: not drawn." if missing else "")
        + describe_lines(findings, findings.metric, near)
    )
    yield make_chart("seeds", caption, layers, height=row_height(ROW, len(findings.names)) * len(findings.names))


def _trials(findings: Findings, y: alt.Y, x: alt.X) -> list[alt.Chart]:
    """Dots, and the lines between those of one seed; lines join nothing that is not compared."""
    several = findings.several_baselines
    baseline = pl.col("arm").replace_strict(findings.baselines, return_dtype=pl.String).alias("baseline")
    rows = findings.values.select("arm", "seed", "value", *([baseline] if several else []), rank=findings.arm_rank)
    joins = alt.Chart(rows).mark_line(color=INK, strokeWidth=1, opacity=0.22, yOffset=-8)
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("seed:N"), *number_tips(f",.{decimals(findings)}f", "value")]
    dots = alt.Chart(rows).mark_circle(size=70, opacity=0.75, yOffset=-8)
    # Joined by seed and in the order of the rows: a line that goes straight down is a seed on which all arms agree.
    return [
        joins.encode(x=x, y=y, detail=["seed:N", "baseline:N"] if several else "seed:N", order="rank:Q"),
        dots.encode(x=x, y=y, color=arm_colour(findings), tooltip=tips),
    ]
