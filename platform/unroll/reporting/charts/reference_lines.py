"""Lines that values are measured by (``wording.REFERENCES``), and the sentences of captions about them."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from unroll.reporting.charts.style import INK
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed
from unroll.reporting.wording import FLOOR, REFERENCES, Reference, metric_decimals

BELOW, BESIDE, ABREAST = 15, 220, 3
"""Pixels from one label to the next, below and beside it, and how many stand beside each other."""


def describe_lines(findings: Findings, metric: str, drawn: Sequence[Reference]) -> str:
    """What the lines of a chart are, and the values of those that it has no room for, as the end of a caption."""
    known = [(kind, values) for kind in REFERENCES if (values := kind.values(findings, metric))]
    return "".join(
        kind.drawn(values) if kind in drawn else kind.left_out(values, metric_decimals(findings, metric))
        for kind, values in known
    )


def draw_across(findings: Findings, kind: Reference, metric: str, places: int) -> list[alt.LayerChart]:
    """Horizontal lines under curves.

    The best possible is labelled at the start, where curves are far above it; chance, where most begin, at the end.
    Labels of several lines, which may lie close, stand beside each other.
    """
    side, x = ("left", alt.value(0)) if kind is FLOOR else ("right", alt.value("width"))
    lines = []
    for number, value in enumerate(kind.values(findings, metric)):
        base, y = _base(findings, kind, metric, value, places), alt.Y(f"{kind.field}:Q")
        beside = 6 + BESIDE * (number % ABREAST)
        label = base.mark_text(
            align=side, dx=beside if side == "left" else -beside, baseline="bottom", dy=-4, color=INK, opacity=0.8
        )
        lines.append(alt.layer(_rule(base, kind).encode(y=y), label.encode(y=y, x=x, text="label:N")))
    return lines


def draw_upright(findings: Findings, kind: Reference, places: int, *, label: str) -> list[alt.LayerChart]:
    """Vertical lines among dots, their labels to the ``left`` or ``right`` of them, one below the other."""
    align, dx = ("left", 5) if label == "right" else ("right", -5)
    lines = []
    for number, value in enumerate(kind.values(findings, findings.metric)):
        base, x = _base(findings, kind, findings.metric, value, places), alt.X(f"{kind.field}:Q")
        text = base.mark_text(align=align, dx=dx, baseline="top", dy=2 + BELOW * number, color=INK, opacity=0.8)
        lines.append(alt.layer(_rule(base, kind).encode(x=x), text.encode(x=x, y=alt.value(0), text="label:N")))
    return lines


def _base(findings: Findings, kind: Reference, metric: str, value: float, places: int) -> alt.Chart:
    label = f"{kind.label} {fixed(value, places)}{kind.groups(findings, metric, value)}"
    return alt.Chart(pl.DataFrame({kind.field: [value], "label": [label]}))


def _rule(base: alt.Chart, kind: Reference) -> alt.Chart:
    return base.mark_rule(strokeDash=list(kind.dash), color=INK, opacity=0.8, strokeWidth=1.3)
