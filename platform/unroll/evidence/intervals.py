"""Intervals of means and of differences, one value or one column at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import stdtrit

from unroll.evidence.permutation import DRAWS, EXACT_UP_TO, patterns

CONFIDENCE = 0.95
RESAMPLES = 1_999
"""Resamples of the bootstrap, of a generator with a fixed seed."""
FEWEST = 6
"""Values from which on an interval follows from them alone: fewer have no sign-flip interval at 95 %, and too few
different resamples."""


def t_factor(n: int) -> float:
    """Number of standard errors on each side of a mean of n values; n is at least 2."""
    return float(stdtrit(n - 1, (1 + CONFIDENCE) / 2))


def mean_interval(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float] | None:
    """95 % interval of the mean of independent values; None below two.

    On each side the farther one of the ends of two intervals: Student's t, and bootstrap-t (Efron and Tibshirani 1993,
    section 12.5), which follows the skewness of the values. Alone, the first covers too rarely where they are skewed
    (82 to 88 % of 8 lognormal values), the second where they have heavy tails; ``docs/statistics.md`` has the figures.
    Below :data:`FEWEST` values it is the t interval.
    """
    known = np.asarray(values, dtype=np.float64)
    n = len(known)
    if n < 2:
        return None
    mean, error = float(known.mean()), float(known.std(ddof=1)) / math.sqrt(n)
    below = above = t_factor(n)
    if n >= FEWEST and error > 0:
        places = np.random.default_rng(0).integers(0, n, size=(RESAMPLES, n))
        resampled = known[places]
        errors = resampled.std(axis=1, ddof=1) / math.sqrt(n)
        varied = errors > 1e-9 * error  # a resample of one value has no t
        t = (resampled.mean(axis=1)[varied] - mean) / errors[varied]
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(t, [tail, 1 - tail])
        below, above = max(below, float(high)), max(above, -float(low))
    return mean - below * error, mean + above * error


def shift_interval(differences: Sequence[float] | NDArray[np.float64]) -> tuple[float, float] | None:
    """95 % interval of a shift: all that the sign-flip test of the differences less the shift does not reject.

    So it leaves out zero exactly where the test of the comparison alone has p of at most 5 %. Its ends are means of
    subsets of the differences (Hartigan 1969): with n up to 20 it covers the centre of a symmetric distribution in
    95 % and a little more, since there are finitely many subsets. Below :data:`FEWEST` differences, of which the test
    rejects no shift at all, it is Student's t interval; None below two.
    """
    known = np.asarray(differences, dtype=np.float64)
    n = len(known)
    if n < FEWEST:
        return mean_interval(known)
    exact = n <= EXACT_UP_TO
    total = float(known.sum())
    lows, highs, count, always = [], [], int(not exact), int(not exact)  # the observed pattern beside drawn ones
    for signs in patterns(n, mirrored=True, draws=None if exact else DRAWS, columns=1):
        turned = signs < 0
        sizes = turned.sum(axis=1)
        split = (sizes > 0) & (sizes < n)
        part = turned[split] @ known
        one, other = part / sizes[split], (total - part) / (n - sizes[split])
        # Below the mean of all, a pattern is a hit for every shift from the smaller of the two means on.
        lows.append(np.minimum(one, other))
        highs.append(np.maximum(one, other))
        count += len(signs)
        always += len(signs) - len(part)
    # The p-value of a shift is the share of hits, and more than 5 % from so many of them on.
    needed = math.floor((1 - CONFIDENCE) * count * (1 + 1e-12)) + 1 - always
    low, high = np.sort(np.concatenate(lows)), np.sort(np.concatenate(highs))
    return float(low[needed - 1]), float(high[-needed])


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
