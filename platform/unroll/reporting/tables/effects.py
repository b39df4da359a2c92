"""Main effects and interactions: what a level changes in the mean over all levels of the other factors."""

from __future__ import annotations

from unroll.reporting.document import Table
from unroll.reporting.effects import effects
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, fixed, p_value, percent, span
from unroll.reporting.tables.columns import Row, make_table, number, text
from unroll.reporting.wording import decimals, goal


def effects_table(findings: Findings) -> Table | None:
    """One row for each effect that is pooled; None where none is."""
    rows = effects(findings)
    if rows.is_empty():
        return None
    places = decimals(findings)

    def difference(row: Row) -> str:
        if row["difference"] is None:
            return DASH
        size, share = fixed(row["difference"], places, sign=True), row["relative"]
        return size if share is None else f"{size} ({percent(share, sign=True)})"

    def better(row: Row) -> str:
        return DASH if row["better_in"] is None else f"{row['better_in']} of {row['cells']}"

    scale = "" if findings.scale == "identity" else f"; of interactions on its scale ({findings.scale})"
    columns = [
        text("Effect", lambda row: row["effect"]),
        text("Verdict", lambda row: row["verdict"], mark="verdict"),
        number("Difference", difference),
        number("95 % interval", lambda row: span(row["low"], row["high"], places, sign=True)),
        number("Better in", better),
        number("Seeds", lambda row: f"{row['n']} of {row['planned_seeds']}"),
        number("p", lambda row: p_value(row["p"])),
        number("p (adjusted)", lambda row: p_value(row["p_adjusted"])),
    ]
    caption = (
        f"What a level changes in {findings.metric} ({goal(findings.direction)}), averaged over all arms that differ "
        "in nothing else, seed by seed; below, by how much that differs between levels of a second factor. Difference: "
        f"in the metric's unit{scale}. Better in: levels of the others at which it is, in the mean. p: two-sided "
        "sign-flip test; adjusted: for all main effects together, and for all interactions together (step-down max-T). "
        "It speaks of these levels of the other factors, not of others. Untested: a trial diverged, or no seed changes "
        "the arms."
    )
    return make_table("effects", caption, rows, columns)
