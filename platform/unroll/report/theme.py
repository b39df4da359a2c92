"""Colours and chart style: readable on light and dark paper, and for colour-blind eyes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BASELINE_COLOUR = "#8a8a8a"
ARM_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa4499", "#ccaa22", "#44aacc", "#cc7744")
"""After the palette "bright" of Paul Tol (2021), with yellow, cyan and purple moved to hold on white and on black."""
DASHES: tuple[list[int], ...] = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Line patterns: the next one is taken when the colours begin again."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK = "currentColor"
"""Charts are SVG: their text and rules take the colour of the text around them, light or dark."""
LABEL_LIMIT = 200
"""Pixels from which a name in a legend is cut."""


def colour_arms(names: Sequence[str], baseline: str) -> dict[str, str]:
    """A colour for every arm: grey for the baseline, then in turn."""
    others = [name for name in names if name != baseline]
    colours = {name: ARM_COLOURS[i % len(ARM_COLOURS)] for i, name in enumerate(others)}
    return {name: colours.get(name, BASELINE_COLOUR) for name in names}


def dash_arms(names: Sequence[str], baseline: str) -> dict[str, list[int]]:
    """A line pattern for every arm: plain until the colours begin again."""
    others = [name for name in names if name != baseline]
    dashes = {name: DASHES[(i // len(ARM_COLOURS)) % len(DASHES)] for i, name in enumerate(others)}
    return {name: dashes.get(name, DASHES[0]) for name in names}


CHART_CONFIG: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "domainOpacity": 0.35,
        "tickOpacity": 0.35,
        "gridOpacity": 0.12,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelOpacity": 0.8,
        "titleOpacity": 0.8,
        "labelLimit": 220,
        "titleLimit": 420,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "labelLimit": LABEL_LIMIT,
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolSize": 260,
        "symbolOpacity": 1,
    },
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": INK},
}
