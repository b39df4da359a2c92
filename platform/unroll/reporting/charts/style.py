"""How every chart looks: colours of arms, axes, and marks that several charts share.

Colours are readable on light and dark paper and for colour-blind eyes. Rows enter a page under plain field names (a dot
or slash in a field name means a path to Vega), already averaged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import altair as alt
import polars as pl

from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.study.groups import Group

BASELINE_COLOUR = "#8a8a8a"
ARM_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa4499", "#ccaa22", "#44aacc", "#cc7744")
"""After the palette "bright" of Paul Tol (2021), with yellow, cyan and purple moved to hold on white and on black."""
DASHES: tuple[list[int], ...] = (
    *([1, 0], [6, 3], [2, 2], [8, 3, 2, 3]),
    *([14, 4], [2, 6], [8, 3, 2, 3, 2, 3], [14, 3, 6, 3]),
)
"""Line patterns: every group of arms has its own, and the next ones are taken when the colours begin again."""
FEW_ROWS, LEAST_ROW = 16, 26
"""Rows up to which a chart gives each its whole height, and pixels that it gives at least."""
INK = "currentColor"
"""Charts are SVG: their text and rules take the colour of the text around them, light or dark."""
CONFIG: dict[str, Any] = json.loads(files("unroll.reporting").joinpath("templates", "chart.json").read_text("utf-8"))
"""Fonts, inks and sizes of all charts, as Vega-Lite has them."""
LABEL_LIMIT: int = CONFIG["legend"]["labelLimit"]
"""Pixels from which a name beside an axis or in a legend is cut: arms of two factors differ at their ends."""


def colour_arms(groups: Sequence[Group]) -> dict[str, str]:
    """A colour for every arm: grey for baselines, then in turn; arms with one name within their groups share one."""
    numbers = _number(groups)
    return {
        arm: BASELINE_COLOUR if arm == group.baseline else ARM_COLOURS[numbers[label] % len(ARM_COLOURS)]
        for group in groups
        for arm, label in group.labels.items()
    }


def dash_arms(groups: Sequence[Group]) -> dict[str, list[int]]:
    """A line pattern for every arm: that of its group until the colours begin again."""
    # Arms share a colour when the palette begins again: then the line pattern separates them.
    rounds = {label: number // len(ARM_COLOURS) for label, number in _number(groups).items()}
    return {
        arm: DASHES[(place + len(groups) * (0 if arm == group.baseline else rounds[label])) % len(DASHES)]
        for place, group in enumerate(groups)
        for arm, label in group.labels.items()
    }


def _number(groups: Sequence[Group]) -> dict[str, int]:
    """Names within groups, without those of baselines, in the order in which they first appear."""
    others = (label for group in groups for arm, label in group.labels.items() if arm != group.baseline)
    return {label: number for number, label in enumerate(dict.fromkeys(others))}


def is_unambiguous(groups: Sequence[Group]) -> bool:
    """Whether no colour and no line pattern repeats, so that each of them means one thing."""
    return len(_number(groups)) <= len(ARM_COLOURS) and len(groups) <= len(DASHES)


def make_chart(name: str, caption: str, layers: Sequence[alt.Chart | alt.LayerChart], *, height: int) -> Chart:
    """Layers as wide as the page, ``height`` pixels high.

    Every view and parameter has a name of its own, so that the same findings give the same bytes.
    """
    # Names beside the axis take their room from the plot: a chart is never wider than the page.
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    drawn = alt.layer(*layers).properties(height=height, width="container", autosize=fit)
    with alt.data_transformers.enable("default", max_rows=None):  # Altair refuses 5,000 rows; what is drawn bounds them
        return Chart(name, caption, {**drawn.to_dict(), "config": CONFIG})


def row_height(pixels: int, rows: int) -> int:
    """Height of a row of a chart: of many rows less, so that a chart of them can be looked over."""
    return pixels if rows <= FEW_ROWS else max(LEAST_ROW, pixels // 2)


def arm_axis(names: Sequence[str]) -> alt.Y:
    """Arms in rows, in this order, each with its place even where it has nothing to draw."""
    axis = alt.Axis(ticks=False, domain=False, labelFontSize=13)
    # The domain names every arm: Vega would leave out a row without data, and sort the others.
    return alt.Y("arm:N", sort=list(names), title=None, scale=alt.Scale(domain=list(names)), axis=axis)


def arm_colour(findings: Findings) -> alt.Color:
    """The arm's colour, without a legend: for charts that name their rows."""
    colours = colour_arms(findings.groups)
    return alt.Color("arm:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)


def number_tips(number: str, *names: str) -> list[alt.Tooltip]:
    """Tooltips of numbers in one format."""
    return [alt.Tooltip(f"{name}:Q", format=number) for name in names]


def interval_marks(
    base: alt.Chart, x: alt.X, low: alt.X, high: str, tips: list[alt.Tooltip], *, offset: int = 5, size: int = 130
) -> list[alt.Chart]:
    """A bar from ``low`` to ``high`` with a dot at ``x``, ``offset`` pixels below the middle of an arm's row."""
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", yOffset=offset).encode(x=low, x2=f"{high}:Q")
    dot = base.mark_circle(size=size, opacity=1, yOffset=offset).encode(x=x, tooltip=tips)
    return [bar, dot]


def explain_empty(rows: pl.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """The reason why an arm has nothing to draw, in its row: ``arm`` and ``words``."""
    if rows.is_empty():
        return []
    middle = alt.ExprRef("width / 2")
    text = alt.Chart(rows).mark_text(x=middle, color=INK, opacity=0.65, fontStyle="italic")
    return [text.encode(y=y, text="words:N")]
