"""Every trial's final value: one dot per seed, lines that show the pairing."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.answer import decimals
from unroll.report.arm_encoding import arm_axis, arm_colour, empty_rows, plain_arm
from unroll.report.findings import Findings
from unroll.report.numbers import fixed, plain
from unroll.report.theme import INK

ROW = 62
"""Pixels per arm."""
NEAR = 3.0
"""The floor is drawn while it lies within so many ranges of the values."""


def floor_is_near(findings: Findings) -> bool:
    """Whether the floor can be drawn without pressing the dots together."""
    values = findings.values["value"]
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    return all(
        min(abs(floor - low), abs(floor - high)) <= NEAR * (high - low) for floor in findings.floors(findings.metric)
    )


def layer_seeds(findings: Findings) -> alt.LayerChart:
    """One row per arm, baseline first."""
    y = arm_axis(findings.names)
    layers: list[alt.Chart | alt.LayerChart] = [_joins(findings, y), *_dots(findings, y), *_means(findings, y)]
    floors = findings.floors(findings.metric) if floor_is_near(findings) else []
    layers += [_floor(floor, decimals(findings)) for floor in floors]
    return alt.layer(*layers, *_empty(findings, y)).properties(height=ROW * len(findings.names))


def _empty(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    """Say of an arm without a value how many of its trials diverged."""
    ends = findings.summary.filter(pl.col("n") == 0)
    diverged = pl.format("no final value: {} of {} trials diverged", "diverged", "planned")
    words = pl.when(pl.col("diverged") > 0).then(diverged).otherwise(pl.lit("no final value")).alias("words")
    return [] if ends.is_empty() else [empty_rows(ends.select(plain_arm(), words), y)]


def _rows(findings: Findings) -> pl.DataFrame:
    rank = pl.col("arm").replace_strict(findings.names, range(len(findings.names)), return_dtype=pl.Int64)
    return findings.values.select(plain_arm(), "seed", "value", rank=rank)


def _x(column: str, findings: Findings) -> alt.X:
    return alt.X(f"{column}:Q", title=plain(findings.metric), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=8))


def _joins(findings: Findings, y: alt.Y) -> alt.Chart:
    lines = alt.Chart(_rows(findings)).mark_line(color=INK, strokeWidth=1, opacity=0.22, yOffset=-8)
    return lines.encode(x=_x("value", findings), y=y, detail="seed:N", order="rank:Q")


def _dots(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    number = f",.{decimals(findings)}f"
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("seed:N"), alt.Tooltip("value:Q", format=number)]
    dots = alt.Chart(_rows(findings)).mark_circle(size=70, opacity=0.75, yOffset=-8)
    return [dots.encode(x=_x("value", findings), y=y, color=arm_colour(findings), tooltip=tips)]


def _means(findings: Findings, y: alt.Y) -> list[alt.Chart]:
    rows = findings.summary.drop_nulls("mean").select(plain_arm(), "mean", "low", "high")
    base = alt.Chart(rows).encode(y=y, color=arm_colour(findings))
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=14).encode(x=_x("low", findings), x2="high:Q")
    return [bar, base.mark_circle(size=90, opacity=1, yOffset=14).encode(x=_x("mean", findings))]


def _floor(floor: float, places: int) -> alt.LayerChart:
    base = alt.Chart(pl.DataFrame({"floor": [floor], "label": [f"true distribution {fixed(floor, places)}"]}))
    rule = base.mark_rule(strokeDash=[5, 4], color=INK, opacity=0.7).encode(x="floor:Q")
    label = base.mark_text(align="left", baseline="top", dx=5, dy=2, color=INK, opacity=0.8)
    return alt.layer(rule, label.encode(x="floor:Q", y=alt.value(0), text="label:N"))
