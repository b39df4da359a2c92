"""Pairs are joined by seed, judged exactly, and never claimed where they do not exist."""

import math
import random
import statistics

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
    for end, outside in ((row["low"], -1e-6), (row["high"], 1e-6)):
        assert sign_flip_p([d - end + outside for d in differences]) > 0.05, "what the interval holds is not rejected"
        assert sign_flip_p([d - end - outside for d in differences]) <= 0.05, "what it leaves out is"
    assert row["r"] == pytest.approx(stats.pearsonr(list(BETTER.values()), list(BASE.values())).statistic)
    unpaired = statistics.variance(BETTER.values()) + statistics.variance(BASE.values())
    assert row["pairing"] == pytest.approx(unpaired / statistics.variance(differences))
    assert row["median"] == pytest.approx(statistics.median(differences))
    assert row["middle_half"] == pytest.approx(stats.trim_mean(differences, 0.25))
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
    assert (row["n"], row["diverged"], row["baseline_diverged"]) == (12, 2, 1)
    # Survivors alone: 12 of 12 better. With what diverged worse than any value, 13 of 15: the sign test.
    assert (row["test"], row["tested_pairs"]) == ("signs", 15)
    assert row["p"] == pytest.approx(stats.binomtest(2, 15, 0.5).pvalue)
    assert (row["verdict"], row["difference"]) == ("better", -2.0)


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
    opposite = {"better": "worse", "worse": "better", "undecided": "undecided", "untested": "untested"}
    assert back["verdict"] == opposite[str(there["verdict"])]
    assert (back["p"], back["n"]) == (there["p"], there["n"])
    assert float(str(back["superiority"])) == pytest.approx(1 - float(str(there["superiority"])))


def test_arms_that_have_one_value_each_are_not_tested() -> None:
    trials = frame({"elman": dict.fromkeys(range(8), 155.76), "gru": dict.fromkeys(range(8), 142.02)})
    row = compare(trials)["gru"]
    assert row["verdict"] == "untested", "eight copies of one number are one observation"
    assert [row[name] for name in ("one_value", "p", "p_adjusted", "smallest_p", "low", "high")] == [
        "both",
        *[None] * 5,
    ]
    assert row["difference"] == pytest.approx(-13.74)


def test_a_difference_in_the_last_digit_of_arms_with_one_value_is_none() -> None:
    trials = frame({"elman": dict.fromkeys(range(8), 9.2), "gru": dict.fromkeys(range(8), 9.2 + 1.8e-15)})
    assert (compare(trials)["gru"]["verdict"], compare(trials)["gru"]["difference"]) == ("untested", 0.0)


def test_an_arm_with_one_value_is_a_constant_that_others_are_tested_against() -> None:
    trials = frame({"elman": dict.fromkeys(range(8), 9.0), "gru": BETTER, "lstm": dict.fromkeys(range(8), 8.0)})
    rows = compare(trials)
    assert (rows["gru"]["one_value"], rows["lstm"]["one_value"]) == ("baseline", "both")
    assert rows["gru"]["p"] == rows["gru"]["p_adjusted"] == sign_flip_p([v - 9.0 for v in BETTER.values()])
    assert rows["gru"]["r"] is None


def test_survivors_alone_decide_nothing() -> None:
    """Equal arms, of which one loses its bad seeds: what is left of it is better on every seed."""
    lucky = {seed: 10.0 - 0.1 * seed for seed in range(11)}
    trials = frame(
        {"elman": dict.fromkeys(range(11), 10.5), "gru": lucky}, {("gru", s): "diverged" for s in range(6, 11)}
    )
    row = compare(trials)["gru"]
    assert (row["superiority"], row["verdict"]) == (1.0, "undecided")


def test_a_baseline_that_diverges_is_worse_than_any_value() -> None:
    trials = frame({"elman": BASE, "gru": BETTER}, {("elman", s): "diverged" for s in range(3)})
    row = compare(trials)["gru"]
    assert (row["verdict"], row["p"], row["n"], row["tested_pairs"]) == ("better", 2 / 2**8, 5, 8)


def test_pairs_of_which_both_sides_diverged_do_not_count_towards_what_can_be_decided() -> None:
    status = {(arm, seed): "diverged" for arm in ("elman", "gru") for seed in range(3)}
    row = compare(frame({"elman": BASE, "gru": BETTER}, status))["gru"]
    assert (row["p"], row["tested_pairs"], row["planned_pairs"]) == (2 / 2**5, 5, 8)


def test_a_verdict_that_hangs_on_one_seed_names_it() -> None:
    firm = compare(frame({"elman": BASE, "gru": BETTER}))["gru"]
    assert (firm["verdict"], firm["hangs_on"]) == ("better", [])
    base = dict.fromkeys(range(10), 10.0)
    offsets = (-1.0, -0.9, 0.6, -1.1, -0.8, -0.7, -1.2, -0.6, 0.6, -3.0)
    row = compare(frame({"elman": base, "gru": {s: 10.0 + d for s, d in enumerate(offsets)}}))["gru"]
    assert row["verdict"] == "better"
    without = {s: sign_flip_p([d for t, d in enumerate(offsets) if t != s]) for s in range(10)}
    assert row["hangs_on"] == [s for s, p in without.items() if p > 0.05] == [9]


@given(st.lists(st.integers(-30, 60), min_size=6, max_size=9).filter(lambda some: len(set(some)) > 1))
@settings(deadline=None, max_examples=40)
def test_no_verdict_has_an_interval_across_zero(values: list[int]) -> None:
    trials = frame(
        {"elman": dict.fromkeys(range(len(values)), 0.0), "gru": {s: float(v) for s, v in enumerate(values)}}
    )
    row = compare(trials)["gru"]
    low, high = float(str(row["low"])), float(str(row["high"]))
    assert (float(str(row["p"])) <= 0.05) == (low > 0 or high < 0)


def test_one_difference_a_hundred_times_the_others_keeps_the_interval_on_its_side() -> None:
    """By Student's t it went from -42.6 to +15.9 beside a verdict."""
    values = dict.fromkeys(range(7), -1.0) | {7: -100.0}
    row = compare(frame({"elman": dict.fromkeys(range(8), 0.0), "gru": values}))["gru"]
    assert (row["verdict"], row["median"], row["middle_half"]) == ("better", -1.0, -1.0)
    assert row["high"] == -1.0


def test_perplexities_are_compared_as_logarithms_and_told_as_perplexities() -> None:
    base = {s: 100.0 * 1.1**s for s in range(8)}
    arm = {s: v * (0.5 + 0.02 * s) for s, v in base.items()}
    trials = frame({"elman": base, "gru": arm})
    rows = paired_differences(
        trials, METRIC, baselines={"elman": "elman", "gru": "elman"}, direction="minimize", scale="log"
    )
    row = rows.row(0, named=True)
    ratios = [arm[s] / base[s] for s in base]
    level, ratio = statistics.geometric_mean(base.values()), statistics.geometric_mean(ratios)
    assert row["relative"] == pytest.approx(ratio - 1)
    assert row["difference"] == pytest.approx(level * (ratio - 1))
    assert row["p"] == sign_flip_p([math.log(r) for r in ratios])
    assert -level < row["low"] < row["difference"] < row["high"] < 0
