"""The best score that so many draws can be expected to find, arm by arm."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import polars as pl

from unroll.reporting.charts.style import colour_arms, dash_arms, make_chart, number_tips
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals
from unroll.reporting.tuning import chosen, draw_curves
from unroll.reporting.wording import goal

HEIGHT = 300
FEW, TICKS = 12, 8
"""Draws up to which each has a tick, and about as many ticks of more."""
LARGEST_RATIO = 20.0
"""Between values of one sign: beyond it the axis is logarithmic."""


def draw_expected_best(findings: Findings) -> Iterator[Chart]:
    """One line per tuned arm over the number of draws, and a diamond for its own settings at no draw."""
    curves, tuning = draw_curves(findings), findings.plan.tuning
    if tuning is None or tuning.metric is None or not curves or max(map(len, curves.values())) < 2:
        return
    rows = pl.DataFrame(
        [(arm, number, value) for arm, curve in curves.items() for number, value in enumerate(curve, 1)],
        schema={"arm": pl.String, "draws": pl.Int64, "best": pl.Float64},
        orient="row",
    ).with_columns(pl.col("best").round_sig_figs(6))
    own = [(arm, 0, won.candidates[0].value) for arm, won in chosen(findings).items() if arm in curves]
    dots = (
        pl.DataFrame(own, schema=rows.schema, orient="row").drop_nulls().with_columns(pl.col("best").round_sig_figs(6))
    )
    names = [name for name in findings.names if name in curves]
    colours, dashes = colour_arms(findings.groups), dash_arms(findings.groups)
    colour = alt.Color("arm:N", sort=names, scale=alt.Scale(domain=names, range=[colours[name] for name in names]))
    dash = alt.StrokeDash("arm:N", sort=names, scale=alt.Scale(domain=names, range=[dashes[name] for name in names]))
    values = [*rows["best"], *dots["best"]]
    low, high = min(values), max(values)
    scale = alt.Scale(
        type="log" if low > 0 and high > LARGEST_RATIO * low else "linear", zero=False, nice=False, padding=10
    )
    places = choose_decimals(rows["best"], [high - low])
    most = max(map(len, curves.values()))
    ticks = {"values": list(range(most + 1))} if most <= FEW else {"tickCount": TICKS}
    x = alt.X("draws:Q", title="random draws", axis=alt.Axis(grid=False, format=",d", **ticks))
    y = alt.Y("best:Q", title=tuning.metric, scale=scale)
    tips = [alt.Tooltip("arm:N"), alt.Tooltip("draws:Q"), *number_tips(f",.{places}f", "best")]
    line = alt.Chart(rows).mark_line(strokeWidth=2.2).encode(x=x, y=y, color=colour, strokeDash=dash)
    points = alt.Chart(rows).mark_circle(size=30, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    diamonds = alt.Chart(dots).mark_point(shape="diamond", filled=True, size=80, opacity=1)
    caption = (
        f"Expected best {tuning.metric} ({goal(findings.plan.metrics[tuning.metric].direction)}) against the number of "
        "random draws (Dodge et al. 2019), from the draws that were made; diamonds: the study's own settings. A draw "
        "that diverged or was ended early counts as the worst that was not."
    )
    layers = [line, points, diamonds.encode(x=x, y=y, color=colour, tooltip=tips)]
    yield make_chart("expected_best", caption, layers, height=HEIGHT)
