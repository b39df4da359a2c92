"""Confusion matrices, from counts in metrics that ``contract.confusion_metric`` names."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from unroll.contract import parse_confusion_metric
from unroll.evidence.intervals import order_arms


def find_confusions(metrics: Iterable[str]) -> list[str]:
    """Splits of which these metrics have a confusion matrix, ``test`` for instance; sorted."""
    return sorted({parts[0] for metric in metrics if (parts := parse_confusion_metric(metric))})


def confusion(history: pl.DataFrame, split: str) -> pl.DataFrame:
    """How often each label was classified as each, by the last counts of each trial.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``.
        split: whose examples are counted.

    Returns:
        ``arm, true, guess, n`` (trials that logged any pair), ``count`` (mean over these), ``share`` (of the examples
        of the true label, all trials together; null where there is none), arms in order of appearance, labels sorted.
        A pair that a trial did not log beside others did not occur in it.
    """
    parsed = ((metric, parse_confusion_metric(metric)) for metric in history["metric"].unique())
    labels = [(metric, *parts[1:]) for metric, parts in parsed if parts and parts[0] == split]
    named = pl.DataFrame(labels, schema=dict.fromkeys(("metric", "true", "guess"), pl.String), orient="row")
    found = history.filter(pl.col("value").is_finite()).join(named, on="metric")
    last = found.filter(pl.col("step") == pl.col("step").max().over("trial"))  # each trial's own last step
    trials = last.group_by("arm").agg(n=pl.col("trial").n_unique().cast(pl.Int64))
    totals = last.group_by("arm", "true", "guess").agg(total=pl.col("value").sum()).join(trials, on="arm")
    examples = pl.col("total").sum().over("arm", "true")  # of a true label, in all trials together
    cells = totals.with_columns(
        count=pl.col("total") / pl.col("n"), share=pl.when(examples > 0).then(pl.col("total") / examples)
    )
    return order_arms(cells.select("arm", "true", "guess", "n", "count", "share").sort("true", "guess"), history)
