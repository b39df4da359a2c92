"""Confusion matrices: counts in metrics that are called ``<split>/confusion/<true label>/<guess>``.

A slash in a label is written ``%2F`` there, and ``%`` is ``%25``.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

import polars as pl

_MARK = "/confusion/"


def find_confusions(metrics: Iterable[str]) -> list[str]:
    """What comes before the labels in the names of these metrics, ``test/confusion`` for instance; sorted."""
    return sorted({metric.partition(_MARK)[0] + _MARK.rstrip("/") for metric in metrics if _MARK in metric})


def confusion(history: pl.DataFrame, name: str) -> pl.DataFrame:
    """What each label was taken for, in the trials' last counts.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``.
        name: what comes before the labels in the metrics' names.

    Returns:
        ``arm, true, guess, n`` (trials that told any pair), ``count`` (mean over these), ``share`` (of the examples of
        the true label, all trials together; null where there is none), arms in order of appearance, labels sorted. A
        pair that a trial does not tell beside others did not occur in it.
    """
    counts = _last_counts(history, f"{name}/")
    trials = counts.group_by("arm").agg(n=pl.col("trial").n_unique().cast(pl.Int64))
    totals = counts.group_by("arm", "true", "guess").agg(total=pl.col("value").sum()).join(trials, on="arm")
    cells = totals.select("arm", "true", "guess", "n", "total", count=pl.col("total") / pl.col("n"))
    examples = pl.col("total").sum().over("arm", "true")
    shares = cells.with_columns(share=pl.when(examples > 0).then(pl.col("total") / examples)).drop("total")
    arms = history.select(pl.col("arm").unique(maintain_order=True))
    return arms.join(shares.sort("true", "guess"), on="arm", maintain_order="left_right")


def _last_counts(history: pl.DataFrame, start: str) -> pl.DataFrame:
    """``trial, arm, true, guess, value``, one row per trial and pair of labels, as they were told last."""
    found = history.filter(pl.col("metric").str.starts_with(start), pl.col("value").is_finite())
    last = found.filter(pl.col("step") == pl.col("step").max().over("trial"))
    labels = pl.DataFrame(_pairs(found["metric"].unique(), start), schema=["metric", "true", "guess"], orient="row")
    return last.join(labels, on="metric").select("trial", "arm", "true", "guess", "value")


def _pairs(metrics: Iterable[str], start: str) -> list[tuple[str, str, str]]:
    """Each metric with its two labels."""
    parts = ((metric, metric.removeprefix(start).split("/")) for metric in metrics)
    return [(metric, unquote(labels[0]), unquote(labels[1])) for metric, labels in parts if len(labels) == 2]
