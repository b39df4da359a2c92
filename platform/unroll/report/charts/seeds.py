"""Every trial's final value: one dot per seed, lines that show the pairing."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import arm_axis, arm_colour, empty_rows, plain_arm
from unroll.report.charts.axis_range import cut_intervals, is_wide, lie_near
from unroll.report.charts.reference_lines import draw_upright
from unroll.report.charts.theme import INK
from unroll.report.findings import Findings
from unroll.report.numbers import plain
from unroll.report.wording import CHANCE, FLOOR, REFERENCES, Reference, decimals

ROW = 62
"""Pixels per arm."""
OUTLYING_RATIO = 10.0
"""Ratio of the largest to the smallest value from which the axis is logarithmic."""


def is_near(findings: Findings, kind: Reference) -> bool:
    """Whether such lines can be drawn without pressing the dots together."""
    lines = kind.values(findings, findings.metric)
    return lie_near(lines, findings.values["value"].to_list(), logarithmic=is_logarithmic(findings))


def is_logarithmic(findings: Findings) -> bool:
    """Whether some values lie so far above the others that these would be pressed together."""
    return is_wide(findings.values["value"].to_list(), OUTLYING_RATIO)


def mean_rows(findings: Findings) -> pl.DataFrame:
    """What bars are drawn from: the arms' means with their intervals, cut where they would take the axis."""
    rows = findings.summary.drop_nulls("mean").select("arm", "mean", "low", "high")
    return cut_intervals(rows, findings.values["value"].to_list(), logarithmic=is_logarithmic(findings))


def layer_seeds(findings: Findings) -> alt.LayerChart:
    """One row per arm, baselines before those that are compared with them."""
    y = arm_axis(findings.names)
    layers: list[alt.Chart | alt.LayerChart] = [_joins(findings, y), *_dots(findings, y), *_means(findings, y)]
    layers += _lines(findings)
    return alt.layer(*layers, *_empty(findings, y)).properties(height=ROW * len(findings.names))


def _lines(findings: Findings) -> list[alt.LayerChart]:
    """What lies near enough; labels stand on the dots' side of the best possible, and of chance."""
    best_side = "right" if findings.direction == "minimize" else "left"
    sides = {FLOOR: best_side, CHANCE: "left" if best_side == "right" else "right"}
    return [
        line
        for kind in REFERENCES
        if is_near(findings, kind)
        for line in draw_upright(findings, kind, decimals(findings), label=sides[kind])
    ]


def _empty(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    """Say of an arm without a value how many of its trials diverged."""
    ends = findings.summary.filter(pl.col("n") == 0)
    diverged = pl.format("no final value: {} of {} trials diverged", "diverged", "planned")
    words = pl.when(pl.col("diverged") > 0).then(diverged).otherwise(pl.lit("no final value")).alias("words")
    return [] if ends.is_empty() else [empty_rows(ends.select(plain_arm(), words), y)]


def _rows(findings: Findings) -> pl.DataFrame:
    rank = pl.col("arm").replace_strict(findings.names, range(len(findings.names)), return_dtype=pl.Int64)
    return findings.values.select(plain_arm(), "seed", "value", *_group(findings), rank=rank)


def _group(findings: Findings) -> list[pl.Expr]:
    """The baseline of each row, where lines must not join what is not compared."""
    if not findings.several_baselines:
        return []
    return [pl.col("arm").replace_strict(findings.baselines, return_dtype=pl.String).alias("baseline")]


def _x(column: str, findings: Findings) -> alt.X:
    logarithmic = is_logarithmic(findings)
    scale = alt.Scale(type="log", nice=False, padding=10) if logarithmic else alt.Scale(zero=False)
    title = plain(findings.metric) + (" (log scale)" if logarithmic else "")
    return alt.X(f"{column}:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8))


def _joins(findings: Findings, y: alt.Y) -> alt.Chart:
    lines = alt.Chart(_rows(findings)).mark_line(color=INK, strokeWidth=1, opacity=0.22, yOffset=-8)
    detail = ["seed:N", "baseline:N"] if findings.several_baselines else "seed:N"
    return lines.encode(x=_x("value", findings), y=y, detail=detail, order="rank:Q")


def _dots(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    number = f",.{decimals(findings)}f"
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("seed:N"), alt.Tooltip("value:Q", format=number)]
    dots = alt.Chart(_rows(findings)).mark_circle(size=70, opacity=0.75, yOffset=-8)
    return [dots.encode(x=_x("value", findings), y=y, color=arm_colour(findings), tooltip=tips)]


def _means(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    base = alt.Chart(mean_rows(findings).with_columns(plain_arm())).encode(y=y, color=arm_colour(findings))
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=14).encode(x=_x("start", findings), x2="end:Q")
    return [bar, base.mark_circle(size=90, opacity=1, yOffset=14).encode(x=_x("mean", findings))]
