"""Curves over seeds: bands, common steps, and what is left out."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.evidence import learning_curves, merge_curves

METRIC = "validation/perplexity"


def frame(trials: dict[tuple[str, int], dict[int, float]]) -> pl.DataFrame:
    rows = [
        {"trial": f"{arm}{seed}", "arm": arm, "seed": seed, "step": step, "metric": METRIC, "value": value}
        for (arm, seed), values in trials.items()
        for step, value in values.items()
    ]
    return pl.DataFrame(rows)


def test_mean_and_band_against_scipy() -> None:
    values = np.random.default_rng(0).normal(5, 1, (4, 3))
    history = frame({("gru", s): {10 * (k + 1): values[s, k] for k in range(3)} for s in range(4)})
    curves = learning_curves(history, METRIC)
    assert curves["step"].to_list() == [10, 20, 30]
    for k, row in enumerate(curves.iter_rows(named=True)):
        low, high = stats.t.interval(0.95, 3, loc=values[:, k].mean(), scale=stats.sem(values[:, k]))
        assert (row["n"], row["mean"], row["low"], row["high"]) == pytest.approx((4, values[:, k].mean(), low, high))


def test_steps_that_differ_are_brought_together_without_extrapolation() -> None:
    history = frame({("gru", 0): {0: 0.0, 10: 10.0, 20: 20.0}, ("gru", 1): {0: 2.0, 15: 17.0}})
    rows = {row["step"]: (row["n"], row["mean"]) for row in learning_curves(history, METRIC).iter_rows(named=True)}
    assert rows == {0: (2, 1.0), 10: (2, 11.0), 15: (2, 16.0), 20: (1, 20.0)}


def test_not_finite_values_and_other_metrics_are_left_out() -> None:
    history = frame({("gru", 0): {1: 4.0, 2: math.nan, 3: math.inf}, ("gru", 1): {1: 2.0, 2: 2.0}})
    other = history.with_columns(metric=pl.lit("training/loss"), value=pl.lit(1e9))
    rows = learning_curves(pl.concat([history, other]), METRIC).select("step", "n", "mean").rows()
    assert rows == [(1, 2, 3.0), (2, 1, 2.0)]


def test_one_trial_has_a_line_and_no_band() -> None:
    curves = learning_curves(frame({("gru", 0): {1: 4.0, 2: 3.0}}), METRIC)
    assert curves["mean"].to_list() == [4.0, 3.0]
    assert curves["low"].null_count() == curves["high"].null_count() == 2


def test_exploded_values_never_make_a_band_or_a_mean_infinite() -> None:
    curves = learning_curves(
        frame({("a", 0): {1: 1e200, 2: 1e308, 3: 1.0}, ("a", 1): {1: 3e200, 2: 1.7e308, 3: 3.0}}), METRIC
    )
    assert curves["step"].to_list() == [1, 3]
    assert curves["mean"].to_list() == pytest.approx([2e200, 2.0])
    assert curves["low"].null_count() == curves["high"].null_count() == 1


def test_arms_keep_their_order_and_an_empty_history_is_empty() -> None:
    history = frame({("lstm", 0): {1: 4.0}, ("elman", 0): {1: 3.0}})
    assert learning_curves(history, METRIC)["arm"].to_list() == ["lstm", "elman"]
    assert learning_curves(history.clear(), METRIC).is_empty()
    assert learning_curves(history, "test/f1").is_empty()


@given(count=st.integers(1, 400), points=st.integers(2, 60))
@settings(deadline=None, max_examples=40)
def test_thinning_keeps_the_ends_and_the_limit(count: int, points: int) -> None:
    history = frame({("gru", 0): {step: float(step) for step in range(count)}})
    curves = learning_curves(history, METRIC, points=points)
    assert len(curves) == min(count, points)
    assert (curves["step"][0], curves["step"][-1]) == (0, count - 1)
    gaps = np.diff(curves["step"].to_numpy())
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_arms_of_a_group_are_one_curve_from_the_lowest_to_the_highest() -> None:
    arms = {"a": {0: 1.0, 10: 3.0, 20: 5.0}, "b": {0: 3.0, 20: 7.0}, "c": {0: 9.0}, "d": {0: 100.0}}
    rows = [(arm, *point) for arm, curve in arms.items() for point in curve.items()]
    curves = pl.DataFrame(rows, ["arm", "x", "mean"], orient="row")
    merged = merge_curves(curves, {"c": "alone", "a": "two", "b": "two"}, "x")
    assert merged.columns == ["arm", "x", "n", "mean", "low", "high"]
    assert merged.rows() == [
        ("alone", 0, 1, 9.0, 9.0, 9.0),
        ("two", 0, 2, 2.0, 1.0, 3.0),
        ("two", 10, 2, 4.0, 3.0, 5.0),
        ("two", 20, 2, 6.0, 5.0, 7.0),
    ]
