"""How much of a difference's interval is the choice of the test examples: seeds crossed with examples.

A difference is measured with some seeds on some examples, and both were drawn: D = delta + seed + example + their
interaction (two-way random effects). Its variance is the sum of three shares, and what resampling shows of each is not
the share alone (Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 386-411; for seeds and
examples Sellam et al. 2022, "The MultiBERTs", ICLR, section 3):

- seeds, with these examples:     V(seed) + V(interaction);
- examples, with these seeds:     V(example) + V(interaction);
- both:                           V(seed) + V(example) + V(interaction).

Resampling both at once counts the interaction three times (Owen, theorem 2). So examples alone are resampled, the same
ones for all trials: how each seed's difference moves tells the last two lines apart, as in the analysis of variance of
a two-way table. What the examples add to an interval over seeds is V(example).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unroll.contract import EXAMPLES, Formula, Scale, derive_seed
from unroll.evidence.arms import final_values, is_one_value
from unroll.evidence.formulas import combine, evaluate
from unroll.evidence.intervals import RESAMPLES, shift_interval, t_factor
from unroll.evidence.pairs import pair_seeds
from unroll.evidence.scales import Analysis

Values = NDArray[np.float64]

TOLERANCE: Final = 1e-5
"""How far a value may be from what its examples give, as a share of it: fractions are kept in 32 bits."""
_BITS: Final = 26
"""What examples add is rounded to so many bits of the largest of them: then sums are exact, whatever their order, and
equal ledgers give equal bytes on every machine."""
_AT_ONCE: Final = 2**22
"""Numbers of a block of resamples."""

SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    **dict.fromkeys(("arm", "baseline"), pl.String),
    **dict.fromkeys(("n", "pairs", "examples"), pl.Int64),
    "difference": pl.Float64,
    **{f"{of}_{end}": pl.Float64 for of in ("seeds", "examples", "both") for end in ("low", "high")},
    **dict.fromkeys(("share", "variance_share"), pl.Float64),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """What each example of the test data added to one trial's value of a metric.

    Args:
        test_set: digest of what the examples are.
        formula: how the value follows.
        sums: at least those that the formula names, each of shape (examples,).
        examples: their number.
    """

    test_set: str
    formula: Formula
    sums: Mapping[str, Values]
    examples: int


def share_of_test_set(
    trials: pl.DataFrame,
    metric: str,
    *,
    baselines: Mapping[str, str],
    scale: Scale = "identity",
    scored: Mapping[str, Scored],
) -> pl.DataFrame:
    """Every comparison's interval over seeds, over examples, and over both.

    - Over seeds: that of :func:`~unroll.evidence.pairs.paired_differences`, with these very examples.
    - Over examples: with these very seeds; t times the standard error of the bootstrap, with one degree of freedom less
      than there are examples.
    - Over both: on each side as far as both distances, squared and added up, reach (Newcombe 1998; Zou and Donner 2008:
      the limits of a sum of independent parts, from the limits of each), the distance over examples being that of
      V(example) alone. So it is never shorter than the one over seeds.

    How values move is taken to first order on the metric's scale.

    Args:
        trials: one row per planned trial: ``trial, arm, seed, status`` and the column ``metric``.
        metric: full name of the metric.
        baselines: arm -> the arm that it is compared to; one that is its own is compared to none.
        scale: the metric's.
        scored: trial -> its examples. Whose value does not follow from them (:data:`TOLERANCE`) is left out.

    Returns:
        One row per arm that is no baseline, in order of appearance: ``arm, baseline, n`` (pairs of seeds whose sides
        both have examples, all of one test set), ``pairs`` (pairs that both completed), ``examples`` (of the test set),
        ``difference``, the ends of the three intervals (null where there is none), ``share`` (of the width over both,
        what the test set adds: 1 - width over seeds / width over both), ``variance_share`` (V(example) over the
        variance of both).
    """
    values = dict(final_values(trials, metric).drop_nulls("value").select("trial", "value").iter_rows())
    analysis = Analysis.choose(scale, np.array([*values.values()]))
    usable = {trial: each for trial, each in scored.items() if trial in values and _follows(each, values[trial])}
    moves = {trial: moved * analysis.slope(values[trial]) for trial, moved in _resample(usable).items()}
    pairs = pair_seeds(trials, metric, baselines=baselines)
    ids = {(arm, seed): trial for arm, seed, trial in trials.select("arm", "seed", "trial").iter_rows()}
    rows = []
    for (arm, baseline), own in pairs.group_by("arm", "baseline", maintain_order=True):
        sides = [(ids[arm, seed], ids[baseline, seed]) for seed in own.drop_nulls("difference")["seed"]]
        known = _one_test_set(sides, usable)
        row = {"arm": arm, "baseline": baseline, "n": len(known), "pairs": len(sides)}
        rows.append(row | (_intervals(known, values, moves, analysis, usable) if known else {}))
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in rows], schema=SCHEMA)


def _follows(scored: Scored, value: float) -> bool:
    whole = {name: column.sum() for name, column in scored.sums.items()}
    above, below = combine(scored.formula, {**whole, EXAMPLES: np.array(scored.examples)})
    return math.isclose(float(evaluate(scored.formula, above, below)), value, rel_tol=TOLERANCE, abs_tol=1e-12)


def _one_test_set(sides: Sequence[tuple[str, str]], scored: Mapping[str, Scored]) -> list[tuple[str, str]]:
    """Pairs of trials that were all tested on the same examples: as many as there are."""
    both = [pair for pair in sides if {*pair} <= scored.keys()]
    same = [(arm, other) for arm, other in both if scored[arm].test_set == scored[other].test_set]
    sets = Counter(scored[arm].test_set for arm, _ in same)
    return [pair for pair in same if scored[pair[0]].test_set == sets.most_common(1)[0][0]]


def _intervals(
    known: Sequence[tuple[str, str]],
    values: Mapping[str, float],
    moves: Mapping[str, Values],
    analysis: Analysis,
    scored: Mapping[str, Scored],
) -> dict[str, float | int | None]:
    """What a row has of its pairs of trials."""
    first, second = (np.array([values[pair[side]] for pair in known]) for side in (0, 1))
    differences = analysis.forward(first) - analysis.forward(second)
    moved = np.stack([moves[arm] - moves[other] for arm, other in known], axis=1)  # (resamples, pairs)
    examples = scored[known[0][0]].examples
    alone, of_examples = _variances(moved, examples)
    start, mean = float(analysis.forward(second).mean()), float(differences.mean())
    wide, deep = (t_factor(examples) * math.sqrt(variance) for variance in (alone, of_examples))
    row: dict[str, float | int | None] = {"examples": examples, "difference": analysis.step(start, mean)}
    row |= _ends("examples", start, (mean - wide, mean + wide), analysis)
    constant = is_one_value(first) and is_one_value(second)
    seeds = None if constant or len(known) < 2 else shift_interval(differences)
    if seeds is None:
        return row
    both = mean - math.hypot(mean - seeds[0], deep), mean + math.hypot(seeds[1] - mean, deep)
    row |= _ends("seeds", start, seeds, analysis) | _ends("both", start, both, analysis)
    total = float(differences.var(ddof=1)) / len(known) + of_examples  # that over seeds has the interaction in it
    row["share"] = 1 - (seeds[1] - seeds[0]) / (both[1] - both[0]) if both[1] > both[0] else 0.0
    row["variance_share"] = of_examples / total if total else 0.0
    return row


def _variances(moved: Values, examples: int) -> tuple[float, float]:
    """Of the mean difference: V(example) + V(interaction), and V(example), as far as it is positive.

    Args:
        moved: how far each resample of the examples moves the difference of each pair, shape (resamples, pairs).
        examples: their number.
    """
    pairs = moved.shape[1]
    unbiased = examples / (examples - 1) if examples > 1 else 0.0  # a resample's variance has the divisor `examples`
    means = moved.mean(axis=1)
    alone = float(means.var()) * unbiased
    apart = float((moved - means[:, None]).var(axis=0).sum()) * unbiased
    inside = apart / (pairs * (pairs - 1)) if pairs > 1 else 0.0  # of one seed the two cannot be told apart
    return alone, max(alone - inside, 0.0)


def _ends(of: str, start: float, ends: tuple[float, float], analysis: Analysis) -> dict[str, float]:
    return {f"{of}_{name}": analysis.step(start, end) for name, end in zip(("low", "high"), ends, strict=True)}


# Resampling


def _resample(scored: Mapping[str, Scored]) -> dict[str, Values]:
    """Trial -> how far each resample of its test set's examples moves its value, shape (resamples,).

    Trials of one test set share their resamples, which are a function of the test set.
    """
    groups: dict[tuple[str, int], list[str]] = {}
    for trial, each in sorted(scored.items()):
        groups.setdefault((each.test_set, each.examples), []).append(trial)
    found: dict[str, Values] = {}
    for (test_set, examples), ids in groups.items():
        columns, places = _columns([scored[trial] for trial in ids], examples)
        whole = columns.sum(axis=0)
        seen = [
            evaluate(scored[trial].formula, whole[above], whole[below])
            for trial, (above, below) in zip(ids, places, strict=True)
        ]
        parts: list[list[Values]] = [[] for _ in ids]
        for counts in _draw(test_set, examples):
            sums = counts @ columns
            for part, trial, value, (above, below) in zip(parts, ids, seen, places, strict=True):
                drawn = evaluate(scored[trial].formula, sums[:, above].T, sums[:, below].T)
                # A resample without any of the few words that a metric is about says nothing of it.
                empty = (sums[:, below] == 0).all(axis=1) & (whole[below] != 0).any()
                part.append(np.where(empty, 0.0, drawn - value))
        found |= {trial: np.concatenate(part) for trial, part in zip(ids, parts, strict=True)}
    return found


def _columns(scored: Sequence[Scored], examples: int) -> tuple[Values, list[tuple[list[int], list[int]]]]:
    """What all trials add up, each distinct column once, shape (examples, columns); for each trial above and below."""
    columns: dict[bytes, int] = {}
    kept: list[Values] = []

    def place(column: Values) -> int:
        exact = _rounded(np.broadcast_to(column, (examples,)))
        key = exact.tobytes()
        if key not in columns:
            columns[key] = len(kept)
            kept.append(exact)
        return columns[key]

    places = []
    for each in scored:
        above, below = combine(each.formula, {**each.sums, EXAMPLES: np.ones(examples)})
        places.append(([place(column) for column in above], [place(column) for column in below]))
    return np.stack(kept, axis=1), places


def _rounded(column: Values) -> Values:
    largest = float(np.abs(column).max())
    step = 2.0 ** (math.frexp(largest)[1] - _BITS) if largest else 1.0
    return np.round(column / step) * step


def _draw(test_set: str, examples: int) -> Iterator[Values]:
    """How often each example is drawn in each resample, in blocks of shape (some, examples)."""
    random = np.random.Generator(np.random.PCG64(derive_seed("test set", test_set, examples)))
    at_once = max(1, _AT_ONCE // examples)
    for first in range(0, RESAMPLES, at_once):
        some = min(at_once, RESAMPLES - first)
        drawn = random.integers(examples, size=(some, examples)) + examples * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * examples).reshape(some, examples).astype(np.float64)
