"""Student's t intervals for means, one value or one column at a time."""

from __future__ import annotations

import polars as pl
from scipy.special import stdtrit

CONFIDENCE = 0.95


def t_factor(n: int) -> float:
    """Number of standard errors on each side of a mean of n values; n is at least 2."""
    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))


def half_width(n: pl.Expr, sd: pl.Expr) -> pl.Expr:
    """Half the 95 % t interval of a mean: t(n-1) sd / sqrt(n); null where n is below 2.

    Args:
        n: number of values behind each mean.
        sd: their sample standard deviation (divisor n - 1).
    """
    factor = n.map_elements(lambda count: t_factor(count) if count > 1 else None, return_dtype=pl.Float64)
    return factor * sd / n.cast(pl.Float64).sqrt()


def average_trials(rows: pl.DataFrame, *keys: str, column: str = "value") -> pl.DataFrame:
    """Average a column over an arm's trials, separately for each combination of keys.

    Args:
        rows: ``arm``, the keys and ``column``, finite, one row per trial and combination.
        keys: columns that identify a point of a curve; sorted ascending in the result.
        column: what is averaged.

    Returns:
        ``arm, *keys, n, mean, low, high`` (95 % t interval; null below two trials and where the square of a value
        exceeds the largest float). Points whose mean exceeds it are left out.
    """
    means = rows.group_by("arm", *keys).agg(
        n=pl.len().cast(pl.Int64), mean=pl.col(column).mean(), sd=pl.col(column).std()
    )
    half = half_width(pl.col("n"), pl.col("sd"))
    half = pl.when(half.is_finite()).then(half)
    kept = means.filter(pl.col("mean").is_finite()).sort(keys)  # finite values may have an infinite sum
    return kept.with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half).drop("sd")


def order_arms(rows: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Rows with arms in the order in which the history first names them; the order within an arm is kept."""
    arms = history.select(pl.col("arm").unique(maintain_order=True))
    return arms.join(rows, on="arm", maintain_order="left_right")
