"""Colours and chart style: readable on light and dark paper, and for colour-blind eyes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from unroll.study.groups import Group

BASELINE_COLOUR = "#8a8a8a"
ARM_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa4499", "#ccaa22", "#44aacc", "#cc7744")
"""After the palette "bright" of Paul Tol (2021), with yellow, cyan and purple moved to hold on white and on black."""
DASHES: tuple[list[int], ...] = (
    *([1, 0], [6, 3], [2, 2], [8, 3, 2, 3]),
    *([14, 4], [2, 6], [8, 3, 2, 3, 2, 3], [14, 3, 6, 3]),
)
"""Line patterns: every group of arms has its own, and the next ones are taken when the colours begin again."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK = "currentColor"
"""Charts are SVG: their text and rules take the colour of the text around them, light or dark."""
LABEL_LIMIT = 340
"""Pixels from which a name beside an axis or in a legend is cut: arms of two factors differ at their ends."""


def colour_arms(groups: Sequence[Group]) -> dict[str, str]:
    """A colour for every arm: grey for baselines, then in turn; arms with one name within their groups share one."""
    numbers = _number(groups)
    return {
        arm: BASELINE_COLOUR if arm == group.baseline else ARM_COLOURS[numbers[kind] % len(ARM_COLOURS)]
        for group in groups
        for arm, kind in group.labels.items()
    }


def dash_arms(groups: Sequence[Group]) -> dict[str, list[int]]:
    """A line pattern for every arm: that of its group until the colours begin again."""
    rounds = {kind: number // len(ARM_COLOURS) for kind, number in _number(groups).items()}
    return {
        arm: DASHES[(place + len(groups) * (0 if arm == group.baseline else rounds[kind])) % len(DASHES)]
        for place, group in enumerate(groups)
        for arm, kind in group.labels.items()
    }


def _number(groups: Sequence[Group]) -> dict[str, int]:
    """Names within groups, without those of baselines, in the order in which they first appear."""
    others = (kind for group in groups for arm, kind in group.labels.items() if arm != group.baseline)
    return {kind: number for number, kind in enumerate(dict.fromkeys(others))}


def is_unmistakable(groups: Sequence[Group]) -> bool:
    """Whether no colour and no line pattern has begun again, so that each of them means one thing."""
    return len(_number(groups)) <= len(ARM_COLOURS) and len(groups) <= len(DASHES)


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
        "labelLimit": LABEL_LIMIT,
        "titleLimit": 620,
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
