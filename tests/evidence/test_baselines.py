"""Several baselines: each arm against its own, joined by seed, corrected over all, against slow obvious versions."""

from __future__ import annotations

import math
from itertools import product
from operator import mul
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.evidence import divergence_rates, pair_seeds, paired_differences

METRIC = "test/loss"
BASELINES = {"a1": "a1", "b1": "a1", "c1": "a1", "a2": "a2", "b2": "a2", "c2": "a2"}
COMPARED = ("b1", "c1", "b2", "c2")

Ends = dict[tuple[str, int], tuple[str, float]]


def one_end() -> st.SearchStrategy[tuple[str, float]]:
    """How a trial ended: mostly completed, on a grid of values on which ties happen."""
    completed = st.tuples(st.just("completed"), st.integers(0, 8).map(float))
    return st.one_of(completed, completed, completed, st.sampled_from([("diverged", math.nan), ("missing", math.nan)]))


def studies() -> st.SearchStrategy[Ends]:
    """Six arms on up to seven seeds, not every arm on every seed."""
    keys = st.sets(st.tuples(st.sampled_from(list(BASELINES)), st.integers(0, 6)), min_size=1)
    whole = keys.map(lambda some: sorted(some | {(arm, 0) for arm in BASELINES}))
    return whole.flatmap(lambda some: st.fixed_dictionaries({key: one_end() for key in some}))


def frame(ends: Ends) -> pl.DataFrame:
    rows = [(arm, seed, status, value) for (arm, seed), (status, value) in ends.items()]
    types = {"arm": pl.String, "seed": pl.Int64, "status": pl.String, METRIC: pl.Float64}
    return pl.DataFrame(rows, schema=types, orient="row")


def by_arm(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["arm"]: row for row in rows.iter_rows(named=True)}


def slow_max_t(differences: dict[str, dict[int, float]]) -> dict[str, float]:
    """Step-down max-T written out: the most extreme comparison against all, the next against the rest."""

    def statistic(values: dict[int, float], signs: dict[int, int]) -> float:
        squares = sum(value**2 for value in values.values())
        return abs(sum(signs[s] * value for s, value in values.items())) / math.sqrt(squares) if squares else 0.0

    seeds = sorted({seed for values in differences.values() for seed in values})
    patterns = [dict(zip(seeds, signs, strict=True)) for signs in product((1, -1), repeat=len(seeds))]
    found = {arm: [statistic(values, signs) for signs in patterns] for arm, values in differences.items()}
    order = sorted(found, key=lambda arm: -found[arm][0])  # the first pattern turns nothing
    adjusted, running = {}, 0.0
    for place, arm in enumerate(order):
        largest = [max(found[other][k] for other in order[place:]) for k in range(len(patterns))]
        running = max(running, sum(value >= found[arm][0] - 1e-9 for value in largest) / len(patterns))
        adjusted[arm] = running
    return adjusted


@given(studies())
@settings(deadline=None, max_examples=150)
def test_each_arm_is_paired_with_its_own_baseline(ends: Ends) -> None:
    expected = {}
    for (arm, seed), (status, value) in ends.items():
        other = ends.get((BASELINES[arm], seed))
        if arm != BASELINES[arm] and other is not None:
            both = status == other[0] == "completed"
            expected[arm, seed] = (BASELINES[arm], value - other[1] if both else None)
    pairs = pair_seeds(frame(ends), METRIC, baselines=BASELINES)
    found = {(row["arm"], row["seed"]): (row["baseline"], row["difference"]) for row in pairs.iter_rows(named=True)}
    assert found == expected
    assert len(pairs) == len(expected)


def slow_scores(ends: Ends, arm: str, differences: dict[int, float]) -> dict[int, float]:
    """What is flipped: differences, or signs where a side diverged; nothing for arms with one value each."""
    sides = {
        a: {s: value for (b, s), (status, value) in ends.items() if b == a and status == "completed"}
        for a in (arm, BASELINES[arm])
    }
    lost = {}
    for seed in range(7):
        mine, other = (ends.get((a, seed), ("missing",))[0] for a in (arm, BASELINES[arm]))
        if "diverged" in (mine, other) and "missing" not in (mine, other):
            lost[seed] = float(mine == "diverged") - float(other == "diverged")
    if not lost:
        return {} if all(len(set(v.values())) == 1 < len(v) for v in sides.values()) else differences
    return {s: float(np.sign(d)) for s, d in differences.items()} | {s: way for s, way in lost.items() if way}


@given(studies())
@settings(deadline=None, max_examples=150)
def test_differences_and_their_correction_against_flipping_every_sign(ends: Ends) -> None:
    rows = by_arm(paired_differences(frame(ends), METRIC, baselines=BASELINES, direction="minimize"))
    assert set(rows) == set(COMPARED)
    known = {}
    for arm in COMPARED:
        seeds = [s for s in range(7) if {ends.get((a, s), ("",))[0] for a in (arm, BASELINES[arm])} == {"completed"}]
        differences = [ends[arm, s][1] - ends[BASELINES[arm], s][1] for s in seeds]
        assert (rows[arm]["baseline"], rows[arm]["n"]) == (BASELINES[arm], len(seeds))
        if seeds:
            assert rows[arm]["difference"] == pytest.approx(sum(differences) / len(differences))
        scores = slow_scores(ends, arm, dict(zip(seeds, differences, strict=True)))
        if not scores:
            assert rows[arm]["p"] is rows[arm]["p_adjusted"] is None
            continue
        flipped = [abs(sum(map(mul, signs, scores.values()))) for signs in product((1, -1), repeat=len(scores))]
        assert rows[arm]["p"] == pytest.approx(np.mean([size >= abs(sum(scores.values())) - 1e-9 for size in flipped]))
        known[arm] = scores
    assert {arm: rows[arm]["p_adjusted"] for arm in known} == pytest.approx(slow_max_t(known))


@given(studies())
@settings(deadline=None, max_examples=150)
def test_divergence_is_compared_with_that_of_the_own_baseline(ends: Ends) -> None:
    rows = by_arm(divergence_rates(frame(ends), baselines=BASELINES))
    alone: dict[str, dict[int, float]] = {}
    for arm, baseline in BASELINES.items():
        if arm == baseline:
            assert rows[arm]["baseline"] is rows[arm]["verdict"] is rows[arm]["p"] is None
            continue
        both = {
            s: (ends[arm, s][0] == "diverged", ends[baseline, s][0] == "diverged")
            for s in range(7)
            if all(ends.get((a, s), ("missing",))[0] != "missing" for a in (arm, baseline))
        }
        known = list(both.values())
        counts = [known.count((True, False)), known.count((False, True))]
        assert rows[arm]["baseline"] == baseline
        assert [len(known), *counts] == [rows[arm][key] for key in ("pairs", "alone", "baseline_alone")]
        if known:
            p = stats.binomtest(counts[0], sum(counts), 0.5).pvalue if sum(counts) else 1.0
            assert rows[arm]["p"] == pytest.approx(p)
            alone[arm] = {s: float(mine) - float(other) for s, (mine, other) in both.items()}
    assert {arm: rows[arm]["p_adjusted"] for arm in alone} == pytest.approx(slow_max_t(alone))


def test_divergence_beside_a_verdict_is_that_of_both_sides() -> None:
    lost = {("b1", 0), ("a2", 1), ("a2", 2), ("c2", 3)}
    ends = {
        (a, s): ("diverged", math.nan) if (a, s) in lost else ("completed", 1.0 * s)
        for a in BASELINES
        for s in range(8)
    }
    rows = by_arm(paired_differences(frame(ends), METRIC, baselines=BASELINES, direction="minimize"))
    assert {arm: (row["diverged"], row["baseline_diverged"]) for arm, row in rows.items()} == {
        **{"b1": (1, 0), "c1": (0, 0), "b2": (0, 2), "c2": (1, 2)}
    }
    assert {row["smallest_p"] for row in rows.values()} == {2 / 2**8}


def test_rows_follow_the_trials_and_groups_may_lie_apart() -> None:
    ends = {(arm, seed): ("completed", 1.0) for arm in ("a1", "a2", "b1", "b2", "c2", "c1") for seed in (1, 0)}
    differences = paired_differences(frame(ends), METRIC, baselines=BASELINES, direction="minimize")
    assert differences["arm"].to_list() == ["b1", "b2", "c2", "c1"]
    assert pair_seeds(frame(ends), METRIC, baselines=BASELINES).columns == [
        *("arm", "baseline", "seed", "value", "reference", "difference")
    ]


def test_without_two_arms_to_compare_there_is_no_comparison() -> None:
    ends = {(arm, 0): ("completed", 1.0) for arm in ("a1", "a2")}
    trials = frame(ends)
    assert paired_differences(trials, METRIC, baselines=BASELINES, direction="minimize").is_empty()
    assert pair_seeds(trials, METRIC, baselines=BASELINES).is_empty()
    assert divergence_rates(trials, baselines=BASELINES)["verdict"].to_list() == [None, None]
