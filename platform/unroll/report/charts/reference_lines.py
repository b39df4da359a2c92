"""What the arms' values are measured by: the best that is possible, and what ignorance reaches."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from unroll.report.charts.theme import INK
from unroll.report.findings import Findings
from unroll.report.numbers import fixed, plain
from unroll.report.wording import FLOOR, Reference

BELOW, BESIDE, ABREAST = 15, 220, 3
"""Pixels from one label to the next, below and beside it, and how many stand beside each other."""


def draw_across(findings: Findings, kind: Reference, metric: str, places: int) -> list[alt.LayerChart]:
    """Horizontal lines under curves.

    The best possible is labelled at the start, where curves are far above it; chance, where most begin, at the end.
    Labels of several lines, which may lie close, stand beside each other.
    """
    return [
        _across(kind, value, _words(findings, kind, metric, value, places), BESIDE * (number % ABREAST))
        for number, value in enumerate(kind.values(findings, metric))
    ]


def draw_upright(findings: Findings, kind: Reference, places: int, *, label: str) -> list[alt.LayerChart]:
    """Vertical lines among dots, their labels to the ``left`` or ``right`` of them, one below the other."""
    metric = findings.metric
    return [
        _upright(kind, value, _words(findings, kind, metric, value, places), label, BELOW * number)
        for number, value in enumerate(kind.values(findings, metric))
    ]


def _words(findings: Findings, kind: Reference, metric: str, value: float, places: int) -> str:
    return plain(f"{kind.label} {fixed(value, places)}{kind.groups(findings, metric, value)}")


def _across(kind: Reference, value: float, words: str, beside: int) -> alt.LayerChart:
    at_start: dict[str, Any] = {"align": "left", "dx": 6 + beside}
    at_end: dict[str, Any] = {"align": "right", "dx": -6 - beside}
    rule, base = _rule(kind, value, words)
    y = alt.Y(f"{kind.field}:Q")
    text = base.mark_text(baseline="bottom", dy=-4, color=INK, opacity=0.8, **(at_start if kind is FLOOR else at_end))
    x = alt.value(0) if kind is FLOOR else alt.value("width")
    return alt.layer(rule.encode(y=y), text.encode(y=y, x=x, text="label:N"))


def _upright(kind: Reference, value: float, words: str, label: str, below: int) -> alt.LayerChart:
    side: dict[str, Any] = {"align": "left", "dx": 5} if label == "right" else {"align": "right", "dx": -5}
    rule, base = _rule(kind, value, words)
    x = alt.X(f"{kind.field}:Q")
    text = base.mark_text(baseline="top", dy=2 + below, color=INK, opacity=0.8, **side)
    return alt.layer(rule.encode(x=x), text.encode(x=x, y=alt.value(0), text="label:N"))


def _rule(kind: Reference, value: float, words: str) -> tuple[alt.Chart, alt.Chart]:
    base = alt.Chart(pl.DataFrame({kind.field: [value], "label": [words]}))
    return base.mark_rule(strokeDash=list(kind.dash), color=INK, opacity=0.8, strokeWidth=1.3), base
