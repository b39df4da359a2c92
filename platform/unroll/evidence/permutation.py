"""Exact tests on paired differences: one comparison alone, and several that share their seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Alternative = Literal["two-sided", "less", "greater"]

EXACT_UP_TO = 20
"""Pairs up to which all 2**n sign patterns are enumerated (half a million sums, by symmetry)."""
DRAWS = 99_999
"""Random sign patterns beyond that; the observed one is counted as one more."""
UNITS = 4
"""Units in the last place by which a value may be off: what a quotient or a mean of a few batches is rounded by."""


def resolution(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each value may be off by rounding alone: a few units in the last place of the format that holds it.

    A value that a 32-bit number holds may be one, as results of earlier versions are; a whole number is taken for
    exact, up to 64 bits. For shares of 25,000 examples these units are a thousandth of one example.

    Args:
        values: finite, of any shape.
    """
    wide = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond what 32 bits hold
        narrow = wide.astype(np.float32)
        single = (narrow == wide) & (wide != np.round(wide))
        units: NDArray[np.float64] = np.where(single, np.spacing(narrow).astype(np.float64), np.spacing(wide))
    return UNITS * np.abs(units)


def sign_flip_p(differences: Sequence[float] | NDArray[np.float64], *, error: float = 0.0) -> float:
    """Two-sided p-value of a mean difference of zero, from flipping the signs of paired differences.

    If an arm changed nothing, each pair's difference would be as likely with the other sign. The p-value is the
    share of sign patterns whose sum is at least as far from zero as the observed one (Fisher 1935, section 21). It
    is exact up to :data:`EXACT_UP_TO` pairs; beyond that, it is estimated from :data:`DRAWS` patterns of a generator
    with a fixed seed, as (1 + hits) / (1 + draws) (Phipson and Smyth 2010), so that equal data give equal values.

    Args:
        differences: finite values, shape (pairs,).
        error: how far the sum of all of them may be off by rounding of what was subtracted (:func:`resolution`). Sums
            that may be equal are ties: equal differences of shares differ in their last digits.

    Raises:
        ValueError: no pair, or a value that is not finite.
    """
    hits, patterns = count_flips(differences, error=error)
    return hits / patterns


def count_flips(differences: Sequence[float] | NDArray[np.float64], *, error: float = 0.0) -> tuple[int, int]:
    """What :func:`sign_flip_p` counts: patterns of signs whose sum is at least as far from zero, and all patterns.

    Up to :data:`EXACT_UP_TO` pairs all 2**n patterns; beyond that the drawn ones, the observed one as one more.

    Raises:
        ValueError: no pair, or a value that is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a permutation test needs at least one difference, and only finite ones")
    # Sums of the same terms in another order are ties, and so are those that rounding may have set apart: both are off.
    slack = 1e-12 * np.abs(values).sum() + 2 * error
    observed = abs(values.sum()) - slack
    if values.size <= EXACT_UP_TO:
        return 2 * int((np.abs(_all_sums(values)) >= observed).sum()), 2**values.size
    flips = np.random.default_rng(0).integers(0, 2, size=(DRAWS, values.size), dtype=np.int8)
    return 1 + int((np.abs((2.0 * flips - 1.0) @ values) >= observed).sum()), 1 + DRAWS


def smallest_p(pairs: int) -> float:
    """Smallest value that :func:`sign_flip_p` can take with so many pairs: 2 / 2**pairs where it is exact."""
    exact = min(1.0, 2.0 ** (1 - pairs))
    return exact if pairs <= EXACT_UP_TO else max(exact, 1 / (1 + DRAWS))


def max_t(
    differences: ArrayLike,
    *,
    margins: ArrayLike = 0.0,
    alternative: Alternative = "two-sided",
    errors: ArrayLike = 0.0,
    seeds_up_to: int = EXACT_UP_TO,
    draws: int = DRAWS,
) -> NDArray[np.float64]:
    """Adjusted p-values of several comparisons over common seeds: step-down max-T over joint flips of the seeds.

    The statistic of a comparison is its studentised sum, ``sum(d) / sqrt(sum(d**2))`` with ``d`` the differences less
    the margin: flips change the numerator alone. A flip of a seed turns the signs of all its differences at once, so
    the dependence between comparisons (a shared baseline, above all) is kept. The comparisons are taken in falling
    order of their statistics; the adjusted p-value of one is the share of patterns in which the largest statistic among
    it and all below it is at least the one observed, and never less than that of one above it (Westfall and Young 1993,
    algorithm 4.1; Ge, Dudoit and Speed 2003, box 2).

    The chance of any wrong rejection is held where the differences of a seed, over all comparisons in which the null
    hypothesis is true, are as likely with all their signs turned. Where a seed is absent from a comparison, its flip
    does not touch that comparison; comparisons without common seeds are flipped independently. Up to ``seeds_up_to``
    seeds every pattern is counted; beyond that, ``draws`` patterns of a generator with a fixed seed, and the observed
    one as one more.

    Args:
        differences: shape (seeds, comparisons), NaN where a comparison lacks a seed.
        margins: what the null hypothesis says of a difference: it is the margin (two-sided), at most the margin
            (``greater``) or at least the margin (``less``); one for all or one per comparison.
        alternative: which differences count against it.
        errors: how far each difference may be off by rounding (:func:`resolution`), of a shape that fits
            ``differences``. Statistics that may be equal are ties.
        seeds_up_to: most seeds for which all patterns are counted.
        draws: random patterns beyond that.

    Returns:
        Shape (comparisons,): NaN for a comparison without a seed, which is not counted.

    Raises:
        ValueError: a difference is infinite, or the differences are no matrix.
    """
    values = np.array(differences, dtype=np.float64)
    if values.ndim != 2 or np.isinf(values).any():
        raise ValueError("max-T needs a matrix of differences, seeds by comparisons, finite or NaN")
    values = values - np.broadcast_to(np.asarray(margins, dtype=np.float64), values.shape)
    if alternative == "less":
        values = -values
    present = ~np.isnan(values)
    tested = np.flatnonzero(present.any(axis=0))
    adjusted = np.full(values.shape[1], np.nan)
    if not tested.size:
        return adjusted
    rows = present.any(axis=1)
    off = np.where(present, np.broadcast_to(np.asarray(errors, dtype=np.float64), values.shape), 0.0)[rows][:, tested]
    known = np.where(present, values, 0.0)[rows][:, tested]
    scale = np.sqrt((known**2).sum(axis=0))
    scale[scale == 0] = 1.0  # without any difference the statistic is 0 under every pattern
    # As in sign_flip_p, half of it on each side: also statistics of two comparisons may be set apart by rounding.
    slack = (1e-12 * np.abs(known).sum(axis=0) + 2 * off.sum(axis=0)) / scale / 2
    units = known / scale
    drawn = None if len(units) <= seeds_up_to else draws
    adjusted[tested] = _step_down(units, slack, mirrored=alternative == "two-sided", draws=drawn)
    return adjusted


def _step_down(
    units: NDArray[np.float64], slack: NDArray[np.float64], *, mirrored: bool, draws: int | None
) -> NDArray[np.float64]:
    """Adjusted p-values of statistics that are the columns' sums, of shape (comparisons,); see :func:`max_t`.

    Args:
        units: shape (seeds, comparisons); 0 where a comparison lacks a seed.
        slack: how far each statistic may be off, shape (comparisons,).
        mirrored: whether sums count by their size alone.
        draws: random patterns, with the observed one as one more; None: all patterns.
    """
    observed = units.sum(axis=0)
    observed = np.abs(observed) if mirrored else observed
    order = np.argsort(-observed, kind="stable")
    units, slack, observed = units[:, order], slack[order], observed[order]
    count = 0 if draws is None else 1
    hits = np.full(len(order), count, dtype=np.int64)
    for signs in patterns(len(units), mirrored=mirrored, draws=draws, columns=len(order)):
        sums = signs @ units
        statistics = (np.abs(sums) if mirrored else sums) + slack
        largest = np.maximum.accumulate(statistics[:, ::-1], axis=1)[:, ::-1]  # of a comparison and all below it
        hits += (largest >= observed - slack).sum(axis=0)
        count += len(signs)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(hits / count)
    return adjusted


def patterns(seeds: int, *, mirrored: bool, draws: int | None, columns: int) -> Iterator[NDArray[np.float64]]:
    """Patterns of signs in blocks of shape (some, seeds): all of them, or so many drawn with a fixed seed.

    Where the statistic does not know its sign, patterns with the first sign turned mirror the others and are left out.
    """
    block = max(1, 2**20 // (seeds + columns))  # some 10 MB for each intermediate result
    if draws is not None:
        generator = np.random.default_rng(0)
        for start in range(0, draws, block):
            drawn = generator.integers(0, 2, size=(min(block, draws - start), seeds), dtype=np.int8)
            yield np.where(drawn == 1, 1.0, -1.0)
        return
    places = np.arange(seeds)
    number = 2 ** (seeds - 1) if mirrored else 2**seeds
    for start in range(0, number, block):
        codes = np.arange(start, min(start + block, number))
        yield np.where(codes[:, None] >> places & 1, -1.0, 1.0)


def _all_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums under every sign pattern, with the first sign fixed: the others mirror these. Shape (2**(pairs - 1),)."""
    sums = values[:1]  # doubled by every further value: half a million for the most that are enumerated
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return sums
