"""What each arm reached, and how its trials ended."""

from __future__ import annotations

from typing import get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unroll.contract import Direction, Scale
from unroll.evidence.intervals import mean_interval
from unroll.evidence.permutation import resolution
from unroll.evidence.scales import Analysis
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


def summarise_arms(
    trials: pl.DataFrame, metric: str, *, direction: Direction, scale: Scale = "identity"
) -> pl.DataFrame:
    """Describe the final values of one metric per arm, over completed trials.

    NaN, infinities and values beyond :data:`LARGEST` are neither averaged nor ranked: a completed trial without a
    usable value is counted in ``not_finite``, a diverged one in ``diverged``. A mean is thus over survivors; the counts
    give their number.

    Args:
        trials: one row per planned trial: ``arm, status, parameters, items_per_second`` and the column ``metric``.
        metric: full name of the metric.
        direction: whether the smallest or the largest value is the best.
        scale: the metric's: means are taken on it, where every value is inside its range.

    Returns:
        One row per arm in order of appearance: ``arm, n`` (usable values), ``mean`` (on a scale of logarithms the
        geometric mean), ``sd`` (of the values as they are), ``low, high`` (95 % interval of the mean, see
        :func:`~unroll.evidence.intervals.mean_interval`; null below two values, and where all are one value up to
        rounding), ``median, best, not_finite, parameters, items_per_second`` (median over
        completed trials), then the counts of :func:`coverage`.
    """
    done = pl.col("status") == "completed"
    value, speed = pl.col("value").filter(done), pl.col("items_per_second")
    rows = (
        _add_value(trials, metric)
        .group_by("arm", maintain_order=True)
        .agg(
            n=value.count().cast(pl.Int64),
            values=value.drop_nulls(),
            sd=value.std(),
            median=value.median(),
            best=value.min() if direction == "minimize" else value.max(),
            not_finite=value.null_count().cast(pl.Int64),
            parameters=pl.col("parameters").first(),
            items_per_second=speed.filter(done & speed.is_finite()).median(),
        )
    )
    analysis = Analysis.choose(scale, final_values(trials, metric)["value"].drop_nulls().to_numpy())
    means = [_describe(values.to_numpy(), analysis) for values in rows["values"]]
    types = dict.fromkeys(("mean", "low", "high"), pl.Float64)
    rows = rows.hstack(pl.DataFrame(means, schema=types, orient="row"))
    names = ("arm", "n", "mean", "sd", "low", "high", "median", "best", "not_finite", "parameters", "items_per_second")
    return rows.select(names).join(coverage(trials), on="arm", maintain_order="left")


def is_one_value(values: NDArray[np.float64]) -> bool:
    """Whether there are two values at least and rounding explains every difference between them."""
    if len(values) < 2:
        return False
    ends = np.array([values.min(), values.max()])
    return bool(ends[1] - ends[0] <= resolution(ends).sum())


def _describe(values: NDArray[np.float64], analysis: Analysis) -> tuple[float | None, float | None, float | None]:
    """Mean and its interval, in the metric's unit."""
    if not len(values):
        return None, None, None
    places = analysis.forward(values)
    mean = analysis.back(float(places.mean()))
    interval = None if is_one_value(values) else mean_interval(places)
    if interval is None:
        return mean, None, None
    return mean, analysis.back(interval[0]), analysis.back(interval[1])


def final_values(trials: pl.DataFrame, metric: str) -> pl.DataFrame:
    """Completed trials with the metric as ``value``: null where it is absent, NaN or beyond :data:`LARGEST`."""
    return _add_value(trials.filter(pl.col("status") == "completed"), metric)


def _add_value(trials: pl.DataFrame, metric: str) -> pl.DataFrame:
    value = pl.col(metric).cast(pl.Float64) if metric in trials.columns else pl.lit(None, pl.Float64)
    return trials.with_columns(value=pl.when(value.abs() <= LARGEST).then(value))  # otherwise null; so is NaN
