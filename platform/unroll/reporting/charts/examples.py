"""Matrices of examples, as heatmaps with their words: where a decoder looks while it writes, say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import altair as alt
import polars as pl

from unroll.ledger import ShownExample
from unroll.reporting.charts.style import ARM_COLOURS, make_chart
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed

ROW, AROUND = 24, 20
"""Pixels of a row, and of what is above and below all of them."""
MOST_ARMS, MOST_EXAMPLES = 6, 2
"""Arms, and examples of each, that are drawn; the files hold all."""
FAINTEST = 0.04
"""Strength of a share of 0: the cell is seen."""
LABEL = "slice(datum.label, indexof(datum.label, ' ') + 1)"
"""Of a word with its place before it, the word: a sentence may have a word twice."""


def draw_examples(findings: Findings) -> Iterator[Chart]:
    """The first examples that have a matrix, of the first arms that show some."""
    for place, arm in enumerate([name for name in findings.names if name in findings.shown][:MOST_ARMS], 1):
        seed, examples = findings.shown[arm]
        for number, example in enumerate([each for each in examples if each.values][:MOST_EXAMPLES], 1):
            yield _draw(example, f"example_{number}_{place}", f"{example.title}, {arm}, seed {seed}")


def _draw(example: ShownExample, name: str, which: str) -> Chart:
    rows, columns = _placed(example.rows), _placed(example.columns)
    cells = pl.DataFrame(
        [
            {"row": row, "column": column, "written": written, "read": read, "share": share}
            for row, written, shares in zip(rows, example.rows, example.values, strict=True)
            for column, read, share in zip(columns, example.columns, shares, strict=True)
        ]
    )
    x_axis = alt.Axis(labelExpr=LABEL, orient="top", labelAngle=-45, labelOverlap=False, ticks=False, domain=False)
    y_axis = alt.Axis(labelExpr=LABEL, labelOverlap=False, ticks=False, domain=False)
    scale = alt.Scale(domain=[0, 1], range=[FAINTEST, 1])
    heat = (
        alt.Chart(cells)
        .mark_rect(color=ARM_COLOURS[0])
        .encode(
            x=alt.X("column:N", sort=columns, title=None, axis=x_axis, scale=alt.Scale(domain=columns)),
            y=alt.Y("row:N", sort=rows, title=None, axis=y_axis, scale=alt.Scale(domain=rows)),
            fillOpacity=alt.FillOpacity("share:Q", scale=scale, legend=None),
            tooltip=[alt.Tooltip("written:N"), alt.Tooltip("read:N"), alt.Tooltip("share:Q", format=".3f")],
        )
        .properties(name="heat")
    )
    caption = f"{which}: {example.meaning}; the stronger the colour, the more. {_tell(example)}"
    return make_chart(name, caption, [heat], height=AROUND + ROW * len(rows))


def _placed(words: Sequence[str]) -> list[str]:
    """Words with their places before them, so that no two are the same."""
    return [f"{place} {word}" for place, word in enumerate(words, 1)]


def _tell(example: ShownExample) -> str:
    """The largest share of each row in words, for who does not see the chart."""
    if not example.columns:
        return ""
    told = []
    for written, shares in zip(example.rows, example.values, strict=True):
        most = max(range(len(shares)), key=shares.__getitem__)
        told.append(f"{written}: {example.columns[most]} {fixed(shares[most], 2)}")
    return f"Most: {'; '.join(told)}."
