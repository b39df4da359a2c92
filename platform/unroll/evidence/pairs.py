"""Arms against their baselines, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unroll.contract import Direction, Scale
from unroll.evidence.arms import final_values, is_one_value
from unroll.evidence.intervals import shift_interval
from unroll.evidence.permutation import max_t, resolution, sign_flip_p, smallest_p
from unroll.evidence.scales import Analysis
from unroll.evidence.sequential import Look, Sequential, sequential_max_t
from unroll.ledger import MISSING
from unroll.study.declaration import Looks

LEVEL = 0.05
"""Adjusted p-value up to which a verdict is given."""
LEFT_OUT_EXACT_UP_TO = 12
"""Seeds up to which a verdict without one seed is exact."""
LEFT_OUT_DRAWS = 9_999
"""Random sign patterns beyond that."""
LEFT_OUT_LOOKS_DRAWS = 1_999
"""The same where there are looks, all of which are made anew."""

Values = NDArray[np.float64]

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("arm", "baseline"), pl.String),
    "n": pl.Int64,
    **dict.fromkeys(("difference", "low", "high", "relative", "median", "middle_half", "superiority"), pl.Float64),
    "test": pl.String,
    **dict.fromkeys(("p", "p_adjusted"), pl.Float64),
    **dict.fromkeys(("tested_pairs", "planned_pairs"), pl.Int64),
    "smallest_p": pl.Float64,
    "verdict": pl.String,
    "hangs_on": pl.List(pl.Int64),
    "one_value": pl.String,
    **dict.fromkeys(("r", "pairing"), pl.Float64),
    **dict.fromkeys(("diverged", "baseline_diverged"), pl.Int64),
    "unpaired_seeds": pl.List(pl.Int64),
}
LOOKED: dict[str, pl.DataType | type[pl.DataType]] = {"look": pl.Int64, "closed": pl.Boolean}
"""What tables of comparisons hold beside that where there are looks."""


def paired_differences(
    trials: pl.DataFrame,
    metric: str,
    *,
    baselines: Mapping[str, str],
    direction: Direction,
    scale: Scale = "identity",
    looks: Looks | None = None,
) -> pl.DataFrame:
    """Compare every arm with its baseline over the seeds that both completed.

    A pair is two trials with the same seed. Rows are joined by that seed, never by position. Differences are taken on
    the metric's scale, where every value of the study is inside its range (:meth:`Analysis.choose`), and told in the
    metric's own unit: as the distance between the baseline's mean on that scale and a place so much further (for
    logarithms: between geometric means).

    Args:
        trials: one row per planned trial: ``arm, seed, status`` and the column ``metric``.
        metric: full name of the metric.
        baselines: arm -> the arm that it is compared to; one that is its own is a baseline, and compared to none.
        direction: which sign of a difference is an improvement.
        scale: the metric's.
        looks: when seeds were added to what was undecided; None where their number is fixed.

    Returns:
        One row per arm that is no baseline, in order of appearance: ``arm, baseline, n`` (pairs), ``difference`` (of
        the means, arm minus baseline), ``low, high`` (95 %: every difference that the test of this comparison alone
        does not reject, see :func:`~unroll.evidence.intervals.shift_interval`; null below two pairs), ``relative``
        (difference over the size of the baseline's mean on the same seeds), ``median`` and ``middle_half`` (median of
        the pairs' differences, and mean without the quarter at each end), ``superiority`` (effect size: share of pairs
        in which the arm is better, ties half; Grissom and Kim 2012, the paired probability of superiority), ``test``
        (what is flipped: ``differences``, or ``signs`` where a side of a pair diverged: it is worse than any value, and
        so has a sign, and no size; both: no difference),
        ``p`` (exact two-sided sign-flip), ``p_adjusted`` (:func:`~unroll.evidence.permutation.max_t` over all rows,
        whatever their baselines), ``tested_pairs`` (that enter the test, pairs of which both sides diverged left out),
        ``planned_pairs``, ``smallest_p`` (what the planned pairs can reach at best), ``verdict`` (``better``,
        ``worse``, ``undecided``; ``untested`` of two arms that have one value each), ``hangs_on`` (seeds without any
        one of which a verdict would be undecided, see :func:`_lean`), ``one_value`` (``arm``, ``baseline`` or ``both``:
        the sides whose values are equal over all seeds, two at least, up to rounding), ``r`` (correlation of the two
        sides over the pairs) and ``pairing`` (variance of a difference of independent sides over that of the pairs:
        how many times the seeds a comparison without pairs would need), ``diverged`` and ``baseline_diverged`` (trials
        of each side), ``unpaired_seeds`` (planned for both, not completed by both). With looks, ``p_adjusted`` and
        ``verdict`` are those of :func:`~unroll.evidence.sequential.sequential_max_t`, all other numbers are over all
        seeds that are there, and two columns more are ``look`` (the last one at which it was tested, from 1; 0: none)
        and ``closed`` (whether it is asked for no more seeds).
    """
    rows, sides, seeds, scores, errors = _prepare(trials, metric, baselines, direction, scale)
    if looks is None:
        adjust(rows, scores, errors)
        for row, side in zip(rows, sides, strict=True):
            row["verdict"] = _judge(row, side, direction)
        _lean(rows, scores, errors, seeds)
    else:
        _judge_looks(rows, trials, looks, lambda part: _prepare(part, metric, baselines, direction, scale), direction)
    diverged = Counter(trials.filter(pl.col("status") == "diverged")["arm"])
    for row in rows:
        row["diverged"], row["baseline_diverged"] = diverged[row["arm"]], diverged[row["baseline"]]
    schema = SCHEMA if looks is None else SCHEMA | LOOKED
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def flipped_scores(
    trials: pl.DataFrame,
    metric: str,
    *,
    baselines: Mapping[str, str],
    direction: Direction,
    scale: Scale = "identity",
) -> pl.DataFrame:
    """What the tests of :func:`paired_differences` turn the signs of; arguments as there.

    Returns:
        ``arm, seed, score`` (a difference on the metric's scale, or the sign of one) and ``error`` (how far it may be
        off by rounding), for each seed that enters the test of a comparison.
    """
    rows, _, seeds, scores, errors = _prepare(trials, metric, baselines, direction, scale)
    found = [
        (row["arm"], seed, float(scores[place, column]), float(errors[place, column]))
        for column, row in enumerate(rows)
        for place, seed in enumerate(seeds)
        if not np.isnan(scores[place, column])
    ]
    types = {"arm": pl.String, "seed": pl.Int64, "score": pl.Float64, "error": pl.Float64}
    return pl.DataFrame(found, schema=types, orient="row")


def pair_seeds(trials: pl.DataFrame, metric: str, *, baselines: Mapping[str, str]) -> pl.DataFrame:
    """Put every trial beside its baseline's trial of the same seed; arguments as :func:`paired_differences` has them.

    Returns:
        ``arm, baseline, seed, value, reference, difference`` for every seed planned for both, seeds ascending, arms in
        order of appearance; null where a side has no finite final value. A difference that rounding of the two values
        explains is 0.
    """
    values = final_values(trials, metric).select("arm", "seed", "value")
    sides = trials.select("arm", "seed").join(
        values, on=["arm", "seed"], how="left", validate="1:1", maintain_order="left"
    )
    against = pl.col("arm").replace_strict(dict(baselines), return_dtype=pl.String).alias("baseline")
    others = sides.select("arm", against, "seed", "value").filter(pl.col("arm") != pl.col("baseline"))
    reference = sides.select(pl.col("arm").alias("baseline"), "seed", pl.col("value").alias("reference"))
    paired = others.sort("seed", maintain_order=True).join(
        reference, on=["baseline", "seed"], validate="m:1", maintain_order="left"
    )
    difference, error = pl.col("value") - pl.col("reference"), _error("value") + _error("reference")
    return paired.with_columns(difference=pl.when(difference.abs() > error).then(difference).otherwise(0 * difference))


def repeat_for_seeds(trials: pl.DataFrame, arms: Sequence[str]) -> pl.DataFrame:
    """The trials with the first one of each of these arms, whose result no seed changes, beside every seed there is."""
    seeds = trials.select(pl.col("seed").unique().sort())
    if not arms or trials.is_empty():
        return trials
    first = trials.filter(pl.col("arm").is_in(arms)).unique("arm", keep="first", maintain_order=True).drop("seed")
    repeated = first.join(seeds, how="cross").select(trials.columns)
    places = trials.select("arm").unique(maintain_order=True).with_row_index("place")
    every = pl.concat([trials.filter(~pl.col("arm").is_in(arms)), repeated])
    return every.join(places, on="arm", maintain_order="left").sort("place", maintain_order=True).drop("place")


def adjust(rows: Sequence[dict[str, Any]], scores: Values, errors: Values) -> None:
    """Add ``p_adjusted`` to comparisons that have ``p``: null where that is.

    Args:
        rows: one for each comparison.
        scores: shape (seeds, comparisons): what each seed says of each comparison, NaN where nothing.
        errors: how far that may be off by rounding.
    """
    for row, p in zip(rows, max_t(scores, errors=errors), strict=True):
        # Of more seeds than are enumerated p is an estimate, of the comparison alone perhaps not.
        row["p_adjusted"] = None if row["p"] is None else max(row["p"], float(p))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Both sides of a comparison on the seeds that are planned for both, each of shape (seeds,)."""

    arm: str
    baseline: str
    seeds: list[int]
    value: Values
    """NaN where there is no finite final value; so below."""
    reference: Values
    differences: Values
    """On the scale of the analysis; 0 where rounding explains them; infinite where one side alone diverged."""
    errors: Values
    both_diverged: NDArray[np.bool_]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Seeds that both completed with a value."""
        return np.isfinite(self.differences) & ~self.both_diverged

    @property
    def any_diverged(self) -> bool:
        """Whether a side diverged on a seed on which the other one has a result."""
        return bool(np.isinf(self.differences).any() or self.both_diverged.any())


_Prepared = tuple[list[dict[str, Any]], list[_Sides], list[int], Values, Values]


def _prepare(
    trials: pl.DataFrame, metric: str, baselines: Mapping[str, str], direction: Direction, scale: Scale
) -> _Prepared:
    """Every comparison by itself, its sides, all seeds, and what each seed brings to each comparison, with errors."""
    pairs = pair_seeds(trials, metric, baselines=baselines)
    known = final_values(trials, metric).drop_nulls("value")
    analysis = Analysis.choose(scale, known["value"].to_numpy())
    others = [arm for arm in trials["arm"].unique(maintain_order=True) if arm != baselines[arm]]
    constant = {arm for arm, values in known.group_by("arm") for arm in arm if is_one_value(values["value"].to_numpy())}
    statuses = {(arm, seed): status for arm, seed, status in trials.select("arm", "seed", "status").iter_rows()}
    sides = [_gather(arm, baselines[arm], pairs, statuses, direction, analysis) for arm in others]
    seeds = sorted({seed for side in sides for seed in side.seeds})
    rows = [_compare(side, direction, analysis, constant) for side in sides]
    return rows, sides, seeds, *_matrices(rows, sides, seeds)


def _gather(
    arm: str,
    baseline: str,
    pairs: pl.DataFrame,
    statuses: Mapping[tuple[str, int], str],
    direction: Direction,
    analysis: Analysis,
) -> _Sides:
    own = pairs.filter(pl.col("arm") == arm)
    seeds = own["seed"].to_list()
    value, reference, raw = (own[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in _COLUMNS)
    with np.errstate(invalid="ignore"):
        differences = np.where(raw == 0, 0.0, analysis.forward(value) - analysis.forward(reference))
        differences = np.where(np.isnan(raw), np.nan, differences)
        errors = sum(resolution(np.nan_to_num(side)) * analysis.slope(side) for side in (value, reference))
    worst = np.inf if direction == "minimize" else -np.inf
    mine, other = ([statuses.get((side, seed)) for seed in seeds] for side in (arm, baseline))
    for place, ends in enumerate(zip(mine, other, strict=True)):
        if ends == ("diverged", "completed") and np.isfinite(reference[place]):
            differences[place] = worst
        elif ends == ("completed", "diverged") and np.isfinite(value[place]):
            differences[place] = -worst
    both = np.array([ends == ("diverged", "diverged") for ends in zip(mine, other, strict=True)], dtype=bool)
    return _Sides(
        arm=arm,
        baseline=baseline,
        seeds=seeds,
        value=value,
        reference=reference,
        differences=np.where(both, 0.0, differences),
        errors=np.where(np.isfinite(differences), errors, 0.0),
        both_diverged=both,
    )


_COLUMNS = ("value", "reference", "difference")


def _compare(side: _Sides, direction: Direction, analysis: Analysis, constant: set[str]) -> dict[str, Any]:
    """All numbers of a comparison that need no other one."""
    done = side.done
    known, errors, n = side.differences[done], side.errors[done], int(done.sum())
    one = {(True, True): "both", (True, False): "arm", (False, True): "baseline"}.get(
        (side.arm in constant, side.baseline in constant)
    )
    signs = side.any_diverged
    scores = np.sign(side.differences) if signs else side.differences
    tested = np.isfinite(scores) & ~side.both_diverged
    testable = one != "both" or signs
    row: dict[str, Any] = dict.fromkeys(SCHEMA)
    row |= {
        "arm": side.arm,
        "baseline": side.baseline,
        "n": n,
        "test": ("signs" if signs else "differences") if testable and tested.any() else None,
        "tested_pairs": int(tested.sum()) if testable else 0,
        "planned_pairs": len(side.seeds),
        "smallest_p": smallest_p(len(side.seeds)) if testable else None,
        "one_value": one,
        "unpaired_seeds": sorted(np.array(side.seeds)[~done].tolist()),
    }
    if testable and tested.any():
        error = 0.0 if signs else float(errors.sum())  # of the sum of all differences
        row["p"] = sign_flip_p(scores[tested], error=error)
    if n:
        start = float(analysis.forward(side.reference[done]).mean())
        told = {"difference": known.mean(), "median": np.median(known), "middle_half": _middle_half(known)}
        row |= {name: analysis.step(start, float(length)) for name, length in told.items()}
        level = analysis.back(start)
        row["relative"] = row["difference"] / abs(level) if level else None
        # Of pairs that are ties by rounding alone pair_seeds made zeros, so that they count half here, too.
        better = known < 0 if direction == "minimize" else known > 0
        row["superiority"] = float((better.sum() + (known == 0).sum() / 2) / n)
        if testable and (interval := shift_interval(known)) is not None:
            row["low"], row["high"] = (analysis.step(start, end) for end in interval)
    row |= _pairing(side, analysis, one)
    return row


def _middle_half(values: Values) -> float:
    """Mean without the quarter at each end, rounded down (the interquartile mean of Agarwal et al. 2021)."""
    cut = len(values) // 4
    return float(np.sort(values)[cut : len(values) - cut].mean())


def _pairing(side: _Sides, analysis: Analysis, one: str | None) -> dict[str, float | None]:
    """Correlation of the sides, and what pairing them is worth; null where a side does not vary or pairs are few."""
    value, reference = (analysis.forward(values[side.done]) for values in (side.value, side.reference))
    if one or len(value) < 3:
        return {"r": None, "pairing": None}
    first, second, both = value.var(ddof=1), reference.var(ddof=1), side.differences[side.done].var(ddof=1)
    if not (first > 0 and second > 0):
        return {"r": None, "pairing": None}
    r = float(np.cov(value, reference)[0, 1] / np.sqrt(first * second))
    return {"r": r, "pairing": float((first + second) / both) if both > 0 else None}


def _matrices(rows: Sequence[dict[str, Any]], sides: Sequence[_Sides], seeds: Sequence[int]) -> tuple[Values, Values]:
    """What is flipped: scores and their errors, seeds by comparisons, NaN where nothing is tested."""
    place = {seed: number for number, seed in enumerate(seeds)}
    scores = np.full((len(seeds), len(rows)), np.nan)
    errors = np.zeros_like(scores)
    for column, (row, side) in enumerate(zip(rows, sides, strict=True)):
        if row["test"] is None:
            continue
        own = [place[seed] for seed in side.seeds]
        signs = row["test"] == "signs"
        scores[own, column] = np.sign(side.differences) if signs else side.differences
        errors[own, column] = 0.0 if signs else side.errors
    return scores, errors


def _judge(row: dict[str, Any], side: _Sides, direction: Direction) -> str:
    if row["one_value"] == "both" and row["test"] is None and row["n"]:
        return "untested"
    if row["p_adjusted"] is None or row["p_adjusted"] > LEVEL or not row["n"]:
        return "undecided"  # without a value of both sides it is divergence alone that differs, which has its own test
    scores = np.sign(side.differences) if row["test"] == "signs" else side.differences
    return _towards(side, float(np.sign(np.nansum(scores))), direction)


def _towards(side: _Sides, way: float, direction: Direction) -> str:
    """The verdict of a comparison that its test decides, by the sign of what was tested."""
    if not way or not side.done.any():
        return "undecided"
    if side.any_diverged and way * np.sign(side.differences[side.done].mean()) < 0:
        return "undecided"  # those that completed say the opposite of those that diverged
    return "better" if (way < 0) == (direction == "minimize") else "worse"


def make_looks(trials: pl.DataFrame, looks: Looks) -> Iterator[pl.DataFrame]:
    """What was known at each look for which anything is planned: the trials of the seeds until then."""
    for number, seeds in enumerate(looks.at):
        part = trials.filter(pl.col("seed").is_in(looks.seeds[:seeds]))
        if number and not len(part) > len(trials.filter(pl.col("seed").is_in(looks.seeds[: looks.at[number - 1]]))):
            return
        yield part


WAITING = frozenset({MISSING, "stopped"})
"""Statuses of trials that have yet to run: any other is an end, and a look is not put off for it."""


def has_ended(trials: pl.DataFrame, seeds: Sequence[int], arms: Sequence[Collection[str]]) -> NDArray[np.bool_]:
    """Whether all trials of a seed that a comparison needs have ended, shape (seeds, comparisons).

    Args:
        trials: ``arm, seed, status``.
        seeds: in the order of the rows.
        arms: for each comparison, whose trials it needs.
    """
    over = trials.filter(~pl.col("status").is_in(list(WAITING)))
    ended = set(over.select("arm", "seed").iter_rows())
    marks = [[all((arm, seed) in ended for arm in wanted) for wanted in arms] for seed in seeds]
    return np.array(marks, dtype=bool).reshape(len(seeds), len(arms))


def adjust_in_looks(rows: Sequence[dict[str, Any]], found: Sequential) -> None:
    """Add ``p_adjusted`` (null where nothing was tested), ``look`` and ``closed`` to comparisons."""
    for place, row in enumerate(rows):
        p = float(found.p_adjusted[place])
        row["p_adjusted"] = None if np.isnan(p) else p
        row["look"], row["closed"] = int(found.look[place]), bool(found.closed[place])


def _judge_looks(
    rows: Sequence[dict[str, Any]],
    trials: pl.DataFrame,
    looks: Looks,
    prepare: Callable[[pl.DataFrame], _Prepared],
    direction: Direction,
) -> None:
    """Add p-values, verdicts and what they hang on, each by what was known at its look."""
    known: list[Look] = []
    sides: list[list[_Sides]] = []
    for part in make_looks(trials, looks):
        own, of_look, seeds, scores, errors = prepare(part)
        # Two arms that draw nothing wait for no seed.
        wanted = [() if row["one_value"] == "both" else (row["arm"], row["baseline"]) for row in own]
        known.append(Look(scores, errors, has_ended(part, seeds, wanted)))
        sides.append(of_look)
    found = sequential_max_t(known, looks=looks.at, spending=looks.spending, level=LEVEL)
    adjust_in_looks(rows, found)
    for place, row in enumerate(rows):
        row["hangs_on"] = []
        if found.decided[place]:
            side = sides[found.look[place] - 1][place]
            row["verdict"] = _towards(side, float(found.way[place]), direction)
        else:
            row["verdict"] = "untested" if row["one_value"] == "both" and row["test"] is None else "undecided"
    decided = [place for place, row in enumerate(rows) if row["verdict"] in ("better", "worse")]
    for number in range(len(known[-1].differences)) if decided else ():
        left = [_without_seed(look, number) for look in known]
        again = sequential_max_t(
            left,
            looks=looks.at,
            spending=looks.spending,
            level=LEVEL,
            seeds_up_to=LEFT_OUT_EXACT_UP_TO,
            draws=LEFT_OUT_LOOKS_DRAWS,
        )
        for place in decided:
            last = known[found.look[place] - 1].differences
            inside = number < len(last) and not np.isnan(last[number, place])
            same = again.decided[place] and again.way[place] == found.way[place]
            if inside and not (same and again.look[place] <= found.look[place]):
                rows[place]["hangs_on"].append(number)


def _without_seed(look: Look, number: int) -> Look:
    differences = look.differences.copy()
    differences[number : number + 1] = np.nan
    return Look(differences, look.errors, look.ended)


def _lean(rows: Sequence[dict[str, Any]], scores: Values, errors: Values, seeds: Sequence[int]) -> None:
    """Add ``hangs_on``: the seeds without any one of which a verdict of these comparisons would be undecided.

    Where the pairs that are left could reach no verdict at all, a seed counts only if the direction turns without it.
    """
    for row in rows:
        row["hangs_on"] = []
    decided = [column for column, row in enumerate(rows) if row["verdict"] in ("better", "worse")]
    if not decided:
        return
    for number, seed in enumerate(seeds):
        left, off = np.delete(scores, number, axis=0), np.delete(errors, number, axis=0)
        adjusted = max_t(left, errors=off, seeds_up_to=LEFT_OUT_EXACT_UP_TO, draws=LEFT_OUT_DRAWS)
        for column in decided:
            if np.isnan(scores[number, column]):
                continue
            pairs = int((~np.isnan(left[:, column])).sum())
            turned = np.nansum(left[:, column]) * np.nansum(scores[:, column]) <= 0
            if turned or (smallest_p(pairs) <= LEVEL < adjusted[column]):
                rows[column]["hangs_on"].append(seed)


def _error(side: str) -> pl.Expr:
    """How far the values of a side may be off by rounding; null where one is missing."""
    return pl.col(side).map_batches(
        lambda values: pl.Series(resolution(values.fill_null(0.0).to_numpy())), return_dtype=pl.Float64
    )
