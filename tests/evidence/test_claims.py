"""Claims are judged by tests that are counted here pattern by pattern, and by numbers that scipy gives, too."""

from __future__ import annotations

import itertools
import math

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from unroll.evidence import claim_values, judge_claims
from unroll.evidence.claims import paired_rates_interval, seeds_needed
from unroll.study._factors import arm_name, combine, read_factors
from unroll.study.claims import Claim, read_claim

METRIC = "validation/perplexity"
SHARE = "validation/accuracy"
DIRECTIONS = {METRIC: "minimize", SHARE: "maximize"}
SEEDS = 7
GENERATOR = np.random.default_rng(3)
Array = NDArray[np.float64]


def claims(compare: dict[str, list[object]], *texts: str) -> list[Claim]:
    factors = read_factors(compare)
    arms = {arm_name(factors, levels): levels for levels in combine(factors, [])}
    return [read_claim(text, factors, arms, metrics=DIRECTIONS, metric=METRIC) for text in texts]


def frame(values: dict[str, Array], status: dict[tuple[str, int], str] | None = None) -> pl.DataFrame:
    rows = [
        {"arm": arm, "seed": seed, "status": (status or {}).get((arm, seed), "completed"), METRIC: v, SHARE: v / 100}
        for arm, series in values.items()
        for seed, v in enumerate(series)
    ]
    return pl.DataFrame(rows)


def judge(trials: pl.DataFrame, declared: list[Claim]) -> dict[str, dict[str, object]]:
    rows = judge_claims(trials, declared, DIRECTIONS)  # type: ignore[arg-type]
    return {row["claim"]: row for row in rows.iter_rows(named=True)}


CELLS: dict[str, list[object]] = {"network.cell": ["elman", "gru", "lstm"]}
ELMAN = 100 + GENERATOR.normal(0, 3, SEEDS)
VALUES = {
    "elman": ELMAN,
    "gru": ELMAN - 6 + GENERATOR.normal(0, 1.0, SEEDS),
    "lstm": ELMAN - 5 + GENERATOR.normal(0, 2.0, SEEDS),
}


def stepped_down(columns: list[Array]) -> list[float]:
    """Adjusted p-values of one-sided hypotheses, each subset's maximum counted over all patterns of signs."""
    matrix = np.stack(columns, axis=1)
    statistics = matrix.sum(axis=0) / np.sqrt((matrix**2).sum(axis=0))
    order = sorted(range(len(columns)), key=lambda j: -statistics[j])
    adjusted, least = [0.0] * len(columns), 0.0
    for place, j in enumerate(order):
        rest, hits = order[place:], 0
        for signs in itertools.product((1, -1), repeat=len(matrix)):
            flipped = np.array(signs) @ matrix[:, rest] / np.sqrt((matrix[:, rest] ** 2).sum(axis=0))
            hits += flipped.max() >= statistics[j] - 1e-9
        least = max(least, hits / 2 ** len(matrix))
        adjusted[j] = least
    return adjusted


def test_all_claims_are_one_family_of_one_sided_hypotheses_counted_by_hand() -> None:
    texts = ("gru better than elman", "lstm better than elman by 4%", "gru within 2 of lstm")
    found = judge(frame(VALUES), claims(CELLS, *texts))
    gru, lstm, elman = (VALUES[name] for name in ("gru", "lstm", "elman"))
    one, two, near = elman - gru, elman - lstm - 0.04 * elman, gru - lstm
    expected = stepped_down([one, -one, two, -two, near + 2, 2 - near, near - 2, -near - 2])
    pairs = [(expected[0], expected[1]), (expected[2], expected[3]), (max(expected[4:6]), min(expected[6:8]))]
    for text, (support, refute) in zip(texts, pairs, strict=True):
        assert found[text]["p_adjusted"] == pytest.approx(min(support, refute), abs=1e-12)
        names = {True: "equivalent" if "within" in text else "supported"}
        verdict = names.get(support <= 0.05, "refuted" if refute <= 0.05 else "undecided")
        assert found[text]["verdict"] == verdict
    assert found[texts[0]]["verdict"] == "supported"


def test_effect_and_interval_are_those_of_a_paired_t_interval() -> None:
    row = judge(frame(VALUES), claims(CELLS, "gru better than elman"))["gru better than elman"]
    differences = VALUES["gru"] - VALUES["elman"]
    low, high = stats.t.interval(0.95, SEEDS - 1, differences.mean(), stats.sem(differences))
    assert (row["effect"], row["low"], row["high"]) == pytest.approx((differences.mean(), low, high))
    assert row["relative"] == pytest.approx(differences.mean() / VALUES["elman"].mean())
    alone = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert row["p"] == pytest.approx(alone.pvalue)
    assert row["p"] == row["p_adjusted"] == 2 / 2**SEEDS == row["smallest_p"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("elman better than gru", "refuted"),
        ("gru better than elman by 20", "refuted"),
        ("gru better than elman by 2", "supported"),
        ("gru better than elman by 3%", "supported"),
        ("gru better than elman by 30 %", "refuted"),
        ("gru within 30 of elman", "equivalent"),
        ("gru within 20% of elman", "equivalent"),
        ("gru within 1 of elman", "refuted"),
        ("elman within 1% of gru", "refuted"),
        ("gru within 6 of elman", "undecided"),
        ("elman better than gru on validation/accuracy", "supported"),
        ("elman better than gru by 0.01 on validation/accuracy", "supported"),
        ("gru better than elman on validation/accuracy", "refuted"),
    ],
)
def test_a_claim_and_its_contrary_are_told_apart_whichever_way_is_better(text: str, verdict: str) -> None:
    assert judge(frame(VALUES), claims(CELLS, text))[text]["verdict"] == verdict


DEPTHS: dict[str, list[object]] = {"network.cell": ["gru", "lstm"], "network.depth": [1, 2, 4]}


def by_depth(slopes: dict[str, float]) -> dict[str, Array]:
    generator = np.random.default_rng(5)
    return {
        f"cell={cell}, depth={depth}": 50 + slope * depth + generator.normal(0, 0.5, SEEDS)
        for cell, slope in slopes.items()
        for depth in (1, 2, 4)
    }


def test_levels_are_averaged_over_the_other_factor_on_each_seed() -> None:
    values = by_depth({"gru": 1.0, "lstm": 2.0})
    row = judge(frame(values), claims(DEPTHS, "gru better than lstm"))["gru better than lstm"]
    means = {cell: np.mean([values[f"cell={cell}, depth={d}"] for d in (1, 2, 4)], axis=0) for cell in ("gru", "lstm")}
    assert row["effect"] == pytest.approx((means["gru"] - means["lstm"]).mean())
    assert (row["cells"], row["n"], row["verdict"]) == (3, SEEDS, "supported")
    # A seed without one of the cells would be averaged over others than its neighbours: it does not count.
    row = judge(frame(values, {("cell=lstm, depth=2", 3): "diverged"}), claims(DEPTHS, "gru better than lstm"))[
        "gru better than lstm"
    ]
    assert (row["n"], row["planned_seeds"], row["first_diverged"], row["second_diverged"]) == (SEEDS - 1, SEEDS, 0, 1)


@pytest.mark.parametrize(
    ("slopes", "verdict"),
    [
        ({"gru": 1.0, "lstm": 3.0}, "supported"),
        ({"gru": -1.0, "lstm": -3.0}, "supported"),
        ({"gru": 3.0, "lstm": 1.0}, "refuted"),
        ({"gru": -1.0, "lstm": 3.0}, "supported"),
        ({"gru": -3.0, "lstm": 1.0}, "refuted"),
    ],
)
def test_flatter_compares_the_size_of_mean_slopes(slopes: dict[str, float], verdict: str) -> None:
    text = "gru flatter than lstm in depth"
    assert judge(frame(by_depth(slopes)), claims(DEPTHS, text))[text]["verdict"] == verdict


@pytest.mark.parametrize("log", [False, True])
def test_slopes_are_those_of_scipy(*, log: bool) -> None:
    values = by_depth({"gru": 1.0, "lstm": 2.0})
    text = f"gru flatter than lstm in {'log ' if log else ''}depth"
    row = judge(frame(values), claims(DEPTHS, text))[text]
    at = [math.log2(depth) if log else depth for depth in (1, 2, 4)]
    slopes = {
        cell: np.array(
            [stats.linregress(at, [values[f"cell={cell}, depth={d}"][s] for d in (1, 2, 4)]).slope for s in range(7)]
        )
        for cell in ("gru", "lstm")
    }
    assert (row["first"], row["second"]) == pytest.approx((slopes["gru"].mean(), slopes["lstm"].mean()))
    low, high = stats.t.interval(0.95, SEEDS - 1, row["effect"], stats.sem(slopes["gru"] - slopes["lstm"]))
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_diverging_less_is_mcnemars_exact_test() -> None:
    text, seeds = "gru diverges less than elman", 10
    values = {name: 10 + np.random.default_rng(1).normal(size=seeds) for name in ("elman", "gru", "lstm")}
    ends = {("elman", seed): "diverged" for seed in range(8)} | {("gru", 9): "diverged"}
    row = judge(frame(values, ends), claims(CELLS, text))[text]
    assert row["p"] == pytest.approx(stats.binomtest(1, 9, 0.5).pvalue)
    assert (row["first"], row["second"], row["verdict"]) == (0.1, 0.8, "supported")
    # By hand, Bonett and Price 2012: (1 + 1) / 12 and (8 + 1) / 12.
    one, other = 2 / 12, 9 / 12
    half = 1.959963985 * math.sqrt((one + other - (one - other) ** 2) / 12)
    assert (row["low"], row["high"]) == pytest.approx((-1.0, one - other + half))  # no rate is lower
    low, high = paired_rates_interval(np.zeros(4))
    assert (-low, high) == pytest.approx((1.959963985 * math.sqrt(2 / 6 / 6),) * 2)
    undecided = judge(frame(values), claims(CELLS, text))[text]
    assert (undecided["verdict"], undecided["p"], undecided["seeds_needed"]) == ("undecided", 1.0, None)


def test_what_no_seed_changes_is_not_tested() -> None:
    text = "gru better than elman"
    row = judge(frame({name: np.full(8, 3.0 + i) for i, name in enumerate(VALUES)}), claims(CELLS, text))[text]
    assert (row["verdict"], row["p"], row["low"], row["effect"], row["one_value"]) == ("undecided", None, None, 1, True)


def test_equal_sides_and_absent_ones_decide_nothing() -> None:
    texts = "gru better than elman", "lstm better than elman"
    ends = {("lstm", seed): "failed_user" for seed in range(SEEDS)}
    found = judge(frame({**VALUES, "gru": ELMAN}, ends), claims(CELLS, *texts))
    assert (found[texts[0]]["verdict"], found[texts[0]]["p"], found[texts[0]]["effect"]) == ("undecided", 1.0, 0.0)
    assert (found[texts[1]]["verdict"], found[texts[1]]["p"], found[texts[1]]["n"]) == ("undecided", None, 0)


def test_seeds_that_would_decide_are_enough_when_drawn_anew() -> None:
    column = np.array([1.5, -0.5, 2.0, 0.0, 1.0, -1.0])
    needed = seeds_needed([column], [-column], 1)
    assert needed is not None
    assert seeds_needed([-column], [column], 1) == needed
    assert seeds_needed([column], [-column], 3) > needed  # type: ignore[operator]
    draws = np.random.default_rng(0).normal(column.mean(), column.std(ddof=1), (4000, needed))
    assert (stats.ttest_1samp(draws, 0, axis=1, alternative="greater").pvalue <= 0.025).mean() == pytest.approx(
        0.8, abs=0.03
    )
    near = [column - column.mean() + 3, 3 - column + column.mean()]
    within = seeds_needed(near, [-near[0], -near[1]], 1)
    assert within is not None
    draws = np.random.default_rng(1).normal(0, column.std(ddof=1), (4000, within))
    both = [
        stats.ttest_1samp(draws, m, axis=1, alternative=a).pvalue <= 0.025 for m, a in ((-3, "greater"), (3, "less"))
    ]
    assert (both[0] & both[1]).mean() >= 0.78


def test_a_claim_is_judged_by_what_each_seed_brings() -> None:
    trials = frame(VALUES, {("gru", 2): "timeout"})
    (declared,) = claims(CELLS, "gru better than elman by 5%")
    rows = claim_values(trials, declared, DIRECTIONS).to_dicts()  # type: ignore[arg-type]
    assert [row["seed"] for row in rows] == [seed for seed in range(SEEDS) if seed != 2]
    for row in rows:
        first, second = VALUES["gru"][row["seed"]], VALUES["elman"][row["seed"]]
        told = [row[name] for name in ("first", "second", "difference", "margin")]
        assert told == pytest.approx([first, second, first - second, 0.05 * second])
        assert row["sign"] == -1
    judged = judge(trials, [declared])[declared.text]
    assert judged["effect"] == pytest.approx(np.mean([row["difference"] for row in rows]))
