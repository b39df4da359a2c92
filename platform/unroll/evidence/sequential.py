"""Several comparisons, looked at more than once while seeds are added: the chance of any wrong verdict is held."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from unroll.evidence.permutation import DRAWS, EXACT_UP_TO, patterns
from unroll.study.declaration import Spending

Values = NDArray[np.float64]
Marks = NDArray[np.bool_]


def spend(share: float, spending: Spending, level: float) -> float:
    """The part of the level that may be spent once a share of all seeds is there (Lan and DeMets 1983).

    ``pocock`` spends early, as constant bounds do: level * ln(1 + (e - 1) * share); ``obrien_fleming`` late:
    2 - 2 * Phi(z / sqrt(share)) with z the normal quantile of 1 - level / 2.

    Args:
        share: of the seeds of the last look, above 0 and up to 1.
        spending: which function.
        level: what is spent in the end.
    """
    if spending == "pocock":
        return level * math.log1p((math.e - 1) * share)
    return 2 * float(ndtr(float(ndtri(level / 2)) / math.sqrt(share)))


def spent_levels(looks: Sequence[int], spending: Spending, level: float) -> list[float]:
    """What is spent up to each look, all of the level at the last one.

    P-values of sign flips are multiples of 2 / 2**n: what a look could not use of its part is left to the next one. At
    eight of 24 seeds that is 0.0156 of 0.0226.

    Args:
        looks: seeds at each look, rising.
        spending: which function.
        level: what is spent in the end.
    """
    spent: list[float] = []
    for seeds in looks[:-1]:
        before = spent[-1] if spent else 0.0
        grain = _grain(seeds)
        spent.append(before + grain * math.floor((spend(seeds / looks[-1], spending, level) - before) / grain + 1e-9))
    return [*spent, level]


def _grain(seeds: int) -> float:
    """The smallest p-value of so many seeds."""
    return 2.0 ** (1 - seeds) if seeds <= EXACT_UP_TO else 1 / (1 + DRAWS)


def idle_looks(looks: Sequence[int], spending: Spending, level: float) -> list[int]:
    """Seeds of the looks that can decide nothing, whatever the results: what they may spend reaches no p-value."""
    spent = spent_levels(looks, spending, level)
    parts = zip(looks, [0.0, *spent], spent, strict=False)
    return [seeds for seeds, before, now in parts if now - before < _grain(seeds) * (1 - 1e-9)]


def least_start(up_to: int, spending: Spending, level: float) -> int:
    """The fewest seeds at which a first look can decide; ``up_to`` where none before the last can."""
    return next((n for n in range(1, up_to) if n not in idle_looks([n, up_to], spending, level)), up_to)


@dataclass(frozen=True, slots=True)
class Look:
    """What is known at one look, seeds in the order in which they are added; arrays of shape (seeds, comparisons)."""

    differences: Values
    """NaN where a comparison lacks a seed."""
    errors: Values
    """How far each may be off by rounding. Statistics that may be equal are ties."""
    ended: Marks
    """Whether the seed is over for the comparison, with or without a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """What looks came to; arrays of shape (comparisons,)."""

    made: int
    """Looks for which every comparison that was undecided before had its seeds."""
    p_adjusted: Values
    """What had been spent before a comparison's last look, and its adjusted p there: the order of outcomes is that of
    stages (Jennison and Turnbull 2000, section 8.4). NaN where it was tested at none."""
    look: NDArray[np.int64]
    """The last look at which a comparison was tested, from 1; 0 where at none. Of a decided one, the deciding look."""
    way: Values
    """Sign of its sum of differences there."""
    decided: Marks
    """Whether its null hypothesis is rejected: its p_adjusted is at most what is spent up to that look."""
    closed: Marks
    """Whether it is tested no more: it is decided, or others have decided what it is asked for."""


def sequential_max_t(
    known: Sequence[Look],
    *,
    looks: Sequence[int],
    spending: Spending,
    level: float,
    close: Callable[[Marks, Values], Marks] | None = None,
    seeds_up_to: int = EXACT_UP_TO,
    draws: int = DRAWS,
) -> Sequential:
    """Step-down max-T over joint flips of the seeds (:func:`~unroll.evidence.permutation.max_t`) at several looks.

    A flip pattern of all seeds is at each look the pattern of those that are there: so all looks have one joint
    distribution, exact where the differences of a seed are as likely with all their signs turned. At look *k* the p of
    a comparison is the share of patterns in which, of it or of one that is less extreme and undecided, the statistic
    reaches the observed one and would not have been decided at an earlier look: not have passed the bound that the
    undecided ones were held against there. It is decided where that is at most what look *k* may spend.

    No wrong verdict in more than ``level`` of studies: let I be the comparisons without an effect, and let a rule that
    knows I hold I alone against bounds of its own, spending as much at each look: it errs with the sum of what is
    spent. As long as no verdict is wrong, what is undecided holds I; so, look by look, the bounds used here are at
    least that rule's: more comparisons can reach a value, and those of I were excluded by higher bounds. It is the
    argument of step-down (Westfall and Young 1993; Romano and Wolf 2005), once for each look. Comparisons that are
    decided need no more seeds.

    Args:
        known: for each of the first looks what was known there. From the first one on at which an undecided comparison
            has seeds that have not ended, looks are not made.
        looks: seeds at each look that was declared, rising.
        spending: how the level is divided, see :func:`spent_levels`.
        level: chance of any wrong verdict.
        close: what is decided and the signs of its sums -> what is tested no more; None: what is decided.
        seeds_up_to: most seeds for which all patterns are counted.
        draws: random patterns beyond that, the observed one as one more.
    """
    number = known[0].differences.shape[1] if known else 0
    p_adjusted, way = np.full(number, np.nan), np.zeros(number)
    look, decided, closed = np.zeros(number, dtype=np.int64), np.zeros(number, bool), np.zeros(number, bool)
    made, before = 0, 0.0
    earlier: list[tuple[Look, float]] = []
    for now, seeds, spent in zip(known, looks, spent_levels(looks, spending, level), strict=False):
        if not now.ended[:, ~closed].all() or len(now.differences) < seeds:
            break
        made += 1
        tested = np.flatnonzero(~np.isnan(now.differences).all(axis=0) & ~closed)
        if tested.size:
            rows = np.flatnonzero(~np.isnan(now.differences[:, tested]).all(axis=1))
            family = _Family(
                [_Statistics.of(each, rows, tested, bound) for each, bound in [*earlier, (now, math.inf)]],
                draws=None if len(rows) <= seeds_up_to else draws,
            )
            p = family.step_down()
            look[tested], p_adjusted[tested] = made, np.minimum(before + p, 1.0)
            way[tested] = np.sign(np.nansum(now.differences[:, tested], axis=0))
            passed = p <= spent - before + _DUST
            decided[tested[passed]] = True
            if len(known) > made and not passed.all():
                earlier.append((now, family.bound(np.flatnonzero(~passed), spent - before)))
        closed = close(decided, way) if close else decided.copy()
        before = spent
    return Sequential(made=made, p_adjusted=p_adjusted, look=look, way=way, decided=decided, closed=closed)


_DUST = 1e-12
"""Sums of what was spent are off by less, and p-values further apart."""


@dataclass(frozen=True, slots=True)
class _Statistics:
    """The statistics of one look, whose sums under flips of its seeds they are."""

    units: Values
    """Shape (seeds, comparisons)."""
    slack: Values
    """How far each statistic may be off, shape (comparisons,)."""
    bound: float
    """What a statistic had to pass to be decided; infinite for the look that is made now."""

    @classmethod
    def of(cls, look: Look, rows: NDArray[np.int64], columns: NDArray[np.int64], bound: float) -> _Statistics:
        own = np.ix_(rows[rows < len(look.differences)], columns)
        absent = np.isnan(look.differences[own])
        known = np.where(absent, 0.0, look.differences[own])
        scale = np.sqrt((known**2).sum(axis=0))
        scale[scale == 0] = 1.0
        # As in max_t: half of it on each side.
        errors = np.where(absent, 0.0, look.errors[own]).sum(axis=0)
        return cls(known / scale, (1e-12 * np.abs(known).sum(axis=0) + 2 * errors) / scale / 2, bound)

    def statistics(self, signs: Values, columns: NDArray[np.int64]) -> Values:
        """Sizes of the sums under patterns of signs, shape (patterns, columns)."""
        return np.abs(signs[:, : len(self.units)] @ self.units[:, columns])


@dataclass(frozen=True, slots=True)
class _Family:
    """Comparisons that are undecided, with the looks at which they were tested; the last one is made now."""

    looks: list[_Statistics]
    draws: int | None
    """Random patterns; None: all of them."""

    def step_down(self) -> Values:
        """Adjusted p-values of this look alone, shape (comparisons,)."""
        now = self.looks[-1]
        observed = np.abs(now.units.sum(axis=0))
        order = np.argsort(-observed, kind="stable")
        limits = (observed - now.slack)[order]
        count = 0 if self.draws is None else 1
        hits = np.full(len(order), count, dtype=np.int64)
        for statistics in self._patterns(order):
            largest = np.maximum.accumulate(statistics[:, ::-1], axis=1)[:, ::-1]  # of a comparison and all below it
            hits += (largest >= limits).sum(axis=0)
            count += len(statistics)
        adjusted = np.empty(len(order))
        adjusted[order] = np.maximum.accumulate(hits / count)
        return adjusted

    def bound(self, columns: NDArray[np.int64], spent: float) -> float:
        """What a statistic of these comparisons has to pass to be decided at this look."""
        largest = np.concatenate([statistics.max(axis=1) for statistics in self._patterns(columns)])
        extra = 0 if self.draws is None else 1
        allowed = math.floor((spent + _DUST) * (len(largest) + extra)) - extra
        if allowed < 0 or allowed >= len(largest):
            return math.inf
        place = len(largest) - 1 - allowed
        return float(np.partition(largest, place)[place])

    def _patterns(self, columns: NDArray[np.int64]) -> Iterator[Values]:
        """Statistics of this look under blocks of patterns; minus infinity where an earlier look would have decided."""
        *earlier, now = self.looks
        for signs in patterns(len(now.units), mirrored=True, draws=self.draws, columns=len(columns)):
            statistics = now.statistics(signs, columns) + now.slack[columns]
            for look in earlier:
                statistics[look.statistics(signs, columns) - look.slack[columns] > look.bound] = -np.inf
            yield statistics
