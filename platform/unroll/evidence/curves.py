"""Means over seeds along training."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from unroll.evidence.intervals import average_trials, order_arms

POINTS = 200
"""Most steps that are kept per arm: more than a chart's width can show."""


def learning_curves(history: pl.DataFrame, metric: str, *, points: int = POINTS) -> pl.DataFrame:
    """Average one logged metric over an arm's trials at common steps.

    The steps of an arm are all those at which one of its trials logged the metric, thinned evenly to at most
    ``points`` (first and last kept). A trial that did not log at a step is interpolated linearly between its
    neighbours and never extended beyond its own first and last value: ``n`` falls where trials ended early. NaN and
    infinities are left out.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``.
        metric: full name of the metric.
        points: most steps to keep per arm; at least 2.

    Returns:
        ``arm, step, n, mean, low, high`` as :func:`~unroll.evidence.intervals.average_trials` gives them, arms in
        order of appearance, steps ascending.
    """
    logged = history.filter((pl.col("metric") == metric) & pl.col("value").is_finite())
    logged = logged.unique(["arm", "trial", "step"], keep="last", maintain_order=True)
    on_grid = _resample(logged.select("arm", "trial", "step", "value"))
    return thin_curves(order_arms(average_trials(on_grid, "step"), history), points)


def _resample(logged: pl.DataFrame) -> pl.DataFrame:
    """Every trial at every step of its arm, between its own first and last step."""
    trials = logged.group_by("arm", "trial").agg(first=pl.col("step").min(), last=pl.col("step").max())
    grid = trials.join(logged.select("arm", "step").unique(), on="arm")
    grid = grid.filter(pl.col("step").is_between("first", "last")).select("arm", "trial", "step")
    values = grid.join(logged, on=["arm", "trial", "step"], how="left").sort("arm", "trial", "step")
    return values.with_columns(pl.col("value").interpolate_by("step").over("arm", "trial"))


def thin_curves(curves: pl.DataFrame, points: int) -> pl.DataFrame:
    """Keep at most ``points`` (2 or more) rows per arm, evenly spread by rank, first and last among them."""
    # Ranks 0 to count - 1 fall into `points` slots of equal width; the first row of each slot is kept.
    place, count = pl.int_range(pl.len()).over("arm"), pl.len().over("arm")
    slot = (place * (points - 1)) // (count - 1).clip(lower_bound=1)
    # The last row is alone in its slot, points - 1, and so it is kept.
    previous = ((place - 1) * (points - 1)) // (count - 1).clip(lower_bound=1)
    return curves.filter((count <= points) | (place == 0) | (slot != previous))


def merge_curves(curves: pl.DataFrame, groups: Mapping[str, str], along: str = "step") -> pl.DataFrame:
    """One curve for each group of arms: the mean over its arms' curves, from the lowest to the highest of them.

    Arms of a group that have no value at a place are interpolated between their neighbours and never extended.

    Args:
        curves: ``arm``, the column ``along`` (whole numbers) and ``mean``.
        groups: arm -> its group; arms of none are left out.
        along: what runs along the curves.

    Returns:
        ``arm`` (the group's name), the column ``along``, ``n`` (arms), ``mean``, ``low, high`` (least and greatest of
        the arms: a range, no interval); groups in order of appearance.
    """
    names = list(dict.fromkeys(groups.values()))
    known = curves.filter(pl.col("arm").is_in(list(groups)))
    each = known.select(
        pl.col("arm").replace_strict(groups, return_dtype=pl.String),
        trial="arm",
        step=pl.col(along),
        value="mean",
    )
    value = pl.col("value")
    merged = _resample(each).drop_nulls("value").group_by("arm", "step", maintain_order=True)
    found = merged.agg(n=pl.len().cast(pl.Int64), mean=value.mean(), low=value.min(), high=value.max())
    order = pl.col("arm").replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    return found.sort(order, "step").rename({"step": along})
