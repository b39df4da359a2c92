"""Rates of divergence and their paired comparison, against scipy and against counting by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.evidence import divergence_rates
from unroll.evidence.divergence import discordant_p, rate_interval

ENDS = {"x": "diverged", "o": "completed", "-": "missing", "!": "failed_user"}


def frame(**arms: str) -> pl.DataFrame:
    """Trials from one letter per seed: x diverged, o completed, - missing, ! failed."""
    rows = [(arm, seed, ENDS[end]) for arm, ends in arms.items() for seed, end in enumerate(ends)]
    return pl.DataFrame(rows, schema=["arm", "seed", "status"], orient="row")


def rates(baseline: str, **arms: str) -> dict[str, dict[str, Any]]:
    rows = divergence_rates(frame(**arms), baselines=dict.fromkeys(arms, baseline))
    return {row["arm"]: row for row in rows.iter_rows(named=True)}


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None, max_examples=200)
def test_the_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    expected = stats.binomtest(*counts).proportion_ci(0.95, method="exact")
    assert rate_interval(*counts) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(0, 120), st.integers(0, 120))
@settings(deadline=None, max_examples=200)
def test_the_p_value_is_that_of_scipy(alone: int, baseline_alone: int) -> None:
    n = alone + baseline_alone
    expected = stats.binomtest(alone, n, 0.5).pvalue if n else 1.0
    assert discordant_p(alone, baseline_alone) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("pairs", [0, 1, 5, 8, 10])
def test_no_outcome_is_rarer_than_the_smallest_p(pairs: int) -> None:
    reachable = [discordant_p(a, b) for a in range(pairs + 1) for b in range(pairs + 1 - a)]
    assert discordant_p(pairs, 0) == min(reachable) == min(1.0, 2 / 2**pairs)


def test_every_number_of_a_study_of_ten_seeds() -> None:
    row = rates("none", none="xxxxxxxxxo", clipped="oooooooooo")
    assert row["none"] == {
        **{"arm": "none", "planned": 10, "n": 10, "diverged": 9, "rate": 0.9},
        **{"low": pytest.approx(0.554984, abs=1e-6), "high": pytest.approx(0.997471, abs=1e-6)},
        **dict.fromkeys(
            ("baseline", "pairs", "planned_pairs", "alone", "baseline_alone", "p", "p_adjusted", "verdict")
        ),
        "smallest_p": None,
    }
    assert row["clipped"] == {
        **{"arm": "clipped", "planned": 10, "n": 10, "diverged": 0, "rate": 0.0},
        **{"low": 0.0, "high": pytest.approx(0.308497, abs=1e-6)},
        **{"baseline": "none", "pairs": 10, "planned_pairs": 10, "alone": 0, "baseline_alone": 9},
        **{"p": 2 / 2**9, "p_adjusted": 2 / 2**9, "smallest_p": 2 / 2**10},
        "verdict": "less often",
    }


def test_seeds_on_which_both_or_neither_diverged_decide_nothing() -> None:
    row = rates("a", a="xxxxoooo", b="xxxxoooo", c="xxxxxxxx")
    assert (row["b"]["alone"], row["b"]["baseline_alone"], row["b"]["p"], row["b"]["verdict"]) == (0, 0, 1, "undecided")
    assert (row["c"]["alone"], row["c"]["p"], row["c"]["p_adjusted"]) == (4, 2 / 2**4, 2 / 2**4)


def test_seeds_are_flipped_in_every_comparison_together() -> None:
    row = rates("a", a="o" * 7, b="x" * 7, c="o" * 7, d="x" * 7)
    assert [row[arm]["p_adjusted"] for arm in "bcd"] == [2 / 2**7, 1.0, 2 / 2**7]
    assert [row[arm]["verdict"] for arm in "bcd"] == ["more often", "undecided", "more often"]
    assert {row[arm]["smallest_p"] for arm in "bcd"} == {2 / 2**7}


def test_five_seeds_that_all_agree_stay_undecided() -> None:
    row = rates("a", a="ooooo", b="xxxxx")["b"]
    assert (row["p"], row["smallest_p"], row["verdict"]) == (0.0625, 0.0625, "undecided")


def test_a_trial_without_a_result_is_in_no_rate_and_in_no_pair() -> None:
    row = rates("a", a="xx-oo!", b="oxxx--")
    assert (row["a"]["planned"], row["a"]["n"], row["a"]["diverged"], row["a"]["rate"]) == (6, 4, 2, 0.5)
    assert (row["b"]["pairs"], row["b"]["planned_pairs"], row["b"]["alone"], row["b"]["baseline_alone"]) == (3, 6, 1, 1)


def test_without_results_there_is_no_rate_and_no_winner() -> None:
    row = rates("a", a="!!!", b="xxx", c="---")
    assert [row["a"][name] for name in ("n", "rate", "low", "high")] == [0, None, None, None]
    assert [row["b"][name] for name in ("pairs", "p", "p_adjusted", "verdict")] == [0, None, None, "undecided"]
    assert [row["c"][name] for name in ("n", "rate", "pairs", "verdict")] == [0, None, 0, "undecided"]


def test_pairs_are_joined_by_seed_not_by_position() -> None:
    trials = frame(a="xoxoxo", b="ooxxoo")
    other, both = trials.reverse().sort("arm"), {"a": "a", "b": "a"}
    assert divergence_rates(other, baselines=both).equals(divergence_rates(trials, baselines=both))


def test_a_lone_arm_has_a_rate_and_no_comparison() -> None:
    row = rates("a", a="xxo")["a"]
    assert (row["rate"], row["verdict"]) == (2 / 3, None)
