"""Power against statsmodels' formula in another form, and against the test itself on drawn studies."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import nct, t

from unroll.evidence.permutation import max_t
from unroll.evidence.power import deciding_pairs, detectable_differences, detectable_effect, needed_pairs, power


def test_it_is_the_noncentral_t_and_its_inverse() -> None:
    limit = t.isf(0.025 / 3, 9)
    distribution = nct(9, 0.9 * math.sqrt(10))
    assert power(0.9, 10, 3) == pytest.approx(distribution.sf(limit) + distribution.cdf(-limit), abs=1e-9)
    assert power(detectable_effect(10, 3), 10, 3) == pytest.approx(0.8, abs=1e-9)
    assert needed_pairs(0.5) == 34  # Cohen 1988: 33.4
    assert power(0.5, 34) >= 0.8 > power(0.5, 33)
    assert power(9, 5) == 0
    assert math.isinf(detectable_effect(5))


@pytest.mark.parametrize(("pairs", "comparisons", "least", "most"), [(8, 1, 0.70, 0.82), (12, 3, 0.80, 0.96)])
def test_the_test_that_is_used_finds_as_much(pairs: int, comparisons: int, least: float, most: float) -> None:
    """Arms with their own noise and a shared baseline: the differences correlate by a half."""
    generator, effect = np.random.default_rng(1), detectable_effect(pairs, comparisons)
    found = 0
    for _ in range(300):
        drawn = generator.normal(size=(pairs, comparisons + 1)) / math.sqrt(2)
        found += max_t(drawn[:, 1:] - drawn[:, :1] + effect)[0] <= 0.05
    assert least <= found / 300 <= most


def test_differences_are_told_in_the_metrics_unit() -> None:
    noise = np.random.default_rng(2).normal(0, 0.05, size=(2, 8))
    arms = [("elman", seed, 100 * math.exp(noise[0, seed])) for seed in range(8)]
    arms += [("gru", seed, 90 * math.exp(noise[1, seed])) for seed in range(8)]
    trials = pl.DataFrame(arms, ["arm", "seed", "m"], orient="row").with_columns(status=pl.lit("completed"))
    baselines = {"elman": "elman", "gru": "elman"}
    (row,) = detectable_differences(
        trials, "m", baselines=baselines, planned={"gru": 8}, direction="minimize", scale="log", difference=3
    ).to_dicts()
    mean, spread = noise[0].mean(), (noise[1] - noise[0]).std(ddof=1)
    expected = 100 * math.exp(mean) * (math.exp(-detectable_effect(8) * spread) - 1)
    assert row["detectable"] == pytest.approx(expected)
    assert row["half_needs_seeds"] == needed_pairs(detectable_effect(8) / 2)
    effect, seeds = -math.log1p(-3 / (100 * math.exp(mean))) / spread, row["difference_needs_seeds"]
    assert nct(seeds - 1, effect * math.sqrt(seeds)).sf(t.isf(0.025, seeds - 1)) >= 0.8
    assert nct(seeds - 2, effect * math.sqrt(seeds - 1)).sf(t.isf(0.025, seeds - 2)) < 0.8
    impossible = detectable_differences(
        trials, "m", baselines=baselines, planned={"gru": 8}, direction="minimize", scale="log", difference=200
    )
    assert impossible["difference_needs_seeds"].to_list() == [None], "no perplexity is below zero"
    few = trials.filter(pl.col("seed") < 2)
    assert detectable_differences(few, "m", baselines=baselines, planned={"gru": 8}, direction="minimize").is_empty()


def test_pairs_that_decide_are_those_of_the_effect_that_was_seen() -> None:
    values = {"elman": (5.0, 5.0, 5.0, 5.0), "gru": (4.0, 5.0, 4.5, 5.5), "lstm": (4.0, 4.0, 4.0, 4.0)}
    rows = [(arm, seed, value) for arm, known in values.items() for seed, value in enumerate(known)]
    trials = pl.DataFrame(rows, ["arm", "seed", "m"], orient="row").with_columns(status=pl.lit("completed"))
    differences = np.array(values["gru"]) - 5
    expected = needed_pairs(differences.mean() / differences.std(ddof=1), 2)
    assert deciding_pairs(trials, "m", baselines=dict.fromkeys(values, "elman")) == {"gru": expected}, "lstm: no spread"
