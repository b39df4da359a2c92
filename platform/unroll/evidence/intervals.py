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
