"""Pairs are joined by seed, judged exactly, and never claimed where they do not exist."""

import math
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.contract import Direction
from unroll.evidence import paired_differences, sign_flip_p

METRIC = "validation/perplexity"


def frame(values: dict[str, dict[int, float]], status: dict[tuple[str, int], str] | None = None) -> pl.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "status": (status or {}).get((arm, seed), "completed"), METRIC: value}
        for arm, series in values.items()
        for seed, value in series.items()
    ]
    return pl.DataFrame(rows)


BASE = {seed: 10.0 + 0.3 * seed**1.5 for seed in range(8)}
BETTER = {seed: value - 1.0 - 0.05 * seed for seed, value in BASE.items()}
SAME = {seed: value + (0.1 if seed % 2 else -0.1) for seed, value in BASE.items()}


def compare(trials: pl.DataFrame, direction: Direction = "minimize") -> dict[str, dict[str, object]]:
    baselines = dict.fromkeys(trials["arm"], "elman")
    rows = paired_differences(trials, METRIC, baselines=baselines, direction=direction)
    return {row["arm"]: row for row in rows.iter_rows(named=True)}


def test_numbers_against_scipy() -> None:
    row = compare(frame({"elman": BASE, "gru": BETTER}))["gru"]
    differences = [BETTER[s] - BASE[s] for s in BASE]
    interval = stats.ttest_rel(list(BETTER.values()), list(BASE.values())).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["difference"] == pytest.approx(sum(differences) / 8)
    assert row["relative"] == pytest.approx(sum(differences) / sum(BASE.values()))
    assert row["p"] == sign_flip_p(differences) == 2 / 2**8
    assert (row["n"], row["planned_pairs"], row["smallest_p"], row["superiority"]) == (8, 8, 2 / 2**8, 1.0)


def test_verdicts_follow_direction_and_the_adjusted_p() -> None:
    trials = frame({"elman": BASE, "gru": BETTER, "lstm": SAME})
    rows = compare(trials)
    assert (rows["gru"]["verdict"], rows["lstm"]["verdict"]) == ("better", "undecided")
    # Differences of lstm are all of one size: two patterns of their own bring its statistic to its largest value.
    assert (rows["gru"]["p_adjusted"], rows["gru"]["smallest_p"]) == (4 / 2**8, 2 / 2**8)
    assert compare(trials, "maximize")["gru"]["verdict"] == "worse"


def test_a_verdict_over_survivors_has_the_divergence_of_both_sides_beside_it() -> None:
    status = {("gru", 0): "diverged", ("gru", 5): "diverged", ("gru", 6): "timeout", ("elman", 7): "diverged"}
    base, better = {s: 10.0 + s for s in range(16)}, {s: 8.0 + s for s in range(16)}
    row = compare(frame({"elman": base, "gru": better}, status))["gru"]
    assert (row["verdict"], row["n"], row["diverged"], row["baseline_diverged"]) == ("better", 12, 2, 1)


def test_five_seeds_that_all_agree_stay_undecided() -> None:
    trials = frame({"elman": dict.fromkeys(range(5), 10.0), "gru": {s: 1.0 + s for s in range(5)}})
    row = compare(trials)["gru"]
    assert (row["p"], row["smallest_p"], row["verdict"], row["superiority"]) == (0.0625, 0.0625, "undecided", 1.0)


def test_pairs_are_joined_by_seed_not_by_position() -> None:
    trials = frame({"elman": BASE, "gru": BETTER})
    rows = trials.rows()
    random.Random(4).shuffle(rows)
    shuffled = pl.DataFrame(rows, schema=trials.schema, orient="row")
    assert compare(shuffled)["gru"] == compare(trials)["gru"]


def test_unpaired_seeds_are_named_and_left_out() -> None:
    base = {**BASE, 3: math.nan}
    trials = frame({"elman": base, "gru": {**BETTER, 99: 1.0}}, {("gru", 5): "diverged"})
    row = compare(trials)["gru"]
    assert (row["n"], row["planned_pairs"], row["unpaired_seeds"]) == (6, 8, [3, 5])
    assert row["smallest_p"] == 2 / 2**8


def test_without_any_pair_there_is_no_number_and_no_winner() -> None:
    trials = frame({"elman": BASE, "gru": {s + 100: v for s, v in BETTER.items()}, "lstm": BETTER})
    rows = compare(trials)
    empty = rows["gru"]
    assert [empty[k] for k in ("n", "difference", "low", "p", "p_adjusted", "superiority", "verdict")] == [
        *(0, None, None, None, None, None),
        "undecided",
    ]
    assert rows["lstm"]["p_adjusted"] == 2 / 2**8, "what has no pair is not counted"


def test_one_pair_has_a_difference_but_no_interval() -> None:
    row = compare(frame({"elman": {1: 10.0}, "gru": {1: 8.0}}))["gru"]
    assert (row["n"], row["difference"], row["low"], row["p"], row["verdict"]) == (1, -2.0, None, 1.0, "undecided")


def test_a_lone_arm_has_no_comparison() -> None:
    alone = paired_differences(frame({"elman": BASE}), METRIC, baselines={"elman": "elman"}, direction="minimize")
    assert alone.is_empty()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=9))
@settings(deadline=None, max_examples=40)
def test_swapping_the_roles_turns_the_verdict_round(pairs: list[tuple[int, int]]) -> None:
    first = {seed: float(a) for seed, (a, _) in enumerate(pairs)}
    second = {seed: float(b) for seed, (_, b) in enumerate(pairs)}
    there = compare(frame({"elman": first, "gru": second}))["gru"]
    back = compare(frame({"elman": second, "gru": first}))["gru"]
    opposite = {"better": "worse", "worse": "better", "undecided": "undecided"}
    assert back["verdict"] == opposite[str(there["verdict"])]
    assert (back["p"], back["n"]) == (there["p"], there["n"])
    assert float(str(back["superiority"])) == pytest.approx(1 - float(str(there["superiority"])))
