"""Learning curves: mean over seeds with a band, and what they are measured by."""

from __future__ import annotations

import altair as alt
import polars as pl

from unroll.report.charts.arm_encoding import plain_arm
from unroll.report.charts.axis_range import cut_intervals, find_ceiling, is_wide, lie_near
from unroll.report.charts.reference_lines import draw_across
from unroll.report.charts.theme import LABEL_LIMIT, colour_arms, dash_arms
from unroll.report.findings import Findings
from unroll.report.numbers import choose_decimals, plain
from unroll.report.wording import CHANCE, REFERENCES, Reference

DOTS_UP_TO = 40
"""Steps per arm up to which each has a visible dot."""

LEGEND_WIDTH, SYMBOL, LETTER = 720, 45, 7
"""Pixels: of a line of the legend, of an entry's line and margins, of a letter."""


def drawn_references(findings: Findings, curves: pl.DataFrame, metric: str) -> list[Reference]:
    """What curves are measured by: the best possible, which they approach, and chance if they begin near it."""
    shown = _shown(curves)
    near = lie_near(CHANCE.values(findings, metric), shown, logarithmic=is_wide(shown))
    return [kind for kind in REFERENCES if kind is not CHANCE or near]


def _shown(curves: pl.DataFrame) -> list[float]:
    ceiling = find_ceiling(curves["mean"])
    return [mean for mean in curves["mean"] if ceiling is None or mean <= ceiling]


def layer_curves(findings: Findings, curves: pl.DataFrame, *, metric: str, height: int = 360) -> alt.LayerChart:
    """Curves of one metric, as ``learning_curves`` gives them."""
    references = drawn_references(findings, curves, metric)
    measures = [value for kind in references for value in kind.values(findings, metric)]
    ceiling, shown = find_ceiling(curves["mean"]), _shown(curves)
    logarithmic = is_wide([*shown, *measures])
    rows = _rows(curves, shown, logarithmic=logarithmic)
    kind = {"type": "log"} if logarithmic else {"type": "linear", "zero": False}
    end = {} if ceiling is None else {"domainMax": ceiling}
    scale = alt.Scale(**kind, **end, nice=False, padding=10)
    y = alt.Y("mean:Q", title=plain(metric) + (" (log scale)" if logarithmic else ""), scale=scale)
    places = choose_decimals(rows["mean"], rows["high"] - rows["mean"])
    axis = alt.Axis(grid=False, tickCount=8, format="~s" if rows["step"].to_list()[-1] >= 10_000 else ",d")
    x = alt.X("step:Q", title="step", axis=axis)
    arms = draw_arms(findings, rows, x=x, y=y, tips=_tips(f",.{places}f"), clip=ceiling is not None)
    layers = [*arms, *(line for kind in references for line in draw_across(findings, kind, metric, places))]
    return alt.layer(*layers).properties(height=height)


def _rows(curves: pl.DataFrame, shown: list[float], *, logarithmic: bool) -> pl.DataFrame:
    """Curves whose bands stay drawable."""
    rows = cut_intervals(curves.with_columns(plain_arm()), shown, logarithmic=logarithmic)
    return rows.with_columns(pl.col("mean", "low", "high", "start", "end").round_sig_figs(6))


def draw_arms(
    findings: Findings, rows: pl.DataFrame, *, x: alt.X, y: alt.Y, tips: list[alt.Tooltip], clip: bool = False
) -> list[alt.Chart]:
    """A line per arm with its band from ``start`` to ``end``; the legend singles an arm out.

    Args:
        findings: of the study.
        rows: one for each arm and place on the axis.
        x: the axis.
        y: of the mean.
        tips: what a dot tells.
        clip: some values lie beyond the axis.
    """
    names = [plain(name) for name in findings.names]
    colours, dashes = colour_arms(findings.groups), dash_arms(findings.groups)
    chosen = alt.selection_point(name="chosen_arm", fields=["arm"], bind="legend")
    legend = alt.Legend(columns=_columns(names))
    colour = alt.Color("arm:N", sort=names, scale=alt.Scale(domain=names, range=list(colours.values())), legend=legend)
    dash = alt.StrokeDash(
        "arm:N", sort=names, scale=alt.Scale(domain=names, range=list(dashes.values())), legend=legend
    )
    base = alt.Chart(rows).encode(x=x, color=colour)
    band = base.mark_area(clip=clip).encode(y=alt.Y("start:Q"), y2="end:Q")
    line = base.mark_line(strokeWidth=2.2, clip=clip).encode(y=y, strokeDash=dash, opacity=_strength(chosen, 1, 0.15))
    several = any(len(curve) > DOTS_UP_TO for curve in rows.partition_by("arm"))
    dots = base.mark_circle(size=46, clip=clip).encode(
        y=y, opacity=_strength(chosen, 0 if several else 1, 0), tooltip=tips
    )
    return [
        band.encode(opacity=_strength(chosen, 0.16, 0.02)).properties(name="band"),
        line.add_params(chosen).properties(name="mean"),
        dots.properties(name="dots"),
    ]


def _columns(names: list[str]) -> int:
    """Entries of the legend in one line: each is as wide as the longest."""
    label = min(LABEL_LIMIT, LETTER * max(map(len, names)))
    return max(1, min(len(names), LEGEND_WIDTH // (SYMBOL + label)))


def _strength(chosen: alt.Parameter, on: float, off: float) -> alt.ConditionalValue:
    return alt.when(chosen).then(alt.value(on)).otherwise(alt.value(off))


def _tips(number: str) -> list[alt.Tooltip]:
    bounds = [alt.Tooltip(f"{name}:Q", format=number) for name in ("mean", "low", "high")]
    return [alt.Tooltip("arm:N"), alt.Tooltip("step:Q", format=","), *bounds, alt.Tooltip("n:Q", title="seeds")]
