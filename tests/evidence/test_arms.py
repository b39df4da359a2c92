"""Arms in numbers: against scipy, and with values that must not count."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.contract import Direction
from unroll.evidence import coverage, summarise_arms

METRIC = "validation/perplexity"


def frame(values: dict[str, list[float | None]], status: dict[tuple[str, int], str] | None = None) -> pl.DataFrame:
    rows = [
        {
            "arm": arm,
            "seed": seed,
            "status": (status or {}).get((arm, seed), "completed"),
            METRIC: value,
            "parameters": 100 * len(arm),
            "items_per_second": 10.0 + seed,
        }
        for arm, series in values.items()
        for seed, value in enumerate(series)
    ]
    return pl.DataFrame(rows, schema_overrides={METRIC: pl.Float64})


def test_agrees_with_scipy() -> None:
    values = list(np.random.default_rng(0).normal(10, 2, 5))
    row = summarise_arms(frame({"gru": [*values]}), METRIC, direction="minimize").row(0, named=True)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["median"] == pytest.approx(np.median(values))
    assert (row["n"], row["parameters"], row["items_per_second"]) == (5, 300, 12.0)


@pytest.mark.parametrize(("direction", "best"), [("minimize", 1.0), ("maximize", 3.0)])
def test_values_that_are_no_numbers_never_rank_nor_average(direction: Direction, best: float) -> None:
    trials = frame({"a": [math.nan, 1.0, math.inf, 3.0, -math.inf, None]})
    row = summarise_arms(trials, METRIC, direction=direction).row(0, named=True)
    assert (row["n"], row["not_finite"], row["mean"], row["median"], row["best"]) == (2, 4, 2.0, 2.0, best)


def test_values_whose_squares_are_no_floats_are_counted_and_not_averaged() -> None:
    trials = frame({"a": [1.7e308, -1.7e308, 1.0, 3.0], "b": [1e149, -1e149, 1e149]})
    first, second = summarise_arms(trials, METRIC, direction="minimize").iter_rows(named=True)
    assert (first["n"], first["not_finite"], first["mean"], first["best"]) == (2, 2, 2.0, 1.0)
    assert (second["n"], second["not_finite"]) == (3, 0)
    assert all(math.isfinite(second[name]) for name in ("mean", "sd", "low", "high"))


def test_only_completed_trials_count() -> None:
    trials = frame({"a": [1.0, 900.0, 3.0]}, {("a", 1): "diverged"})
    row = summarise_arms(trials, METRIC, direction="minimize").row(0, named=True)
    assert (row["n"], row["mean"], row["diverged"], row["completed"], row["planned"]) == (2, 2.0, 1, 2, 3)


def test_one_value_has_no_spread() -> None:
    row = summarise_arms(frame({"a": [5.0]}), METRIC, direction="minimize").row(0, named=True)
    assert row["mean"] == row["best"] == 5.0
    assert row["sd"] is row["low"] is row["high"] is None


def test_an_arm_without_results_keeps_its_row_and_place() -> None:
    status = {("b", 0): "failed_user", ("b", 1): "missing"}
    summary = summarise_arms(
        frame({"c": [1.0, 2.0], "b": [None, None], "a": [3.0, 4.0]}, status), METRIC, direction="minimize"
    )
    assert summary["arm"].to_list() == ["c", "b", "a"]
    row = summary.row(1, named=True)
    assert (row["n"], row["mean"], row["best"], row["parameters"]) == (0, None, None, 100)
    assert (row["failed_user"], row["missing"], row["completed"]) == (1, 1, 0)


def test_a_metric_that_nobody_logged_is_empty() -> None:
    row = summarise_arms(frame({"a": [1.0]}), "test/f1", direction="maximize").row(0, named=True)
    assert (row["n"], row["mean"]) == (0, None)


STATUS = st.sampled_from(["completed", "diverged", "stopped", "out_of_memory", "timeout", "failed_user", "missing"])


@given(st.lists(st.tuples(st.sampled_from("abc"), STATUS), min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_every_planned_trial_is_counted_once(trials: list[tuple[str, str]]) -> None:
    counts = coverage(pl.DataFrame(trials, schema=["arm", "status"], orient="row"))
    for row in counts.iter_rows(named=True):
        assert row["planned"] == sum(v for k, v in row.items() if k not in ("arm", "planned"))
        assert row["diverged"] == sum(t == (row["arm"], "diverged") for t in trials)
    assert counts["planned"].sum() == len(trials)


def test_from_six_values_on_the_interval_follows_their_skewness() -> None:
    values = list(np.random.default_rng(1).lognormal(0, 1, 9))
    row = summarise_arms(frame({"a": [*values]}), METRIC, direction="minimize").row(0, named=True)
    low, high = stats.t.interval(0.95, 8, loc=np.mean(values), scale=stats.sem(values))
    resampled = np.random.default_rng(5).choice(values, (20_000, 9))
    t = (resampled.mean(axis=1) - np.mean(values)) / (resampled.std(axis=1, ddof=1) / 3)
    ends = np.mean(values) - np.quantile(t, [0.975, 0.025]) * stats.sem(values)
    assert row["low"] == pytest.approx(min(low, ends[0]), rel=0.1)
    assert row["high"] == pytest.approx(max(high, ends[1]), rel=0.1)


def test_an_arm_with_one_value_has_no_interval() -> None:
    row = summarise_arms(frame({"a": [155.76] * 8}), METRIC, direction="minimize").row(0, named=True)
    assert (row["mean"], row["low"], row["high"]) == (pytest.approx(155.76), None, None)


def test_intervals_stay_inside_the_range_of_a_scale() -> None:
    shares = frame({"a": [0.97, 0.99, 0.999, 0.9999, 0.98, 0.95], "b": [0.5, 0.6, 0.4, 0.5, 0.55, 0.45]})
    first, _ = summarise_arms(shares, METRIC, direction="maximize", scale="logit").iter_rows(named=True)
    assert 0 < first["low"] < first["mean"] < first["high"] < 1
    whole = frame({"a": [0.97, 0.99, 1.0, 1.0, 0.98, 0.9], "b": [0.5, 0.6, 0.4, 0.5, 0.55, 0.45]})
    first, second = summarise_arms(whole, METRIC, direction="maximize", scale="logit").iter_rows(named=True)
    assert first["mean"] == pytest.approx(np.mean([0.97, 0.99, 1.0, 1.0, 0.98, 0.9])), "1 has no logit"
    assert first["high"] <= 1
    assert second["mean"] == pytest.approx(0.5), "all arms on one scale"
    exploded = frame({"a": [20.0, 21.0, 22.0, 19.0, 20.0, 1e11]})
    row = summarise_arms(exploded, METRIC, direction="minimize", scale="log").row(0, named=True)
    assert row["mean"] == pytest.approx(np.exp(np.mean(np.log([20.0, 21.0, 22.0, 19.0, 20.0, 1e11]))))
    assert row["low"] > 0
