"""Tables for the page: great_tables builds them, the page's own style sheet dresses them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from great_tables import GT, loc, style
from markupsafe import Markup

from unroll.report.tables import Table

MOST_ROWS = 200
"""Rows that a page shows; the files hold all of them."""
VERDICTS = {
    **{verdict: verdict for verdict in ("better", "worse", "undecided")},
    **{"less often": "better", "more often": "worse"},
}
"""Verdict -> name of its colour in the style sheet; to diverge less often is better."""
_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)


def render_table(table: Table, colours: Mapping[str, str]) -> Markup:
    """A table as HTML without a style sheet (great_tables' own reaches beyond its table and knows no dark paper).

    Args:
        table: what to show.
        colours: arm -> colour, for cells marked as arms.
    """
    shown = table.shown.head(MOST_ROWS)
    built = GT(shown, id=f"table-{table.name}").cols_align("left")
    built = built.cols_align("right", columns=[name for name in shown.columns if name in table.numbers])
    for column, kind in table.marks.items():
        for row, text in enumerate(shown[column] if column in shown.columns else []):
            built = _dress(built, column, row, _declare(kind, text, colours))
    return Markup(_STYLE.sub("", built.as_raw_html()))  # noqa: S704 -- great_tables escapes cells and labels


def _dress(built: Any, column: str, row: int, declarations: str) -> Any:
    return built.tab_style(style.css(declarations), loc.body(columns=[column], rows=[row])) if declarations else built


def _declare(kind: str, text: str, colours: Mapping[str, str]) -> str:
    """CSS for one marked cell: an arm has its colour beside it, a verdict is written in its colour."""
    if kind == "verdict":
        return f"color: var(--{VERDICTS[text]}); font-weight: 650" if text in VERDICTS else ""
    colour = colours.get(text.removesuffix(" (baseline)"))
    return f"box-shadow: inset 4px 0 0 {colour}; max-width: 15rem" if colour else ""
