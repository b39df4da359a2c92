"""Tables of results: typed rows for files, and the same rows as text for pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from unroll.evidence import DRAWS, EXACT_UP_TO
from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import (
    count,
    fixed,
    p_value,
    percent,
    plain,
    plus_minus,
    rate,
    span,
    whole,
)
from unroll.report.wording import decimals, describe_baseline, goal, metric_decimals, with_unit

Cells = Mapping[str, str]
FLOPS = "FLOPs/token"
"""Heading of ``contract.Task.flops_per_token``."""


def make_table(
    name: str, caption: str, rows: pl.DataFrame, show: Callable[[dict[str, Any]], Cells], **kwargs: Any
) -> Table:
    """Build a table from typed rows and a function from one row to its cells."""
    cells = [{key: plain(text) for key, text in show(row).items()} for row in rows.iter_rows(named=True)]
    return Table(name, caption, rows, pl.DataFrame(cells), **kwargs)


def arms_table(findings: Findings) -> Table:
    """The study's metric per arm."""
    places, speed = decimals(findings), f"{findings.plan.item}s/s"
    flops = {arm.name: arm.flops_per_token for arm in findings.arms}

    def show(row: dict[str, Any]) -> Cells:
        half = None if row["high"] is None else row["high"] - row["mean"]
        return {
            "Arm": name_arm(row["arm"], findings),
            "Completed": f"{row['completed']} of {row['planned']}",
            **({"Diverged": str(row["diverged"])} if findings.any_diverged else {}),
            "Mean": plus_minus(row["mean"], half, places),
            "SD": fixed(row["sd"], places),
            "Median": fixed(row["median"], places),
            "Best": fixed(row["best"], places),
            "Parameters": f"{row['parameters']:,}",
            **({FLOPS: whole(row["flops_per_token"])} if any(flops.values()) else {}),
            speed: rate(row["items_per_second"]),
        }

    unit = f", in {findings.note.unit}" if findings.note.unit else ""
    caption = (
        f"{findings.metric}{unit} ({goal(findings.direction)}) over completed trials: mean ± half of its 95 % t "
        f"interval, standard deviation over seeds, median, best.{_survivors(findings)}{operations(flops.values())}"
    )
    numbers = frozenset({"Completed", "Diverged", "Mean", "SD", "Median", "Best", "Parameters", FLOPS, speed})
    counted = pl.col("arm").replace_strict(flops, return_dtype=pl.Int64).alias("flops_per_token")
    rows = findings.summary.with_columns(counted)
    return make_table("arms", caption, rows, show, numbers=numbers, marks={"Arm": "arm"})


def _survivors(findings: Findings) -> str:
    """What the caption of every table of means says where trials diverged."""
    return " Diverged trials enter none of these: they are numbers of survivors." if findings.any_diverged else ""


def operations(flops: Iterable[int | None]) -> str:
    """What a caption says of :data:`FLOPS`, if any are told."""
    return f" {FLOPS}: multiplies and adds of the matrix products in one forward pass." if any(flops) else ""


def differences_table(findings: Findings) -> Table:
    """Every arm against its baseline, paired by seed."""
    places = decimals(findings)
    diverged = findings.any_diverged
    difference = "Difference (survivors)" if diverged else "Difference"

    def show(row: dict[str, Any]) -> Cells:
        return {
            "Arm": row["arm"],
            **({"Against": findings.baselines[row["arm"]]} if findings.several_baselines else {}),
            "Verdict": row["verdict"],
            **({"Diverged": f"{row['diverged']} ({row['baseline_diverged']})"} if diverged else {}),
            difference: _with_share(fixed(row["difference"], places, sign=True), row["relative"])
            if row["n"]
            else "no completed pair",
            "95 % interval": span(row["low"], row["high"], places, sign=True),
            "Better on": percent(row["superiority"]),
            "Pairs": f"{row['n']} of {row['planned_pairs']}",
            "p": p_value(row["p"]),
            "p (Holm)": p_value(row["p_holm"]),
            "Smallest p (Holm)": f"{p_value(row['smallest_p'])} ({p_value(row['smallest_p_holm'])})",
        }

    caption = (
        f"Difference of {findings.metric} to {describe_baseline(findings.plan)} on the same seeds "
        f"({goal(findings.direction)}). The t interval is not corrected. p: two-sided sign-flip test, "
        f"{_manner(findings)}; Holm: corrected for {count(len(findings.differences), 'comparison')}. Smallest p: what "
        "the planned pairs can reach at best, in brackets after Holm. Better on: share of pairs in which the arm is "
        "better, ties half."
        + (
            " Survivors: a seed on which either side diverged enters no difference, which flatters an arm that "
            "diverges. Diverged: such trials of the arm, in brackets the baseline's."
            if diverged
            else ""
        )
    )
    numbers = frozenset(
        {
            *("Diverged", difference, "95 % interval", "Better on"),
            *("Pairs", "p", "p (Holm)", "Smallest p (Holm)"),
        }
    )
    marks = {"Arm": "arm", "Against": "arm", "Verdict": "verdict"}
    rows = findings.written(findings.differences)
    return make_table("differences", caption, rows, show, numbers=numbers, marks=marks)


def _manner(findings: Findings) -> str:
    """How the p-values were found."""
    if findings.differences["n"].is_between(0, EXACT_UP_TO).all():
        return "exact"
    return f"above {EXACT_UP_TO} pairs estimated from {DRAWS:,} random sign patterns with a fixed seed"


def _with_share(number: str, share: float | None) -> str:
    return number if share is None else f"{number} ({percent(share, sign=True)})"


def metrics_table(findings: Findings) -> Table:
    """Every other final metric per arm."""
    others = findings.other_metrics
    summaries = {name: findings.summarise(name) for name in others}
    long = [frame.with_columns(metric=pl.lit(name)) for name, frame in summaries.items()]
    columns = ("metric", "arm", "n", "mean", "sd", "low", "high", "median", "best", "not_finite")
    rows = pl.concat(long).select(*columns) if long else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    places = {name: metric_decimals(findings, name) for name in others}

    def show(arm: str) -> Cells:
        means = {plain(name): _mean(summaries[name], arm, places[name]) for name in others}
        return {"Arm": plain(name_arm(arm, findings)), **means}

    shown = [show(arm) for arm in findings.names]
    caption = "Other final metrics: mean ± half of the 95 % t interval over completed trials." + _survivors(findings)
    notes = "; ".join(f"{name}: {_describe(findings, name)}" for name in others)
    numbers = frozenset(map(plain, others))
    return Table("metrics", f"{caption} {plain(notes)}.", rows, pl.DataFrame(shown), numbers, {"Arm": "arm"})


def _mean(summary: pl.DataFrame, arm: str, places: int) -> str:
    row = summary.row(by_predicate=pl.col("arm") == arm, named=True)
    return plus_minus(row["mean"], None if row["high"] is None else row["high"] - row["mean"], places)


def _describe(findings: Findings, metric: str) -> str:
    note = findings.plan.metrics[metric]
    return f"{with_unit(goal(note.direction), f'({note.unit})' if note.unit else '')}"


def name_arm(arm: str, findings: Findings) -> str:
    """An arm's name, baselines marked."""
    return f"{arm} (baseline)" if arm == findings.baselines[arm] else arm
