"""What differences a design will find, where it is known how much pairs vary."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import polars as pl
from scipy.special import nctdtr, stdtrit

from unroll.contract import Direction, Scale
from unroll.evidence.pairs import LEVEL, pair_seeds
from unroll.evidence.permutation import smallest_p
from unroll.evidence.scales import RANGES, Analysis

POWER = 0.8
"""Share of studies in which a detectable difference is found."""
FEWEST_PAIRS = 3
"""Pairs from which on a spread is worth telling."""
MOST_SEEDS = 100_000

SCHEMA = {
    **dict.fromkeys(("arm", "baseline"), pl.String),
    "known_pairs": pl.Int64,
    "planned_pairs": pl.Int64,
    "detectable": pl.Float64,
    "half_needs_seeds": pl.Int64,
    "difference_needs_seeds": pl.Int64,
}


def power(effect: float, pairs: int, comparisons: int = 1) -> float:
    """Share of studies that find a difference of ``effect`` standard deviations of the pairs' differences.

    That of Student's t test of normal differences at 5 % over the number of comparisons (noncentral t; Cohen 1988,
    section 2.2), and 0 where the seeds cannot decide. The test that is used (max-T over sign flips) finds a little
    less in one comparison of few seeds and more in several that share them, see ``docs/statistics.md``.
    """
    if pairs < 2 or smallest_p(pairs) > LEVEL:
        return 0.0
    limit, shift = float(stdtrit(pairs - 1, 1 - LEVEL / comparisons / 2)), abs(effect) * math.sqrt(pairs)
    return float(1 - nctdtr(pairs - 1, shift, limit) + nctdtr(pairs - 1, shift, -limit))


def detectable_effect(pairs: int, comparisons: int = 1) -> float:
    """The effect whose power is :data:`POWER`; infinite where the seeds cannot decide."""
    low, high = 0.0, 1.0
    if not power(high, pairs, comparisons):
        return math.inf
    while power(high, pairs, comparisons) < POWER:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle, pairs, comparisons) < POWER else (low, middle)
    return high


def needed_pairs(effect: float, comparisons: int = 1) -> int | None:
    """Fewest pairs with which an effect has :data:`POWER`; None beyond :data:`MOST_SEEDS`."""
    return fewest_pairs(lambda pairs: power(effect, pairs, comparisons))


def fewest_pairs(power: Callable[[int], float]) -> int | None:
    """Fewest pairs with which a power that never falls is :data:`POWER`; None beyond :data:`MOST_SEEDS`."""
    low, high = 1, 2
    while power(high) < POWER:
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(middle) < POWER else (low, middle)
    return high


def detectable_differences(
    trials: pl.DataFrame,
    metric: str,
    *,
    baselines: Mapping[str, str],
    planned: Mapping[str, int],
    direction: Direction,
    scale: Scale = "identity",
    difference: float | None = None,
) -> pl.DataFrame:
    """The improvement over its baseline that each planned comparison finds in :data:`POWER` of studies.

    Args:
        trials: with results, of this study or a pilot (as :func:`~unroll.evidence.pairs.paired_differences` has them).
        metric: full name of the metric.
        baselines: of the arms in ``trials``.
        planned: arm -> pairs that are planned, for each comparison.
        direction: which way the metric improves.
        scale: on which it is compared.
        difference: an improvement in the metric's unit, above 0, of which is asked how many seeds it takes.

    Returns:
        ``arm, baseline, known_pairs`` (that the spread is of), ``planned_pairs, detectable`` (in the metric's unit,
        signed, from the baseline's mean; null where the seeds cannot decide), ``half_needs_seeds`` (for half of it on
        the metric's scale), ``difference_needs_seeds`` (for ``difference``; null beyond :data:`MOST_SEEDS`, and where
        the metric cannot be so good). No row without :data:`FEWEST_PAIRS` pairs, or where they do not vary.
    """
    pairs = pair_seeds(trials, metric, baselines=baselines).drop_nulls(["value", "reference"])
    analysis = Analysis.choose(scale, pl.concat([pairs["value"], pairs["reference"]]).to_numpy())
    sign, rows = -1 if direction == "minimize" else 1, []
    for arm, number in planned.items():
        known = pairs.filter(pl.col("arm") == arm)
        if len(known) < FEWEST_PAIRS:
            continue
        sides = [analysis.forward(known[name].to_numpy()) for name in ("value", "reference")]
        spread, effect = float((sides[0] - sides[1]).std(ddof=1)), detectable_effect(number, len(planned))
        if not spread > 0:
            continue
        start = float(sides[1].mean())
        found = None if math.isinf(effect) else analysis.step(start, sign * effect * spread)
        half = None if math.isinf(effect) else needed_pairs(effect / 2, len(planned))
        wanted = None
        if difference is not None:
            wanted = needed_pairs(abs(_length(analysis, start, sign * difference)) / spread, len(planned))
        rows.append((arm, known["baseline"][0], len(known), number, found, half, wanted))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _length(analysis: Analysis, start: float, difference: float) -> float:
    """On the scale, of a difference in the metric's unit from a place of the scale on; 0 where it leaves the range."""
    (low, high), end = RANGES[analysis.declared], analysis.back(start) + difference
    return float(analysis.forward(end)) - start if low < end < high else 0.0


def deciding_pairs(
    trials: pl.DataFrame, metric: str, *, baselines: Mapping[str, str], scale: Scale = "identity"
) -> dict[str, int | None]:
    """Pairs with which each comparison has :data:`POWER`, if effect and spread are those that were seen.

    Args:
        trials: with results (as :func:`~unroll.evidence.pairs.paired_differences` has them).
        metric: full name of the metric.
        baselines: arm -> the arm that it is compared with.
        scale: on which it is compared.

    Returns:
        Arm -> pairs; None beyond :data:`MOST_SEEDS`. An arm with fewer than :data:`FEWEST_PAIRS` pairs, or whose pairs
        do not vary, is left out.
    """
    pairs = pair_seeds(trials, metric, baselines=baselines).drop_nulls(["value", "reference"])
    analysis = Analysis.choose(scale, pl.concat([pairs["value"], pairs["reference"]]).to_numpy())
    compared = [arm for arm, baseline in baselines.items() if arm != baseline]
    found: dict[str, int | None] = {}
    for arm in compared:
        known = pairs.filter(pl.col("arm") == arm)
        value, reference = (analysis.forward(known[name].to_numpy()) for name in ("value", "reference"))
        spread = float((value - reference).std(ddof=1)) if len(known) >= FEWEST_PAIRS else 0.0
        if spread > 0:
            found[arm] = needed_pairs(float((value - reference).mean()) / spread, len(compared))
    return found
