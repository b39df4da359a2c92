"""Shares are compared as the counts behind them: equal differences of counts are ties, however a share was rounded."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from unroll.evidence import paired_differences, resolution, sign_flip_p

METRIC = "test/accuracy"
GRU = (271, 282, 274, 282, 267, 268, 271, 265)
LSTM = (273, 286, 278, 281, 265, 271, 275, 273)
"""Sentences of 300 that were classified rightly with seeds 0 to 7."""

Shares = NDArray[np.float64]
Counts = NDArray[np.int64]


def as_quotients(counts: Sequence[int] | Counts, examples: int) -> Shares:
    return np.asarray(counts) / examples


def as_single(counts: Sequence[int] | Counts, examples: int) -> Shares:
    """As a tensor of counts divided by another one gives them, and results of earlier versions hold them."""
    return (np.asarray(counts, np.float32) / np.float32(examples)).astype(np.float64)


def as_mixed(counts: Sequence[int] | Counts, examples: int) -> Shares:
    """A study that was begun with an earlier version and got more seeds with this one."""
    shares = as_single(counts, examples)
    shares[len(shares) // 2 :] = as_quotients(counts, examples)[len(shares) // 2 :]
    return shares


EVERY_WAY: tuple[Callable[[Any, int], Shares], ...] = (as_quotients, as_single, as_mixed)


def compare(baseline: Shares, arm: Shares) -> dict[str, object]:
    rows = [("a", seed, value) for seed, value in enumerate(baseline)]
    rows += [("b", seed, value) for seed, value in enumerate(arm)]
    trials = pl.DataFrame(rows, schema=["arm", "seed", METRIC], orient="row").with_columns(status=pl.lit("completed"))
    table = paired_differences(trials, METRIC, baselines={"a": "a", "b": "a"}, direction="maximize")
    return table.row(0, named=True)


def p_of_counts(differences: Counts) -> float:
    """The test in whole numbers: no sum is rounded."""
    n = len(differences)
    signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    return float((np.abs(signs @ differences) >= abs(differences.sum())).mean())


@pytest.mark.parametrize("shares", EVERY_WAY)
def test_a_difference_that_ties_make_undecided(shares: Callable[[Any, int], Shares]) -> None:
    row = compare(shares(GRU, 300), shares(LSTM, 300))
    assert (row["p"], row["verdict"]) == (0.0546875, "undecided")


def designs(number: int) -> Iterator[tuple[int, Counts, Counts]]:
    """Examples, and what two arms got right with each seed; from designs of nothing but ties to ones with none."""
    random = np.random.default_rng(8)
    for _ in range(number):
        n, examples = int(random.integers(4, 13)), int(random.integers(100, 25_001))
        rate, spread = random.uniform(0.05, 0.99), random.choice([1e-4, 1e-3, 0.02])
        shares = rate + random.normal(0, spread, (2, n))
        baseline, arm = np.clip(np.rint(examples * shares), 0, examples).astype(np.int64)
        yield examples, baseline, arm


def test_p_values_of_shares_are_those_of_counts() -> None:
    for examples, baseline, arm in designs(1_000):
        expected = p_of_counts(arm - baseline)
        for shares in EVERY_WAY:
            sides = shares(arm, examples), shares(baseline, examples)
            p = sign_flip_p(sides[0] - sides[1], error=float(sum(resolution(side).sum() for side in sides)))
            assert p == expected, (shares.__name__, examples, baseline, arm)


def test_a_comparison_knows_the_resolution_of_its_values() -> None:
    for examples, baseline, arm in designs(60):
        wins = np.where(arm == baseline, 0.5, arm > baseline).mean()
        for shares in EVERY_WAY:
            row = compare(shares(baseline, examples), shares(arm, examples))
            if row["verdict"] == "untested":
                assert len({*baseline}) == len({*arm}) == 1
                continue
            assert row["p"] == p_of_counts(arm - baseline), (shares.__name__, examples, baseline, arm)
            assert row["superiority"] == pytest.approx(wins), (shares.__name__, examples, baseline, arm)


def test_numbers_that_differ_in_their_last_digit_are_equal() -> None:
    values: Shares = np.asarray(9.2 + np.arange(8), dtype=np.float64)
    row = compare(values, np.array([np.nextafter(value, 100) for value in values]))
    assert (row["difference"], row["p"], row["superiority"], row["verdict"]) == (0.0, 1.0, 0.5, "undecided")


def test_one_example_of_25_000_is_a_difference_and_a_tie_is_none() -> None:
    counts = np.array([20_000, 20_001, 20_002, 20_003, 20_004, 20_005, 20_006, 20_007])
    for shares in EVERY_WAY:
        assert compare(shares(counts, 25_000), shares(counts + 1, 25_000))["p"] == 2 / 2**8
        assert compare(shares(counts, 25_000), shares(counts, 25_000))["p"] == 1.0


def test_the_resolution_of_a_value_is_that_of_the_narrowest_format_that_holds_it() -> None:
    single = float(np.float32(271 / 300))
    assert resolution([single, 271 / 300]) == pytest.approx([4 * 2.0**-24, 4 * 2.0**-53])
    assert (resolution([0.0, 1.0, 300.0]) <= [1e-300, 1e-15, 1e-12]).all(), "whole numbers are exact"
    assert np.isfinite(resolution([1e300, -1e-300, 1e-50])).all()
