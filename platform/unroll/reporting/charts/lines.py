"""Which lines a chart of curves has: one for each arm, or one for each group of many arms."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from unroll.evidence import merge_curves
from unroll.reporting.charts.style import ARM_COLOURS, BASELINE_COLOUR, DASHES, colour_arms, dash_arms
from unroll.reporting.findings import Findings
from unroll.study.groups import short_factors

MOST_LINES = 12
"""Arms up to which each has a line of its own."""
MOST_GROUPS = 8
"""Levels of a factor up to which each is a group."""
VERDICT_COLOURS = {"better": ARM_COLOURS[2], "worse": ARM_COLOURS[1], "undecided": ARM_COLOURS[0]}
"""Other verdicts have the colour that comes next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines with what they look like, and what a caption says of them."""

    colours: dict[str, str]
    """Line -> its colour, in the order of the legend."""
    dashes: dict[str, list[int]]
    groups: dict[str, str]
    """Arm -> its line, where a line is of several arms; else empty."""
    words: str = ", with its 95 % t band."
    """How a caption goes on behind "mean over seeds"."""

    def merge(self, curves: pl.DataFrame, along: str) -> pl.DataFrame:
        """Curves of arms as curves of these lines."""
        return merge_curves(curves, self.groups, along) if self.groups else curves


def find_lines(findings: Findings) -> Lines:
    """A line for each arm; of many arms one for each level of a factor, else for each verdict."""
    names = findings.names
    colours, dashes = colour_arms(findings.groups), dash_arms(findings.groups)
    if len(names) <= MOST_LINES:
        return Lines(colours=colours, dashes=dashes, groups={})
    levels = findings.plan.factors
    several = [factor for factor, known in levels.items() if 1 < len(known) <= MOST_GROUPS]
    if len(levels) > 1 and several:
        factor = max(several, key=lambda name: len(levels[name]))
        (short,) = short_factors(findings.plan, [factor])
        groups = {arm.name: f"{short}={arm.levels.get(factor)}" for arm in findings.arms}
        what = f"one {short}"
        order = list(dict.fromkeys(groups.values()))
        looks = dict(zip(order, (ARM_COLOURS * 2)[: len(order)], strict=True))
    else:
        verdicts = dict(findings.differences.select("arm", "verdict").iter_rows())
        what = "one verdict"
        groups = {name: verdicts.get(name, "baseline") for name in names}
        order = list(dict.fromkeys(groups.values()))
        looks = {"baseline": BASELINE_COLOUR, "untested": ARM_COLOURS[3], **VERDICT_COLOURS}
        looks = {name: looks[name] for name in order}
    patterns = {name: DASHES[place // len(ARM_COLOURS)] for place, name in enumerate(order)}
    words = (
        f". A line is the mean over all arms of {what}, its band reaches from the lowest to the highest of them; the "
        "arms' own curves are in the tables."
    )
    return Lines(colours=looks, dashes=patterns, groups=groups, words=words)
