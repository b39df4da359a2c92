"""Whether training ended where it should have: curves that still improve at their end, or are past their best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from unroll.contract import Direction

LEAST_VALIDATIONS = 3
"""Fewer say nothing of a trend."""
LAST_SHARE = 0.1
"""The end of training that is looked at: this share of the validations, at least one."""
ERRORS = 3.0
"""Standard errors over trials that a change must have. Three, as the best of many validations is low by chance: of
curves that are noise alone, 7 to 9 % are taken for past their best and 1 % for improving (4 and 8 trials, 10 and 30
validations)."""
AGREEING = 0.75
"""Share of the trials that must have changed that way."""

_COLUMNS = {
    "arm": pl.String,
    "trend": pl.String,
    "n": pl.Int64,
    "best": pl.Int64,
    "validations": pl.Int64,
    "change": pl.Float64,
}


def trends(history: pl.DataFrame, metric: str, *, direction: Direction) -> pl.DataFrame:
    """How each arm's curve ends, over trials that were validated equally often.

    An arm is *improving* if the best of its mean curve is its last validation and the last tenth of its validations
    (at least one) still brought something; it is *past* if its last validation is worse than the best of its mean
    curve. Either must hold on average over the trials by more than :data:`ERRORS` standard errors, and for at least
    :data:`AGREEING` of the trials. Otherwise it is *level*.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``, arms in their order.
        metric: of validation.
        direction: which way is better.

    Returns:
        One row per arm with at least :data:`LEAST_VALIDATIONS` validations of two trials: ``arm, trend, n`` (trials),
        ``best`` (number of the best validation, from one), ``validations``, ``change`` (how much better or worse, in
        the metric's unit, at least 0).
    """
    rows = list(_rows(history.filter(pl.col("metric") == metric, pl.col("value").is_finite()), direction))
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def _rows(logged: pl.DataFrame, direction: Direction) -> Iterator[tuple[Any, ...]]:
    sign = 1.0 if direction == "maximize" else -1.0
    for (arm,), of_arm in logged.group_by(["arm"], maintain_order=True):
        curves = [part.sort("step")["value"].to_list() for part in of_arm.partition_by("trial", maintain_order=True)]
        number = max(map(len, curves))
        whole = [[sign * value for value in curve] for curve in curves if len(curve) == number]
        if number < LEAST_VALIDATIONS or len(whole) < 2:
            continue
        means = [sum(values) / len(whole) for values in zip(*whole, strict=True)]
        best = means.index(max(means))
        since = best if best < number - 1 else number - 1 - max(1, math.floor(LAST_SHARE * number))
        changes = [curve[-1] - curve[since] for curve in whole]
        trend = "level"
        if best == number - 1 and _is_change(changes):
            trend = "improving"
        elif best < number - 1 and _is_change([-change for change in changes]):
            trend = "past"
        yield arm, trend, len(whole), best + 1, number, abs(sum(changes) / len(changes))


def _is_change(changes: list[float]) -> bool:
    mean = sum(changes) / len(changes)
    deviation = math.sqrt(sum((change - mean) ** 2 for change in changes) / (len(changes) - 1))
    agreeing = sum(change > 0 for change in changes) / len(changes)
    return mean > ERRORS * deviation / math.sqrt(len(changes)) and agreeing >= AGREEING
