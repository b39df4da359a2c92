"""What each arm reached, and how its trials ended."""

from __future__ import annotations

from typing import get_args

import polars as pl

from unroll.contract import Direction
from unroll.evidence.intervals import half_width
from unroll.ledger import MISSING, Status

LARGEST = 1e150
"""Size up to which final values are averaged and compared: the squares of larger ones, and so deviations, exceed the
largest float."""

STATUSES: tuple[str, ...] = (*get_args(Status), MISSING)


def coverage(trials: pl.DataFrame) -> pl.DataFrame:
    """How many trials of each arm were planned and how each of them ended.

    Args:
        trials: one row per planned trial, with at least ``arm`` and ``status``.

    Returns:
        One row per arm in order of appearance: ``arm, planned`` and one count per status (``completed``,
        ``diverged``, ..., ``missing``).
    """
    counts = [(pl.col("status") == status).sum().cast(pl.Int64).alias(status) for status in STATUSES]
    return trials.group_by("arm", maintain_order=True).agg(pl.len().cast(pl.Int64).alias("planned"), *counts)


def summarise_arms(trials: pl.DataFrame, metric: str, *, direction: Direction) -> pl.DataFrame:
    """Describe the final values of one metric per arm, over completed trials.

    NaN, infinities and values beyond :data:`LARGEST` are neither averaged nor ranked: a completed trial without a
    usable value is counted in ``not_finite``, a diverged one in ``diverged``. A mean is thus over survivors; the counts
    give their number.

    Args:
        trials: one row per planned trial: ``arm, status, parameters, items_per_second`` and the column ``metric``.
        metric: full name of the metric.
        direction: whether the smallest or the largest value is the best.

    Returns:
        One row per arm in order of appearance: ``arm, n`` (usable values), ``mean, sd, low, high`` (95 % t interval
        of the mean; null below two values), ``median, best, not_finite, parameters, items_per_second`` (median over
        completed trials), then the counts of :func:`coverage`.
    """
    done = pl.col("status") == "completed"
    value, speed = pl.col("value").filter(done), pl.col("items_per_second")
    rows = (
        _add_value(trials, metric)
        .group_by("arm", maintain_order=True)
        .agg(
            n=value.count().cast(pl.Int64),
            mean=value.mean(),
            sd=value.std(),
            median=value.median(),
            best=value.min() if direction == "minimize" else value.max(),
            not_finite=value.null_count().cast(pl.Int64),
            parameters=pl.col("parameters").first(),
            items_per_second=speed.filter(done & speed.is_finite()).median(),
        )
    )
    # Of one value Polars' std is null, and so are low and high.
    half = half_width(pl.col("n"), pl.col("sd"))
    rows = rows.with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half)
    names = ("arm", "n", "mean", "sd", "low", "high", "median", "best", "not_finite", "parameters", "items_per_second")
    return rows.select(names).join(coverage(trials), on="arm", maintain_order="left")


def final_values(trials: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Completed trials with the metric as ``value``: null where it is absent, NaN or beyond :data:`LARGEST`."""
    return _add_value(trials.filter(pl.col("status") == "completed"), metric)


def _add_value(trials: pl.DataFrame, metric: str) -> pl.DataFrame:
    value = pl.col(metric).cast(pl.Float64) if metric in trials.columns else pl.lit(None, pl.Float64)
    return trials.with_columns(value=pl.when(value.abs() <= LARGEST).then(value))  # otherwise null; so is NaN
