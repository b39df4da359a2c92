"""Validation and test text beside each other: whether a metric has similar values on both."""

from __future__ import annotations

import polars as pl

from unroll.evidence.arms import final_values

SPREADS = 10
"""Standard deviations over seeds by which the two means may differ."""
SHARE = 0.2
"""Share of the smaller one by which they may differ anyway; texts of one source differ by a few percent."""
SHARE_OF_ONE_SEED = 1.0
"""The same for one seed, of which there is no spread."""


def twin_metric(metric: str) -> str | None:
    """The same metric of the other held-out text: ``test/f1`` for ``validation/f1``, and the other way round.

    >>> twin_metric("test/accuracy/distance_3"), twin_metric("train/loss")
    ('validation/accuracy/distance_3', None)
    """
    split, _, name = metric.partition("/")
    other = {"validation": "test", "test": "validation"}.get(split)
    return f"{other}/{name}" if other and name else None


def split_gaps(trials: pl.DataFrame, metric: str, twin: str) -> pl.DataFrame:
    """Each arm's means of one metric on validation and test text, over the seeds that have both.

    Args:
        trials: one row per planned trial: ``arm, seed, status`` and a column for each metric.
        metric: full name of the metric.
        twin: the same of the other text.

    Returns:
        One row per arm with such a seed, in order of appearance: ``arm, n, mean, twin`` (the two means), ``sd`` (the
        larger one of theirs over seeds; null below two), ``apart``: whether the means differ by more than
        :data:`SPREADS` times ``sd`` and more than :data:`SHARE` of the smaller one (on one seed, which has no
        ``sd``, by more than :data:`SHARE_OF_ONE_SEED` of it).
    """
    keys = ["arm", "seed"]
    values = final_values(trials, metric).select(*keys, "value")
    others = final_values(trials, twin).select(*keys, pl.col("value").alias("other"))
    both = values.join(others, on=keys, maintain_order="left").drop_nulls()
    means = both.group_by("arm", maintain_order=True).agg(
        n=pl.len().cast(pl.Int64),
        mean=pl.col("value").mean(),
        twin=pl.col("other").mean(),
        sd=pl.max_horizontal(pl.col("value").std(), pl.col("other").std()),  # null of one seed
    )
    gap, smaller = (
        (pl.col("mean") - pl.col("twin")).abs(),
        pl.min_horizontal(pl.col("mean").abs(), pl.col("twin").abs()),
    )
    # Both: seeds that agree to the last digit would make any gap one of many standard deviations.
    by_seeds = (gap > SPREADS * pl.col("sd")) & (gap > SHARE * smaller)
    alone = gap > SHARE_OF_ONE_SEED * smaller
    return means.with_columns(apart=pl.when(pl.col("n") > 1).then(by_seeds).otherwise(alone))
