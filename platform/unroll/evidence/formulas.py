"""Values of metrics from sums over examples (``contract.Formula``)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unroll.contract import Formula

Values = NDArray[np.float64]


def evaluate(formula: Formula, above: Values, below: Values) -> Values:
    """The metric's value.

    Args:
        formula: which form it has.
        above: of each place, shape (places, ...).
        below: of the same shape.

    Returns:
        Shape (...).
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if formula.form == "bleu":
            return _bleu(above, below)
        ratios = np.where(below == 0, 0.0, above / below)
        if formula.form == "mean":
            return np.asarray(np.where((below != 0).any(0), ratios.sum(0) / (below != 0).sum(0), 0.0))
        return np.asarray(np.exp(ratios[0]) if formula.form == "exponential" else ratios[0])


def combine(formula: Formula, sums: Mapping[str, Values]) -> tuple[Values, Values]:
    """Above and below of each place, each of shape (places, ...), from sums of shape (...), ``examples`` among them."""

    def weighted(place: Mapping[str, float]) -> Values:
        parts = [factor * np.asarray(sums[name], np.float64) for name, factor in place.items()]
        return np.asarray(np.sum(parts, axis=0))

    return np.stack([*map(weighted, formula.above)]), np.stack([*map(weighted, formula.below)])


def _bleu(found: Values, written: Values) -> Values:
    """BLEU with "exp" smoothing: the k-th length of which no n-gram was found counts 1 / (2^k written)."""
    precisions, halved = [], np.ones_like(found[0])
    for matches, total in zip(found[:-1], written[:-1], strict=True):
        halved = np.where(matches == 0, halved / 2, halved)
        precisions.append(np.where(matches == 0, halved, matches) / total)
    logarithms = np.where(written[:-1] == 0, -np.inf, np.log(np.stack(precisions)))  # none so long: BLEU is 0
    brevity = np.minimum(0.0, 1 - written[-1] / found[-1])
    return np.asarray(np.where(found[:-1].sum(0) == 0, 0.0, 100 * np.exp(brevity + logarithms.mean(0))))
