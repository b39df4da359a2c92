"""A metric where right words are read beside the same where a model reads its own: the gap is exposure bias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import altair as alt
import polars as pl

from unroll.reporting.charts.axis_range import cut_intervals
from unroll.reporting.charts.curves import draw_arms, round_bands
from unroll.reporting.charts.lines import Lines
from unroll.reporting.charts.style import colour_arms, dash_arms, make_chart
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals
from unroll.reporting.wording import goal

HEIGHT = 300
MOST_PAIRS, MOST_GROUPS = 2, 4
"""Metrics, and groups of arms, that are drawn; all are in the tables."""


def draw_free_running_curves(findings: Findings) -> Iterator[Chart]:
    """The first pairs of metrics along training."""
    yield from _charts(findings, findings.free_running_curves, "step", "along training")


def draw_free_running_by_distance(findings: Findings) -> Iterator[Chart]:
    """The first pairs of metrics against distance, as they were last logged."""
    yield from _charts(findings, findings.free_running_by_distance, "distance", "against distance, as last logged")


def _charts(findings: Findings, pairs: Mapping[str, pl.DataFrame], along: str, how: str) -> Iterator[Chart]:
    # Patterns tell the two forms apart, and colours the arms of one group alone: several groups share them.
    groups = findings.groups[:MOST_GROUPS]
    lines = Lines(colours=colour_arms(findings.groups), dashes=dash_arms(findings.groups), groups={})
    for number, (right, means) in enumerate(list(pairs.items())[:MOST_PAIRS], 1):
        own = findings.free_running[right]
        for place, group in enumerate(groups, 1):
            rows = means.filter(pl.col("arm").is_in(list(group.labels)))
            if rows.is_empty():
                continue
            bands = round_bands(cut_intervals(rows, rows["mean"]))
            places = choose_decimals(rows["mean"], rows["high"] - rows["mean"])
            y = alt.Y("mean:Q", title=right.rpartition("/")[2], scale=alt.Scale(zero=False, nice=False, padding=10))
            layers = draw_arms(lines, bands, along, y, number=f",.{places}f", names=list(group.labels), kinds="metric")
            caption = (
                f"{right} (whole lines) reads right words, {own} (broken lines) the model's own "
                f"({goal(findings.plan.metrics[right].direction)}), {how}: mean over seeds with its 95 % t band. The "
                f"distance of an arm's two lines is its exposure bias.{f' {group.shared}.' if group.shared else ''}"
            )
            name = f"free_running_{along}_{number}" + (f"_{place}" if len(groups) > 1 else "")
            yield make_chart(name, caption, layers, height=HEIGHT)
