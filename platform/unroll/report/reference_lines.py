"""What the arms' values are measured by: the best that is possible, and what ignorance reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import altair as alt
import polars as pl

from unroll.report.findings import Findings
from unroll.report.numbers import fixed, listed
from unroll.report.theme import INK


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A kind of line.

    Args:
        field: name of its values in a chart.
        label: what stands at the line, before its value.
        meaning: what the value is, for captions.
        pattern: "dashed" or "dotted", for captions.
        dash: the same for the chart.
    """

    field: str
    label: str
    meaning: str
    pattern: str
    dash: tuple[int, int]

    def values(self, findings: Findings, metric: str) -> list[float]:
        """Its values on the arms' data: usually one, as arms share their data."""
        return findings.floors(metric) if self is FLOOR else findings.chances(metric)

    def drawn(self) -> str:
        """A sentence of a caption."""
        return f" The {self.pattern} line is {self.meaning}."

    def left_out(self, values: list[float], places: int) -> str:
        """A sentence of a caption that cannot point at the line."""
        numbers = listed(fixed(value, places) for value in values)
        return f" {self.meaning[0].upper()}{self.meaning[1:]}, {numbers}, lies outside the drawn range."


FLOOR = Reference(
    field="floor",
    label="true distribution",
    meaning="what the true distribution reaches",
    pattern="dashed",
    dash=(5, 4),
)
CHANCE = Reference(
    field="chance", label="chance", meaning="what one reaches who ignores the input", pattern="dotted", dash=(2, 4)
)
REFERENCES = (FLOOR, CHANCE)


def draw_across(kind: Reference, value: float, places: int) -> alt.LayerChart:
    """A horizontal line under curves.

    The best possible is labelled at the start, where curves are far above it; chance, where most begin, at the end.
    """
    at_start: dict[str, Any] = {"align": "left", "dx": 6}
    at_end: dict[str, Any] = {"align": "right", "dx": -6}
    rule, base = _rule(kind, value, places)
    y = alt.Y(f"{kind.field}:Q")
    words = base.mark_text(baseline="bottom", dy=-4, color=INK, opacity=0.8, **(at_start if kind is FLOOR else at_end))
    x = alt.value(0) if kind is FLOOR else alt.value("width")
    return alt.layer(rule.encode(y=y), words.encode(y=y, x=x, text="label:N"))


def draw_upright(kind: Reference, value: float, places: int, *, label: str) -> alt.LayerChart:
    """A vertical line among dots, its label to the ``left`` or ``right`` of it."""
    side: dict[str, Any] = {"align": "left", "dx": 5} if label == "right" else {"align": "right", "dx": -5}
    rule, base = _rule(kind, value, places)
    x = alt.X(f"{kind.field}:Q")
    words = base.mark_text(baseline="top", dy=2, color=INK, opacity=0.8, **side)
    return alt.layer(rule.encode(x=x), words.encode(x=x, y=alt.value(0), text="label:N"))


def _rule(kind: Reference, value: float, places: int) -> tuple[alt.Chart, alt.Chart]:
    base = alt.Chart(pl.DataFrame({kind.field: [value], "label": [f"{kind.label} {fixed(value, places)}"]}))
    return base.mark_rule(strokeDash=list(kind.dash), color=INK, opacity=0.8, strokeWidth=1.3), base
