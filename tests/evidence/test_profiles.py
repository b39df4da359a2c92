"""Profiles: found by their names, taken relative to their start, averaged as logarithms."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.evidence import by_distance, fading, find_profiles, profile_steps

Looks = dict[int, dict[int, float]]


def frame(trials: dict[tuple[str, int], Looks], profile: str = "flow/layer0") -> pl.DataFrame:
    """(arm, seed) -> step -> distance -> value."""
    rows = [
        {"trial": f"{arm}{seed}", "arm": arm, "step": step, "metric": f"{profile}/distance_{distance}", "value": value}
        for (arm, seed), looks in trials.items()
        for step, values in looks.items()
        for distance, value in values.items()
    ]
    return pl.DataFrame(rows)


def rows(found: pl.DataFrame, moment: str) -> dict[tuple[str, int], tuple[int, float]]:
    return {
        (row["arm"], row["distance"]): (row["n"], round(row["mean"], 9))
        for row in found.filter(pl.col("moment") == moment).iter_rows(named=True)
    }


def test_profiles_are_found_by_name_and_parts_belong_to_their_whole() -> None:
    metrics = [
        "flow/a/distance_0",
        "flow/a/distance_10",
        "flow/a/h/distance_0",
        "flow/ab/distance_3",
        "alone/h/distance_1",
    ]
    others = ["train/loss", "flow/b/distance_", "flow/c/distance_x", "flow/d/distance_1/e", "distance_4", "/flow_2"]
    assert find_profiles([*metrics, *others]) == ["alone/h", "flow/a", "flow/ab"]


def test_mean_and_band_are_those_of_logarithms_relative_to_the_start() -> None:
    values = 10 ** np.random.default_rng(0).normal(-3, 2, (4, 3))
    history = frame({("gru", s): {0: {d: values[s, k] for k, d in enumerate((0, 5, 20))}} for s in range(4)})
    found = fading(history, "flow/layer0")
    assert found["moment"].unique().to_list() == ["first"]
    assert found["distance"].to_list() == [0, 5, 20]
    decades = np.log10(values / values[:, :1])
    for k, row in enumerate(found.iter_rows(named=True)):
        assert (row["n"], row["mean"]) == pytest.approx((4, decades[:, k].mean()))
        if k:
            low, high = stats.t.interval(0.95, 3, loc=decades[:, k].mean(), scale=stats.sem(decades[:, k]))
            assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_first_and_last_are_each_trials_own() -> None:
    trials = {
        ("gru", 0): {0: {0: 1.0, 5: 0.1}, 50: {0: 1.0, 5: 0.5}, 90: {0: 2.0, 5: 0.02}},
        ("gru", 1): {0: {0: 10.0, 5: 1.0}, 50: {0: 1.0, 5: 1e-4}},
        ("lstm", 0): {0: {0: 1.0, 5: 0.1}},
    }
    found = fading(frame(trials), "flow/layer0")
    assert rows(found, "first") == {("gru", 0): (2, 0), ("gru", 5): (2, -1), ("lstm", 0): (1, 0), ("lstm", 5): (1, -1)}
    assert rows(found, "last") == {("gru", 0): (2, 0), ("gru", 5): (2, -3)}
    assert set(found.filter(moment="last")["step"]) == {90}
    assert found["arm"].unique(maintain_order=True).to_list() == ["gru", "lstm"]
    assert found.filter(arm="lstm")["low"].is_null().all()


def test_a_profile_that_goes_less_far_than_others_is_not_the_last() -> None:
    looks = {0: {0: 1.0, 2: 0.5, 5: 0.1}, 50: {0: 1.0, 2: 0.3, 5: 0.01}, 90: {0: 1.0, 2: 0.2}}
    found = fading(frame({("gru", 0): looks}), "flow/layer0")
    assert rows(found, "last")[("gru", 5)] == (1, -2)
    assert set(found.filter(moment="last")["step"]) == {50}


def test_what_has_no_logarithm_is_left_out() -> None:
    trials = {
        ("gru", 0): {0: {0: 1.0, 5: 0.1, 9: 0.0}},
        ("gru", 1): {0: {0: 1.0, 5: math.nan, 9: math.inf}},
        ("gru", 2): {0: {0: 0.0, 5: 1.0, 9: 1.0}},
    }
    assert rows(fading(frame(trials), "flow/layer0"), "first") == {
        ("gru", 0): (2, 0),
        ("gru", 5): (1, -1),
    }


def test_parts_and_neighbours_are_not_mixed_in() -> None:
    whole = frame({("gru", 0): {0: {0: 1.0, 5: 0.1}}})
    others = [frame({("gru", 0): {0: {0: 7.0, 5: 7.0}}}, name) for name in ("flow/layer0/h", "flow/layer01", "flow")]
    together = pl.concat([whole, *others])
    assert fading(together, "flow/layer0").equals(fading(whole, "flow/layer0"))


def test_a_value_that_was_logged_again_counts_once() -> None:
    twice = pl.concat([frame({("gru", 0): {0: {0: 1.0, 5: 0.7}}}), frame({("gru", 0): {0: {0: 1.0, 5: 0.1}}})])
    assert rows(fading(twice, "flow/layer0"), "first")[("gru", 5)] == (1, -1)


def test_nothing_logged_is_an_empty_frame() -> None:
    assert fading(frame({("gru", 0): {0: {0: 1.0}}}), "other").is_empty()


def test_by_distance_gives_the_last_values_in_their_own_unit() -> None:
    trials = {
        ("window", 0): {10: {0: 0.5, 3: 0.1}, 20: {0: 1.0, 3: 0.6}},
        ("window", 1): {20: {0: 0.9, 3: 0.5}},
        ("gru", 0): {20: {0: 1.0, 3: math.nan}},
    }
    found = by_distance(frame(trials, "test/accuracy"), "test/accuracy")
    assert found.select("arm", "distance", "n").rows() == [("window", 0, 2), ("window", 3, 2), ("gru", 0, 1)]
    assert found["mean"].to_list() == pytest.approx([0.95, 0.55, 1.0])
    low, high = stats.t.interval(0.95, 1, loc=0.55, scale=stats.sem([0.6, 0.5]))
    assert found.row(1)[4:] == pytest.approx((low, high))
    assert found["low"].to_list()[2] is None


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2)),
        st.dictionaries(
            st.integers(1, 6),
            st.dictionaries(st.integers(0, 3), st.sampled_from([math.nan, 0.0, 1.0, 2.0, 5.0]), min_size=1),
            min_size=1,
        ),
        min_size=1,
    )
)
@settings(deadline=None, max_examples=60)
def test_a_profile_is_the_same_of_the_steps_that_count(trials: dict[tuple[str, int], Looks]) -> None:
    history = frame(trials).sort("arm", "trial", "step")
    step = pl.col("step")
    logged = history.group_by("trial", "metric").agg(begins=step.min(), ends=step.max())
    some = history.join(profile_steps(logged, "flow/layer0"), on=["trial", "step"], how="semi", maintain_order="left")
    for average in (fading, by_distance):
        assert average(some, "flow/layer0").equals(average(history, "flow/layer0"), null_equal=True)
