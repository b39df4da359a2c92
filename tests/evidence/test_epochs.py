"""How curves end: still improving, past their best, or level; the rule is stated in ``unroll.evidence.epochs``."""

import random
from collections.abc import Callable

import polars as pl
import pytest

from unroll.evidence import trends

METRIC = "validation/loss"


def curves(shape: Callable[[int], float], *, noise: float, trials: int = 8, validations: int = 10) -> pl.DataFrame:
    """Histories of one arm: a shape over epochs, a level of each trial's own, and noise."""
    chance = random.Random(3)
    rows = [
        (f"t{trial}", "lstm", 100 * epoch, METRIC, shape(epoch) + trial + chance.gauss(0, noise))
        for trial in range(trials)
        for epoch in range(1, validations + 1)
    ]
    return pl.DataFrame(rows, schema=["trial", "arm", "step", "metric", "value"], orient="row")


def falling(epoch: int) -> float:
    return 10 / epoch


def turning(epoch: int) -> float:
    return abs(epoch - 6) / 10


def flat(epoch: int) -> float:
    return 10 / epoch if epoch < 4 else 2.5


@pytest.mark.parametrize(
    ("shape", "noise", "trend"),
    [(falling, 0.001, "improving"), (turning, 0.01, "past"), (flat, 0.0, "level"), (flat, 0.1, "level")],
)
def test_trends(shape: Callable[[int], float], noise: float, trend: str) -> None:
    for sign, direction in ((1, "minimize"), (-1, "maximize")):
        logged = curves(shape, noise=noise).with_columns(pl.col("value") * sign)
        [row] = trends(logged, METRIC, direction=direction).to_dicts()  # type: ignore[arg-type]
        assert row["trend"] == trend
        assert (row["n"], row["validations"]) == (8, 10)
    if trend == "past":
        assert row["best"] == 6
        assert row["change"] == pytest.approx(0.4, abs=0.02)
    if trend == "improving":
        assert row["change"] == pytest.approx(10 / 9 - 1, abs=0.01)


def test_a_curve_without_a_trend_is_level_nearly_always() -> None:
    found = []
    for seed in range(200):
        chance = random.Random(seed)
        logged = curves(lambda epoch: 0.0, noise=0.0).with_columns(
            value=pl.Series([chance.gauss(0, 1) for _ in range(80)])
        )
        found += trends(logged, METRIC, direction="minimize")["trend"].to_list()
    # The best of ten validations lies low by chance, so a little noise is taken for a turn.
    assert found.count("improving") < 0.05 * len(found)
    assert found.count("past") < 0.15 * len(found)


def test_one_that_disagrees_with_most_does_not_decide() -> None:
    logged = curves(flat, noise=0.0, trials=4)
    last = (pl.col("step") == 1000) & (pl.col("trial") == "t0")
    logged = logged.with_columns(value=pl.when(last).then(pl.col("value") - 100).otherwise(pl.col("value")))
    assert trends(logged, METRIC, direction="minimize")["trend"].to_list() == ["level"]


@pytest.mark.parametrize(("trials", "validations"), [(1, 10), (8, 2)])
def test_too_little_says_nothing(trials: int, validations: int) -> None:
    logged = curves(falling, noise=0.0, trials=trials, validations=validations)
    assert trends(logged, METRIC, direction="minimize").is_empty()


def test_trials_that_ended_earlier_are_left_out() -> None:
    logged = curves(falling, noise=0.001)
    short = logged.filter((pl.col("trial") != "t0") | (pl.col("step") < 500))
    assert trends(short, METRIC, direction="minimize")["n"].to_list() == [7]
