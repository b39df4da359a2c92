"""Verdicts on declared claims, all of a study judged together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from unroll.contract import Direction
from unroll.evidence.arms import final_values, is_one_value
from unroll.evidence.intervals import CONFIDENCE, t_factor
from unroll.evidence.pairs import LEVEL, LOOKED, has_ended, make_looks
from unroll.evidence.permutation import max_t, resolution, smallest_p
from unroll.evidence.power import fewest_pairs, power
from unroll.evidence.sequential import Look, sequential_max_t
from unroll.ledger import FINAL
from unroll.study.claims import Claim
from unroll.study.declaration import Looks

Values = NDArray[np.float64]
Marks = NDArray[np.bool_]

LARGEST_EFFECT = 30.0
"""Standard deviations; of a larger one no power can be told from 1."""

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("claim", "kind", "metric", "verdict"), pl.String),
    **dict.fromkeys(("n", "planned_seeds", "cells"), pl.Int64),
    **dict.fromkeys(("first", "second", "effect", "low", "high", "relative", "margin"), pl.Float64),
    **dict.fromkeys(("p", "p_adjusted", "smallest_p"), pl.Float64),
    "seeds_needed": pl.Int64,
    "one_value": pl.Boolean,
    **dict.fromkeys(("first_diverged", "second_diverged"), pl.Int64),
}


def judge_claims(
    trials: pl.DataFrame,
    claims: Sequence[Claim],
    directions: Mapping[str, Direction],
    looks: Looks | None = None,
) -> pl.DataFrame:
    """Judge all claims of a study together.

    For each seed a claim has one number: the first side minus the second, averaged over its cells. A seed counts where
    every trial that the claim speaks of has a value (for a claim on divergence: a result). The claim and its contrary
    are one-sided hypotheses about these numbers less a margin; those of all claims are one family, adjusted by
    :func:`~unroll.evidence.permutation.max_t`.

    - *better*: supported where "better by the margin at most" is rejected, refuted where "by the margin at least" is.
    - *within*: equivalent where both "lower by the margin or more" and "higher by the margin or more" are rejected (two
      one-sided tests, Schuirmann 1987); refuted where "lower by the margin at most" or "higher by the margin at most"
      is.
    - *diverges less*: the number is 1, 0 or -1 for each cell: the first side diverged alone, both or neither did, the
      second one did.
    - *flatter*: a side's number is the least-squares slope over the values of a factor, per seed and cell. Slopes are
      compared in the direction of the mean slope of both sides together, which no exchange of sides changes.

    A margin in percent is a share of the size of the second side's value on the same seed.

    Args:
        trials: one row per planned trial: ``arm, seed, status`` and the metrics.
        claims: of these arms.
        directions: metric -> which sign of a difference is an improvement.
        looks: when seeds were added to what was undecided; None where their number is fixed. A claim is then one
            two-sided hypothesis, that its number is the margin, or two of them (*within*), and they are judged by
            :func:`~unroll.evidence.sequential.sequential_max_t`.

    Returns:
        One row per claim: ``claim, kind, metric, verdict`` (``supported``, ``equivalent``, ``refuted``,
        ``undecided``), ``n`` (seeds that count), ``planned_seeds, cells``; ``first, second`` (means of the sides over
        these seeds: values, slopes, or rates of divergence), ``effect`` (first minus second), ``low, high`` (95 %: t
        interval over seeds; for divergence :func:`paired_rates_interval`; null below two seeds),
        ``relative`` (effect over the size of the second), ``margin`` (in the unit of the effect), ``p`` (of this claim
        alone), ``p_adjusted`` (for all claims; both of the claim or its contrary, whichever is the nearer to be shown),
        ``smallest_p`` (within reach of the planned seeds), ``seeds_needed`` (of an undecided one: seeds that would
        decide it with a chance of 80 % if effect and spread are those that were seen; null where no number up to
        100,000 would), ``one_value`` (both sides have the same value on every seed: one observation, not tested), and
        ``first_diverged, second_diverged`` (trials of each side). With looks also ``look`` (the last one at which it
        was tested, from 1; 0: none) and ``closed`` (whether it is asked for no more seeds); ``p`` is then that of all
        seeds that are there.
    """
    sides = [_gather(trials, claim, directions) for claim in claims]
    columns = [_hypotheses(side) for side in sides]
    rows = [_describe(side) for side in sides]
    family = _test([(side, column) for side, own in zip(sides, columns, strict=True) for column in own.all])
    place = 0
    for row, side, own in zip(rows, sides, columns, strict=True):
        number = len(own.all)
        adjusted = family[place : place + number]
        place += number
        alone = _test([(side, column) for column in own.all])
        _judge(row, side, own, alone, np.maximum(adjusted, alone), len(claims))
    if looks is not None:
        _judge_looks(rows, trials, claims, directions, looks)
    schema = SCHEMA if looks is None else SCHEMA | LOOKED
    return pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)


def _judge_looks(
    rows: Sequence[dict[str, Any]],
    trials: pl.DataFrame,
    claims: Sequence[Claim],
    directions: Mapping[str, Direction],
    looks: Looks,
) -> None:
    """Replace adjusted p-values and verdicts by those of the looks."""
    owners = [place for place, claim in enumerate(claims) for _ in range(_units(claim))]
    known = [_look(part, claims, directions) for part in make_looks(trials, looks)]

    def close(decided: Marks, way: Values) -> Marks:
        """A claim is over with the first of its hypotheses that is rejected against it, or the last one for it."""
        over = [_outcome(claim, place, owners, decided, way) is not None for place, claim in enumerate(claims)]
        return np.logical_or(decided, [over[owner] for owner in owners])

    found = sequential_max_t(known, looks=looks.at, spending=looks.spending, level=LEVEL, close=close)
    for place, (row, claim) in enumerate(zip(rows, claims, strict=True)):
        own = [number for number, owner in enumerate(owners) if owner == place]
        outcome = _outcome(claim, place, owners, found.decided, found.way)
        p = np.nan_to_num(found.p_adjusted[own], nan=1.0)
        towards = float(np.where(found.way[own] > 0, p, 1.0).max())
        against = float(np.where(found.way[own] < 0, p, 1.0).min())
        by = [number for number in own if outcome != "refuted" or (found.decided[number] and found.way[number] < 0)]
        tested = not np.isnan(found.p_adjusted[own]).all()
        row["p_adjusted"] = min(towards, against) if tested else None
        row["verdict"] = outcome or "undecided"
        row["look"] = int(min(found.look[by]) if outcome == "refuted" else max(found.look[by]))
        row["closed"] = bool(outcome)
        if outcome is not None:
            row["seeds_needed"] = None


def _units(claim: Claim) -> int:
    """Two-sided hypotheses that a claim is made of: its number is the margin, or one of two margins."""
    return 2 if claim.kind == "within" else 1


def _look(trials: pl.DataFrame, claims: Sequence[Claim], directions: Mapping[str, Direction]) -> Look:
    """What is known of the hypotheses of all claims from these trials."""
    seeds = sorted(trials["seed"].unique())
    places = {seed: place for place, seed in enumerate(seeds)}
    columns: list[tuple[_Sides, Values]] = []
    for claim in claims:
        side = _gather(trials, claim, directions)
        unknown = np.full(len(side.seeds), np.nan)
        columns += [(side, values) for values in _hypotheses(side).support or [unknown] * _units(claim)]
    differences, errors = np.full((2, len(seeds), len(columns)), np.nan)
    for number, (side, values) in enumerate(columns):
        rows = [places[seed] for seed in side.seeds]
        differences[rows, number], errors[rows, number] = values, side.errors
    wanted: list[Collection[str]] = [() if side.one_value else side.claim.arms for side, _ in columns]
    return Look(differences, np.nan_to_num(errors), has_ended(trials, seeds, wanted))


def _outcome(claim: Claim, place: int, owners: Sequence[int], decided: Marks, way: Values) -> str | None:
    """The verdict of a claim whose hypotheses are rejected so far; None while it has none."""
    own = [number for number, owner in enumerate(owners) if owner == place]
    if any(decided[number] and way[number] < 0 for number in own):
        return "refuted"
    if all(decided[number] and way[number] > 0 for number in own):
        return "equivalent" if claim.kind == "within" else "supported"
    return None


def claim_values(trials: pl.DataFrame, claim: Claim, directions: Mapping[str, Direction]) -> pl.DataFrame:
    """What a claim is judged by, seed by seed.

    Args:
        trials: as :func:`judge_claims` has them.
        claim: of these arms.
        directions: metric -> which sign of a difference is an improvement.

    Returns:
        One row for each seed that counts: ``seed, first, second`` (the sides: values, slopes or rates of divergence,
        averaged over cells), ``difference`` (first minus second), ``error`` (how far it may be off by rounding),
        ``margin`` (in its unit, not negative) and ``sign`` (of a difference that favours the claim; of a claim on
        equivalence that of an improvement).
    """
    side = _gather(trials, claim, directions)
    columns = {"first": side.first, "second": side.second, "difference": side.differences, "error": side.errors}
    frame = pl.DataFrame({"seed": side.seeds, **columns, "margin": side.margins}, schema_overrides={"seed": pl.Int64})
    return frame.with_columns(sign=pl.lit(side.sign, pl.Int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Both sides of a claim on the seeds that count, each of shape (seeds,)."""

    claim: Claim
    seeds: list[int]
    planned: int
    first: Values
    second: Values
    errors: Values
    """How far first minus second may be off by rounding."""
    margins: Values
    sign: int
    """Of a difference that favours a claim on which side is better, flatter or diverges less."""
    one_value: bool
    diverged: tuple[int, int]

    @property
    def differences(self) -> Values:
        return self.first - self.second


@dataclass(frozen=True, slots=True)
class _Hypotheses:
    """What is tested: columns whose means are positive, if the claim or its contrary holds."""

    support: list[Values]
    """The claim holds where all of them are."""
    refute: list[Values]
    """It does not where any of them is."""

    @property
    def all(self) -> list[Values]:
        return [*self.support, *self.refute]


def _gather(trials: pl.DataFrame, claim: Claim, directions: Mapping[str, Direction]) -> _Sides:
    arms = claim.arms
    own = trials.filter(pl.col("arm").is_in(sorted(arms)))
    ends = {(arm, seed): status for arm, seed, status in own.select("arm", "seed", "status").iter_rows()}
    if claim.kind == "diverges less":
        known = {key: float(status == "diverged") for key, status in ends.items() if status in FINAL}
    else:
        final = final_values(own, claim.metric).drop_nulls("value")
        known = {(arm, seed): value for arm, seed, value in final.select("arm", "seed", "value").iter_rows()}
    seeds = sorted({seed for _, seed in ends})
    planned = [seed for seed in seeds if all((arm, seed) in ends for arm in arms)]
    counted = [seed for seed in planned if all((arm, seed) in known for arm in arms)]
    weights = _weights(claim)
    values = {arm: np.array([known[arm, seed] for seed in counted], dtype=np.float64) for arm in sorted(arms)}
    zero = np.zeros(len(counted))
    first = sum((w * values[pair.first] for pair, w in zip(claim.pairs, weights, strict=True)), zero)
    second = sum((w * values[pair.second] for pair, w in zip(claim.pairs, weights, strict=True)), zero)
    errors = sum(
        (
            abs(w) * (resolution(values[pair.first]) + resolution(values[pair.second]))
            for pair, w in zip(claim.pairs, weights, strict=True)
        ),
        zero,
    )
    margins = claim.margin * np.abs(second) if claim.relative else np.full(len(counted), claim.margin)
    return _Sides(
        claim=claim,
        seeds=counted,
        planned=len(planned),
        first=first,
        second=second,
        errors=zero if claim.kind == "diverges less" else errors,
        margins=margins,
        sign=_favourable(claim, first, second, directions),
        one_value=claim.kind != "diverges less" and all(map(is_one_value, values.values())),
        diverged=_diverged(ends, claim),
    )


def _weights(claim: Claim) -> Values:
    """What each pair counts in its side: a mean over cells, of the values or of their least-squares slopes."""
    cells = np.array([pair.cell for pair in claim.pairs])
    number = len(set(cells))
    if claim.factor is None:
        return np.full(len(cells), 1 / number)
    weights = np.array([pair.at for pair in claim.pairs], dtype=np.float64)
    for cell in set(cells):
        own = weights[cells == cell]
        centred = own - own.mean()
        weights[cells == cell] = centred / (centred**2).sum() / number
    return weights


def _favourable(claim: Claim, first: Values, second: Values, directions: Mapping[str, Direction]) -> int:
    if claim.kind == "flatter":
        return -1 if (first + second).sum() > 0 else 1
    return -1 if claim.kind == "diverges less" or directions[claim.metric] == "minimize" else 1


def _diverged(ends: Mapping[tuple[str, int], str], claim: Claim) -> tuple[int, int]:
    of_first, of_second = {pair.first for pair in claim.pairs}, {pair.second for pair in claim.pairs}
    diverged = [arm for (arm, _), status in ends.items() if status == "diverged"]
    return sum(arm in of_first for arm in diverged), sum(arm in of_second for arm in diverged)


def _hypotheses(side: _Sides) -> _Hypotheses:
    if side.one_value or not side.seeds:
        return _Hypotheses([], [])
    difference, margin = side.differences, side.margins
    if side.claim.kind == "within":
        return _Hypotheses([difference + margin, margin - difference], [difference - margin, -difference - margin])
    beyond = side.sign * difference - margin
    return _Hypotheses([beyond], [-beyond])


def _test(columns: Sequence[tuple[_Sides, Values]]) -> Values:
    """Adjusted one-sided p-values of hypotheses, each on the seeds of its claim."""
    if not columns:
        return np.zeros(0)
    seeds = {seed: place for place, seed in enumerate(sorted({seed for side, _ in columns for seed in side.seeds}))}
    matrix = np.full((len(seeds), len(columns)), np.nan)
    errors = np.zeros_like(matrix)
    for number, (side, values) in enumerate(columns):
        rows = [seeds[seed] for seed in side.seeds]
        matrix[rows, number], errors[rows, number] = values, side.errors
    return max_t(matrix, alternative="greater", errors=errors)


def _describe(side: _Sides) -> dict[str, Any]:
    n, claim = len(side.seeds), side.claim
    first, second = (float(values.mean()) if n else None for values in (side.first, side.second))
    effect = first - second if first is not None and second is not None else None
    low, high = _interval(side)
    return {
        "claim": claim.text,
        "kind": claim.kind,
        "metric": claim.metric,
        "n": n,
        "planned_seeds": side.planned,
        "cells": len({pair.cell for pair in claim.pairs}),
        "first": first,
        "second": second,
        "effect": effect,
        "low": low,
        "high": high,
        "relative": effect / abs(second) if effect is not None and second else None,
        "margin": float(side.margins.mean()) if n and claim.margin else None,
        "smallest_p": smallest_p(side.planned),
        "one_value": side.one_value,
        "first_diverged": side.diverged[0],
        "second_diverged": side.diverged[1],
    }


def _interval(side: _Sides) -> tuple[float | None, float | None]:
    """95 % interval of the effect; null below two seeds."""
    n, differences = len(side.seeds), side.differences
    if n < 2 or side.one_value:
        return None, None
    if side.claim.kind == "diverges less":
        return paired_rates_interval(differences)
    half = t_factor(n) * float(differences.std(ddof=1)) / n**0.5
    return float(differences.mean()) - half, float(differences.mean()) + half


def paired_rates_interval(differences: Values) -> tuple[float, float]:
    """95 % interval of the difference of two rates on the same seeds (Bonett and Price 2012, adjusted Wald).

    Two seeds are added, on which one side alone diverged and the other one alone: where no seed tells the sides apart,
    the interval has a width all the same.

    Args:
        differences: of each seed, from -1 to 1: 1 where the first side alone diverged; a mean over several pairs of
            arms lies between, and then the interval is the wider for it.
    """
    added = np.concatenate([differences, [1.0, -1.0]])
    mean, half = float(added.mean()), float(ndtri((1 + CONFIDENCE) / 2)) * float(added.std()) / len(added) ** 0.5
    return max(-1.0, mean - half), min(1.0, mean + half)


def _judge(row: dict[str, Any], side: _Sides, own: _Hypotheses, alone: Values, adjusted: Values, claims: int) -> None:
    """Add p-values, the verdict and, where there is none, the seeds that would give one."""
    row |= {"p": None, "p_adjusted": None, "verdict": "undecided", "seeds_needed": None}
    if not own.all:
        return
    cut = len(own.support)
    support, refute = adjusted[:cut].max(), adjusted[cut:].min()
    row["p"] = float(min(alone[:cut].max(), alone[cut:].min()))
    row["p_adjusted"] = float(min(support, refute))
    if support <= LEVEL:
        row["verdict"] = "equivalent" if side.claim.kind == "within" else "supported"
    elif refute <= LEVEL:
        row["verdict"] = "refuted"
    elif len(side.seeds) > 1:
        row["seeds_needed"] = seeds_needed(own.support, own.refute, claims)


def seeds_needed(support: Sequence[Values], refute: Sequence[Values], claims: int) -> int | None:
    """Seeds that would decide a claim with a chance of 80 %, if means and spread are those that were seen.

    Each hypothesis is taken as one that t tests, its level shared among the claims (Bonferroni), as
    :func:`~unroll.evidence.power.power` has it: the tests that are used need fewer where claims depend on each other.
    A claim of several hypotheses needs all of them; its power is at least the sum of theirs less the rest.

    Args:
        support: columns whose means are positive if the claim holds, shape (seeds,) with two seeds at least.
        refute: columns of which one is if it does not.
        claims: number of claims that are judged together.
    """
    if all(column.mean() > 0 for column in support):
        shown = list(support)
    else:
        shown = [max(refute, key=lambda column: float(column.mean()))]
    means, spreads = ([float(f(column)) for column in shown] for f in (np.mean, lambda c: np.std(c, ddof=1)))
    if min(means) <= 0:
        return None
    effects = [mean / max(spread, mean / LARGEST_EFFECT) for mean, spread in zip(means, spreads, strict=True)]
    return fewest_pairs(lambda n: sum(power(effect, n, claims) for effect in effects) - (len(effects) - 1))
