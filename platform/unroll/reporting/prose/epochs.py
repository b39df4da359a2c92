"""Which state of a trial its numbers are of, and whether training ended where it should have."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from unroll.contract import VALIDATION
from unroll.evidence import trends, twin_metric
from unroll.evidence.epochs import AGREEING, ERRORS, LAST_SHARE
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed, listed
from unroll.reporting.wording import metric_decimals


def epoch_sentences(findings: Findings) -> Iterator[str]:
    """Which epoch each arm's tested state is of; nothing on arms that train nothing."""
    trained = [arm for arm in findings.arms if arm.steps != 0]
    best, last = [arm.name for arm in trained if arm.selects], [arm.name for arm in trained if not arm.selects]
    if last:
        whose = "Every trial is" if not best else f"Trials of {'; '.join(last)} are"
        yield (
            f"{whose} tested as it was at its last epoch."
            if not best
            else f"{whose} tested as they were at their last epoch."
        )
    if best:
        monitors = {trial.arm: trial.monitor for trial in findings.plan.trials}
        whose = "Every trial is" if not last else f"Trials of {'; '.join(best)} are"
        names = listed(dict.fromkeys(monitors[arm] or "" for arm in best))
        yield f"{whose} tested in the state of the best validation by {names}: {_selected(findings, best)}."


def _selected(findings: Findings, arms: list[str]) -> str:
    done = findings.ordered.filter(pl.col("arm").is_in(arms), pl.col("selected_epoch").is_not_null())
    epochs = done.group_by("arm", maintain_order=True).agg(
        low=pl.col("selected_epoch").min(),
        median=pl.col("selected_epoch").median(),
        high=pl.col("selected_epoch").max(),
    )
    parts = [f"{arm} epoch {low} to {high}, median {median:g}" for arm, low, median, high in epochs.iter_rows()]
    return "; ".join(parts) or "no trial has one yet"


def epoch_warnings(findings: Findings) -> Iterator[str]:
    """Arms that still improved as their training ended; arms past their best by then, where the last state counts."""
    metric = findings.metric if findings.metric.startswith(VALIDATION) else twin_metric(findings.metric)
    if metric is None or metric not in findings.plan.metrics:
        return
    whole = (pl.col("metric") == metric) & pl.col("trial").is_in(findings.values["trial"].to_list())
    read = findings.history.filter(whole).collect(engine="streaming")
    ranked = read.sort(findings.arm_rank, "trial", "step")
    found = trends(ranked, metric, direction=findings.plan.metrics[metric].direction)
    selects = {arm.name for arm in findings.arms if arm.selects}
    places = metric_decimals(findings, metric)
    improving = found.filter(pl.col("trend") == "improving").to_dicts()
    if improving:
        arms = listed(f"{row['arm']} by {fixed(row['change'], places)}" for row in improving)
        yield (
            f"{metric} was still improving as training ended (over its last {100 * LAST_SHARE:g} %, at least one "
            f"validation): {arms}. More epochs may change the comparison."
        )
    past = [row for row in found.filter(pl.col("trend") == "past").to_dicts() if row["arm"] not in selects]
    if past:
        arms = listed(
            f"{row['arm']} by {fixed(row['change'], places)} since validation {row['best']} of {row['validations']}"
            for row in past
        )
        yield (
            f"{metric} was past its best as training ended, and the last state counts: {arms}. training.select=best "
            "takes the best one, where the task has it."
        )


READING_EPOCHS = (
    "A curve counts as still improving, or as past its best, where the change holds on average over seeds by more than "
    f"{ERRORS:g} standard errors and for at least {100 * AGREEING:g} % of the trials."
)
"""How the warnings on epochs are meant."""
