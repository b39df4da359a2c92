"""Lines that values are measured by (``wording.REFERENCES``), and the sentences of captions about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import altair as alt
import polars as pl

from unroll.reporting.charts.style import INK
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed, listed
from unroll.reporting.wording import FLOOR, REFERENCES, Reference, metric_decimals

DASHES = {"dashed": [5, 4], "dotted": [2, 4]}
BELOW, BESIDE, ABREAST = 15, 220, 3
"""Pixels from one label to the next, below and beside it, and how many stand beside each other."""


def describe_lines(findings: Findings, metric: str, drawn: Sequence[Reference]) -> str:
    """What the lines of a chart are, and the values of those that it has no room for, as the end of a caption."""
    sentences = []
    for kind in REFERENCES:
        values = kind.values(findings, metric)
        if values and kind in drawn:
            sentences.append(f" The {kind.pattern} line{' is' if len(values) == 1 else 's are'} {kind.meaning}.")
        elif values:
            places = metric_decimals(findings, metric)
            numbers = listed(fixed(value, places) for value in values)
            sentences.append(f" {kind.meaning[0].upper()}{kind.meaning[1:]}, {numbers}, is outside the drawn range.")
    return "".join(sentences)


def draw_across(findings: Findings, kind: Reference, metric: str, places: int) -> Iterator[alt.LayerChart]:
    """Horizontal lines under curves.

    The best possible is labelled at the start, where curves are far above it; chance, where most begin, at the end.
    Labels of several lines, which may be close to each other, stand side by side.
    """
    sign, align, x = (1, "left", alt.value(0)) if kind is FLOOR else (-1, "right", alt.value("width"))
    for number, (rule, base) in enumerate(_rules(findings, kind, metric, places)):
        y, dx = alt.Y(f"{kind.field}:Q"), sign * (6 + BESIDE * (number % ABREAST))
        label = base.mark_text(align=align, dx=dx, baseline="bottom", dy=-4, color=INK, opacity=0.8)
        yield alt.layer(rule.encode(y=y), label.encode(y=y, x=x, text="label:N"))


def draw_upright(findings: Findings, kind: Reference, places: int, *, label: str) -> Iterator[alt.LayerChart]:
    """Vertical lines among dots, their labels to the ``left`` or ``right`` of them, one below the other."""
    align, dx = ("left", 5) if label == "right" else ("right", -5)
    for number, (rule, base) in enumerate(_rules(findings, kind, findings.metric, places)):
        x, dy = alt.X(f"{kind.field}:Q"), 2 + BELOW * number
        text = base.mark_text(align=align, dx=dx, baseline="top", dy=dy, color=INK, opacity=0.8)
        yield alt.layer(rule.encode(x=x), text.encode(x=x, y=alt.value(0), text="label:N"))


def _rules(findings: Findings, kind: Reference, metric: str, places: int) -> Iterator[tuple[alt.Chart, alt.Chart]]:
    """A line for each value, and the base of its label, which names the groups of arms that one of several is of."""
    values = kind.values(findings, metric)
    known = {arm.name: kind.known(arm).get(metric) for arm in findings.arms}
    for value in values:
        # Of arms with other data the best possible differs: a label then says whose it is.
        groups = [group.shared for group in findings.groups if value in [known[arm] for arm in group.labels]]
        whose = f", {listed(groups)}" if findings.several_baselines and len(values) > 1 else ""
        label = f"{kind.label} {fixed(value, places)}{whose}"
        base = alt.Chart(pl.DataFrame({kind.field: [value], "label": [label]}))
        yield base.mark_rule(strokeDash=DASHES[kind.pattern], color=INK, opacity=0.8, strokeWidth=1.3), base
