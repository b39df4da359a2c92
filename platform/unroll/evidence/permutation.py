"""Exact tests on paired differences, and Holm's correction for several of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    values = np.asarray(differences, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError("a permutation test needs at least one difference, and only finite ones")
    # Sums of the same terms in another order are ties, and so are those that rounding may have set apart: both are off.
    slack = 1e-12 * np.abs(values).sum() + 2 * error
    observed = abs(values.sum()) - slack
    if values.size <= EXACT_UP_TO:
        return float((np.abs(_all_sums(values)) >= observed).mean())
    flips = np.random.default_rng(0).integers(0, 2, size=(DRAWS, values.size), dtype=np.int8)
    hits = int((np.abs((2.0 * flips - 1.0) @ values) >= observed).sum())
    return (1 + hits) / (1 + DRAWS)


def smallest_p(pairs: int) -> float:
    """Smallest value that :func:`sign_flip_p` can take with so many pairs: 2 / 2**pairs where it is exact."""
    exact = min(1.0, 2.0 ** (1 - pairs))
    return exact if pairs <= EXACT_UP_TO else max(exact, 1 / (1 + DRAWS))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values so that all of them together hold the error rate of one (Holm 1979).

    A missing value counts as a comparison that was planned, and stays missing.
    """
    # What has no result yet may come to have a p larger than all others: it ranks last, and len() counts it.
    ranked = [math.inf if p is None else p for p in p_values]
    order = sorted(range(len(ranked)), key=ranked.__getitem__)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        p = p_values[index]
        if p is not None:
            running = max(running, min(1.0, (len(p_values) - rank) * p))  # never below that of a smaller p
            adjusted[index] = running
    return adjusted


def correct(comparisons: Sequence[dict[str, Any]]) -> None:
    """Add ``p_holm`` and ``smallest_p_holm`` to all comparisons of a study, which have ``p`` and ``smallest_p``."""
    for row, adjusted in zip(comparisons, holm([row["p"] for row in comparisons]), strict=True):
        row["p_holm"] = adjusted
        row["smallest_p_holm"] = min(1.0, len(comparisons) * row["smallest_p"])  # as if it were the smallest of all


def _all_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums under every sign pattern, with the first sign fixed: the others mirror these. Shape (2**(pairs - 1),)."""
    sums = values[:1]  # doubled by every further value: half a million for the most that are enumerated
    for value in values[1:]:
        sums = np.concatenate([sums + value, sums - value])
    return sums
