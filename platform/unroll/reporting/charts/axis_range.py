"""Axes that fit their data: a few outlying values or wide intervals must not press all others together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import polars as pl

LOG_FROM = 4.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""
FAR = 100.0
"""Times the median from which a value of a curve is off the chart."""
OUTLYING = 50.0
"""Times the median from which a difference would press the others together."""
NEAR = 3.0
"""A reference line is near while it is within so many ranges (on a logarithmic axis factors) of the values."""
CUT = " Intervals that reach far beyond all values are cut; they are whole in the tables."
"""End of a caption where :func:`are_cut`."""


def lie_near(lines: Iterable[float], values: Sequence[float], *, logarithmic: bool) -> bool:
    """Whether lines can be drawn beside values without pressing these together."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if logarithmic:
        return all(line > 0 and max(low / line, line / high) <= NEAR for line in lines)
    return all(min(abs(line - low), abs(line - high)) <= NEAR * (high - low) for line in lines)


def is_wide(values: list[float], ratio: float = LOG_FROM) -> bool:
    """Whether positive values spread over so many orders that a linear axis would hide most of them."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= ratio


def cut_intervals(
    rows: pl.DataFrame, values: Iterable[float], *, signed: bool = False, logarithmic: bool = False
) -> pl.DataFrame:
    """What is drawn of intervals, so that the axis is left to the values: ``start`` and ``end`` beside ``low, high``.

    They are cut one range of the values beyond the outermost, which few seeds easily reach, and at zero where no value
    is negative: a perplexity has no place there.

    Args:
        rows: with the intervals' ``low`` and ``high``.
        values: everything else that the chart draws.
        signed: the values may be negative, even where none is.
        logarithmic: the axis has no zero.
    """
    known = [value for value in values if math.isfinite(value)] or [0.0]
    lowest, highest = min(known), max(known)
    span = highest - lowest or abs(highest)
    # One range below the outermost value, and not beyond zero; a logarithmic axis has none, so half of the least value.
    least = lowest - span
    if lowest >= 0 and not signed:
        least = max(least, lowest / 2 if logarithmic else 0.0)
    return rows.with_columns(
        start=pl.col("low").clip(least, highest + span), end=pl.col("high").clip(least, highest + span)
    )


def are_cut(rows: pl.DataFrame) -> bool:
    """Whether :func:`cut_intervals` took something away."""
    return not rows.filter((pl.col("start") != pl.col("low")) | (pl.col("end") != pl.col("high"))).is_empty()


def find_ceiling(means: pl.Series) -> float | None:
    """The largest mean that is drawn where others are so far above that nothing else could be read; else None."""
    known = means.drop_nulls()
    median = known.median()
    if not isinstance(median, float) or median <= 0:
        return None
    near = known.filter(known <= FAR * median)
    top = near.max()
    return top if len(near) < len(known) and isinstance(top, float) else None


def find_outliers(differences: pl.Series) -> float | None:
    """The usual size of differences, if some are so much larger that a linear axis would show nothing else."""
    sizes = differences.drop_nulls().abs()
    sizes = sizes.filter(sizes > 0)
    if sizes.is_empty():
        return None
    # The lower median: of an even number of differences the usual size is one that occurs.
    ordered = sizes.sort().to_list()
    usual, largest = ordered[(len(ordered) - 1) // 2], ordered[-1]  # an even number would have two
    return float(usual) if largest >= OUTLYING * usual else None


def signed_powers(usual: float, largest: float) -> list[float]:
    """Ticks of a symmetric logarithmic axis: zero and powers of ten to both sides, at most nine."""
    first, last = math.floor(math.log10(usual)), math.floor(math.log10(largest))
    step = max(1, math.ceil((last - first + 1) / 4))  # at most four powers to each side
    powers = [10.0**power for power in range(last, first - 1, -step)][::-1]
    return [*(-power for power in reversed(powers)), 0.0, *powers]
