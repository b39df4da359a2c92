"""Each claim drawn: its two sides' difference, seed by seed and in the mean, beside zero and the claim's margin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import polars as pl

from unroll.reporting.charts.style import ARM_COLOURS, INK, make_chart, number_tips
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals
from unroll.study.claims import Claim

MOST_CLAIMS = 12
"""Claims that are drawn; the table has all of them."""
ABOVE, LEVEL, BELOW = 60, 12, -1.6
"""Pixels without the dots, pixels of a dot above another one, and the height of the mean, in dots."""


def draw_claims(findings: Findings) -> Iterator[Chart]:
    """A chart for each of the first claims that some seed can speak of."""
    rows = {row["claim"]: row for row in findings.claims.to_dicts()}
    for number, claim in enumerate(findings.plan.claims[:MOST_CLAIMS], 1):
        row = rows[claim.text]
        if row["n"]:
            yield _draw(f"claim_{number}", claim, row, findings)


def _draw(name: str, claim: Claim, row: dict[str, Any], findings: Findings) -> Chart:
    values = findings.claim_values(claim)
    dots = values.select("seed", pl.col("difference").round_sig_figs(6)).with_columns(
        place=pl.int_range(pl.len()).over("difference")  # equal values lie above each other
    )
    levels = int(dots["place"].max() or 0) + 1  # type: ignore[arg-type]  # an integer column
    sign, margin = values["sign"][0], row["margin"] or 0.0
    style = {"format": "+.0%"} if claim.kind == "diverges less" else {}

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", title=_axis(claim, sign), axis=alt.Axis(tickCount=8, **style))

    y = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[2 * BELOW, levels], nice=False, zero=False))
    places = choose_decimals([row["second"]], [values.select(pl.col("difference").std()).item()], [row["effect"]])
    tips = number_tips(f"+,.{places}f", "difference")
    layers = [
        _rule([0.0], [1, 0], 0.5).encode(x=x("difference")),
        alt.Chart(dots)
        .mark_circle(size=52, opacity=0.6, color=ARM_COLOURS[0])
        .encode(x=x("difference"), y=y, tooltip=[alt.Tooltip("seed:N"), *tips]),
        *_mean(row, x("mean"), x("low"), y, places),
    ]
    if margin:
        limits = [-margin, margin] if claim.kind == "within" else [sign * margin]
        layers.append(_rule(limits, [5, 4], 0.9).encode(x=x("difference")))
    over = f", averaged over {row['cells']} pairs of arms" if row["cells"] > 1 else ""
    caption = (
        f"{claim.first} minus {claim.second}{over}: one small dot per seed, the mean as a large dot with its 95 % "
        f"interval. The solid line is no difference{_of_margin(claim, margin)}."
    )
    return make_chart(name, caption, layers, height=ABOVE + LEVEL * levels)


def _of_margin(claim: Claim, margin: float) -> str:
    if not margin:
        return ""
    mean = ", on average over seeds" if claim.relative else ""
    return (
        f", {'the broken lines are the margins' if claim.kind == 'within' else 'the broken line is the margin'}{mean}"
    )


def _axis(claim: Claim, sign: int) -> str:
    """What is drawn, and on which side a difference speaks for the claim."""
    what = {
        "better": f"difference in {claim.metric}",
        "within": f"difference in {claim.metric}",
        "diverges less": "difference in the share of seeds that diverged",
        "flatter": f"difference in the slope of {claim.metric}",
    }[claim.kind]
    if claim.kind == "within":
        return what
    return f"← supports · {what}" if sign < 0 else f"{what} · supports →"


def _rule(places: list[float], dash: list[int], opacity: float) -> alt.Chart:
    rows = pl.DataFrame({"difference": places})
    return alt.Chart(rows).mark_rule(color=INK, strokeDash=dash, opacity=opacity, strokeWidth=1.3)


def _mean(row: dict[str, Any], mean: alt.X, low: alt.X, y: alt.Y, places: int) -> list[alt.Chart]:
    """The mean with its interval, below the dots; without an interval where there is none."""
    rows = pl.DataFrame([{"place": BELOW, "mean": row["effect"], "low": row["low"], "high": row["high"]}])
    base = alt.Chart(rows).encode(y=y)
    tips = number_tips(f"+,.{places}f", "mean", "low", "high")
    dot = base.mark_circle(size=130, opacity=1, color=ARM_COLOURS[0]).encode(x=mean, tooltip=tips)
    if row["low"] is None:
        return [dot]
    bar = base.mark_rule(strokeWidth=3, strokeCap="round", color=ARM_COLOURS[0]).encode(x=low, x2="high:Q")
    return [bar, dot]
