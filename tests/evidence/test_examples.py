"""How much of an interval is the test set: against analysis of variance, sacrebleu and drawn studies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from tasks.translation.tally import FORMULAS, Scorer
from unroll.contract import Formula, Scale
from unroll.evidence import Scored, paired_differences, share_of_test_set
from unroll.evidence.formulas import combine, evaluate

Values = NDArray[np.float64]
BASELINES = {"arm": "base", "base": "base"}
MEAN = Formula.share("score")


def study(
    base: Values, arm: Values, *, test_sets: tuple[str, str] = ("x", "x")
) -> tuple[pl.DataFrame, dict[str, Scored]]:
    """Trials whose metric is the mean of scores of shape (seeds, examples), and these scores."""
    rows, scored = [], {}
    for name, scores, test_set in (("base", base, test_sets[0]), ("arm", arm, test_sets[1])):
        for seed, of_seed in enumerate(scores):
            trial = f"{name}{seed}"
            rows.append((trial, name, seed, "completed", float(of_seed.mean())))
            scored[trial] = Scored(test_set, MEAN, {"score": of_seed}, len(of_seed))
    return pl.DataFrame(rows, ["trial", "arm", "seed", "status", "m"], orient="row"), scored


def drawn(
    seed: int, *, seeds: int, examples: int, of_seed: float, of_example: float, inside: float
) -> tuple[Values, Values]:
    """Scores of both arms, whose differences are a two-way table without an effect."""
    random = np.random.default_rng(seed)
    base = random.normal(size=(seeds, examples))
    difference = of_seed * random.normal(size=(seeds, 1)) + of_example * random.normal(size=(1, examples))
    return base, base + difference + inside * random.normal(size=(seeds, examples))


def split(made: tuple[pl.DataFrame, dict[str, Scored]], scale: Scale = "identity") -> list[dict[str, Any]]:
    trials, scored = made
    return share_of_test_set(trials, "m", baselines=BASELINES, scale=scale, scored=scored).to_dicts()


def value(formula: Formula, sums: Mapping[str, float]) -> float:
    return float(evaluate(formula, *combine(formula, {name: np.array(each) for name, each in sums.items()})))


def test_it_is_the_analysis_of_variance_of_the_two_way_table() -> None:
    base, arm = drawn(1, seeds=5, examples=120, of_seed=0.05, of_example=0.4, inside=0.3)
    (row,) = split(study(base, arm))
    table = arm - base
    n, m = table.shape
    of_examples = n * ((table.mean(0) - table.mean()) ** 2).sum() / (m - 1)
    rest = ((table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()) ** 2).sum() / ((n - 1) * (m - 1))
    of_seeds = m * ((table.mean(1) - table.mean()) ** 2).sum() / (n - 1)
    assert row["difference"] == pytest.approx(table.mean())
    error = (row["examples_high"] - row["difference"]) / 1.980  # t of 119 degrees of freedom
    assert error**2 == pytest.approx(of_examples / (n * m), rel=0.1), "mean square of examples, by 1,999 resamples"
    expected = (of_examples - rest) / (of_examples - rest + of_seeds)
    assert row["variance_share"] == pytest.approx(expected, rel=0.1)
    deep = 1.980 * math.sqrt((of_examples - rest) / (n * m))
    wide = math.hypot(row["difference"] - row["seeds_low"], deep)
    assert row["difference"] - row["both_low"] == pytest.approx(wide, rel=0.05)


def test_over_seeds_it_is_the_interval_of_the_comparison() -> None:
    for scale in ("identity", "logit"):
        base, arm = (np.random.default_rng(number).random((8, 50)) < 0.6 + number / 9 for number in (0, 1))
        trials, scored = study(base.astype(float), arm.astype(float))
        (row,) = split((trials, scored), scale)
        of_seeds = paired_differences(trials, "m", baselines=BASELINES, direction="maximize", scale=scale)
        told = of_seeds.row(0, named=True)
        assert (row["seeds_low"], row["seeds_high"]) == (told["low"], told["high"])
        assert row["difference"] == told["difference"]
        assert row["both_low"] < row["seeds_low"] < row["seeds_high"] < row["both_high"]
        assert 0 < row["share"] < 1


def test_equal_ledgers_give_equal_numbers_whatever_else_is_there() -> None:
    base, arm = drawn(3, seeds=4, examples=30, of_seed=0.1, of_example=0.1, inside=0.1)
    trials, scored = study(base, arm)
    more = {trial: scored[trial] for trial in reversed(scored)} | {"stray": scored["arm0"]}
    assert split((trials, more)) == split((trials, scored))


def test_only_pairs_that_were_tested_on_the_same_examples_count() -> None:
    base, arm = drawn(4, seeds=4, examples=30, of_seed=0.1, of_example=0.1, inside=0.1)
    (row,) = split(study(base, arm, test_sets=("x", "y")))
    assert (row["n"], row["pairs"], row["both_low"]) == (0, 4, None)
    trials, scored = study(base, arm)
    scored["arm1"] = Scored("x", MEAN, {"score": arm[1] + 0.01}, 30)  # gives another value than was logged
    (row,) = split((trials, {trial: each for trial, each in scored.items() if trial != "base2"}))
    assert (row["n"], row["pairs"], row["examples"]) == (2, 4, 30)


def test_one_seed_and_arms_of_one_value_have_an_interval_over_examples_alone() -> None:
    base, arm = drawn(5, seeds=1, examples=30, of_seed=0.0, of_example=0.1, inside=0.1)
    for rows in (1, 3):
        (row,) = split(study(np.repeat(base, rows, axis=0), np.repeat(arm, rows, axis=0)))
        assert row["examples_low"] < row["difference"] < row["examples_high"]
        assert (row["seeds_low"], row["both_low"], row["share"]) == (None, None, None)


def test_formulas_by_hand() -> None:
    assert value(Formula.share("right"), {"right": 3, "examples": 4}) == 0.75
    assert value(Formula.share("right", "guessed"), {"right": 0, "guessed": 0}) == 0
    f1 = Formula(above=[{"right": 2.0}], below=[{"guessed": 1.0, "gold": 1.0}])
    assert value(f1, {"right": 3, "guessed": 4, "gold": 5}) == pytest.approx(6 / 9)
    perplexity = Formula(form="exponential", above=[{"nats": 1.0}], below=[{"tokens": 1.0}])
    assert value(perplexity, {"nats": 6.0, "tokens": 4}) == pytest.approx(math.exp(1.5))
    macro = Formula(form="mean", above=[{"a": 2.0}, {"b": 2.0}, {"c": 2.0}], below=[{"A": 1.0}, {"B": 1.0}, {"C": 1.0}])
    counts = {"a": 1, "A": 4, "b": 1, "B": 2, "c": 0, "C": 0}
    assert value(macro, counts) == pytest.approx((0.5 + 1) / 2), "a label that nobody saw does not count"


def test_bleu_is_that_of_sacrebleu() -> None:
    random, words = (
        np.random.default_rng(6),
        np.array(["the", "a", "cat", "dog", "sat", "ran", "on", "by", "mat", "hill"]),
    )
    for size in (1, 2, 4, 9):
        pairs = [(random.choice(words, 1 + size), random.choice(words, 2 + size)) for _ in range(3)]
        texts = [(" ".join(one[: random.integers(len(one) + 1)]), " ".join(other)) for one, other in pairs]
        sums = [Scorer(lowercase=False).bleu_sums(*text) for text in texts]
        added = {name: float(sum(each[name] for each in sums)) for name in sums[0]}
        known = BLEU(force=True).corpus_score([text for text, _ in texts], [[other for _, other in texts]]).score
        assert value(FORMULAS["bleu"], added) == pytest.approx(known, abs=1e-9), texts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("of_seed", "of_example", "inside", "seeds"),
    [(0.03, 0.3, 0.3, 8), (0.0, 0.3, 0.3, 8), (0.03, 0.0, 0.3, 8), (0.03, 0.6, 0.3, 3)],
)
def test_the_interval_over_both_covers(of_seed: float, of_example: float, inside: float, seeds: int) -> None:
    covered = 0
    for number in range(300):
        made = drawn(number, seeds=seeds, examples=150, of_seed=of_seed, of_example=of_example, inside=inside)
        (row,) = split(study(*made))
        covered += row["both_low"] <= 0 <= row["both_high"]
    assert covered >= 0.93 * 300 - 3 * math.sqrt(0.05 * 0.95 * 300)
