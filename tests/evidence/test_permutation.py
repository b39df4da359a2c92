"""The sign-flip test against scipy and against its definition; max-T against its definition written out."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import permutation_test

from unroll.evidence import max_t, sign_flip_p, smallest_p
from unroll.evidence.permutation import DRAWS, Alternative

DIFFERENCES = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=1, max_size=9)


@pytest.mark.parametrize("n", [2, 3, 5, 8, 11])
def test_agrees_with_scipy(n: int) -> None:
    differences = np.random.default_rng(n).normal(0.5, 1.0, n)
    reference = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue, abs=1e-12)


def test_agrees_with_every_pattern_written_out_with_ties_and_zeros() -> None:
    differences = [0.1, 0.2, -0.3, 0.0, 0.3]
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in product([1, -1], repeat=5)]
    assert sign_flip_p(differences) == np.mean(np.array(sums) >= abs(sum(differences)) - 1e-9)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize(("n", "expected"), [(0, 1.0), (1, 1.0), (2, 0.5), (5, 0.0625), (6, 0.03125), (8, 0.0078125)])
def test_smallest_p_is_two_patterns_of_all(n: int, expected: float) -> None:
    assert smallest_p(n) == expected


@pytest.mark.parametrize("n", [1, 3, 6, 12, 20])
def test_smallest_p_is_reached_when_every_seed_agrees(n: int) -> None:
    assert sign_flip_p(np.linspace(1, 2, n)) == smallest_p(n)


def test_many_pairs_are_sampled_near_the_exact_value_and_always_the_same() -> None:
    differences = np.random.default_rng(3).normal(0.35, 1.0, 24)
    reference = permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=DRAWS, rng=1)
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue, abs=0.005)
    assert sign_flip_p(differences) == sign_flip_p(differences.copy())
    assert sign_flip_p(np.ones(40)) == smallest_p(40) == 1 / (1 + DRAWS)


@pytest.mark.parametrize("bad", [[], [1.0, float("nan")], [float("inf")]])
def test_refuses_what_it_cannot_judge(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one difference, and only finite ones"):
        sign_flip_p(bad)


@given(DIFFERENCES)
@settings(deadline=None, max_examples=60)
def test_does_not_care_for_sign_scale_or_order_and_keeps_to_its_range(differences: list[float]) -> None:
    p = sign_flip_p(differences)
    assert smallest_p(len(differences)) <= p <= 1
    assert sign_flip_p([-d for d in differences]) == p
    assert sign_flip_p([4 * d for d in differences]) == p
    assert sign_flip_p(differences[::-1]) == p


def slow_max_t(matrix: NDArray[np.float64], margin: float, alternative: Alternative) -> list[float]:
    """Westfall and Young's algorithm 4.1, pattern by pattern and comparison by comparison."""
    shifted = matrix - margin
    seeds, comparisons = matrix.shape

    def statistics(signs: tuple[int, ...]) -> list[float]:
        found = []
        for column in range(comparisons):
            terms = [s * d for s, d in zip(signs, shifted[:, column], strict=True) if not np.isnan(d)]
            t = sum(terms) / (sum(d * d for d in terms) ** 0.5 or 1.0)
            found.append({"two-sided": abs(t), "greater": t, "less": -t}[alternative])
        return found

    every = [statistics(signs) for signs in product((1, -1), repeat=seeds)]
    observed = every[0]
    order = sorted(range(comparisons), key=lambda column: -observed[column])
    adjusted, running = [0.0] * comparisons, 0.0
    for place, column in enumerate(order):
        largest = [max(flipped[other] for other in order[place:]) for flipped in every]
        running = max(running, float(np.mean([value >= observed[column] - 1e-9 for value in largest])))
        adjusted[column] = running
    return adjusted


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("margin", [0.0, 0.4])
def test_max_t_is_what_its_definition_says(alternative: Alternative, margin: float) -> None:
    generator = np.random.default_rng(7)
    for seeds, comparisons in ((2, 3), (5, 1), (6, 4), (7, 5)):
        matrix = np.round(generator.normal(0.6, 1.0, (seeds, comparisons)), 1)  # coarse: there are ties
        matrix[generator.random(matrix.shape) < 0.15] = np.nan
        matrix[0] = 0.3  # no comparison without a seed
        expected = slow_max_t(matrix, margin, alternative)
        assert max_t(matrix, margins=margin, alternative=alternative).tolist() == pytest.approx(expected)


def test_max_t_of_one_comparison_is_the_sign_flip_test() -> None:
    differences = np.random.default_rng(5).normal(0.5, 1.0, (9, 1))
    assert max_t(differences).tolist() == [sign_flip_p(differences[:, 0])]


def test_nine_comparisons_are_decided_with_eight_seeds() -> None:
    noise = np.random.default_rng(2).normal(0, 0.3, (8, 9))
    assert max_t(1 + noise).tolist() == [smallest_p(8)] * 9, "Holm multiplies by nine: 0.07"


def test_comparisons_without_common_seeds_are_flipped_independently() -> None:
    matrix = np.full((6, 2), np.nan)
    matrix[:3, 0] = matrix[3:, 1] = [1.0, 1.0, 1.0]
    # Either reaches its largest statistic under 2 of 8 patterns: at least one of them in 7 of 16.
    assert max_t(matrix).tolist() == [7 / 16, 7 / 16]


def test_a_comparison_without_a_seed_is_not_counted() -> None:
    matrix = np.column_stack([np.arange(1.0, 9.0), np.full(8, np.nan)])
    first, absent = max_t(matrix)
    assert first == smallest_p(8)
    assert np.isnan(absent)
    assert max_t(np.empty((0, 0))).tolist() == []


def test_statistics_that_rounding_sets_apart_are_ties() -> None:
    matrix = np.array([[1 / 3, 0.1], [1 / 3, 0.1], [1 / 3, 0.1 + 1e-12], [-1 / 3, -0.1], [1 / 3, 0.1]])
    assert max_t(matrix, errors=1e-12).tolist() == [12 / 32, 12 / 32]


def test_many_seeds_are_sampled_near_the_exact_values_and_always_the_same() -> None:
    matrix = np.random.default_rng(4).normal(0.6, 1.0, (12, 5))
    sampled = max_t(matrix, seeds_up_to=11)
    assert sampled.tolist() == pytest.approx(max_t(matrix).tolist(), abs=0.006)
    assert sampled.tolist() == max_t(matrix, seeds_up_to=11).tolist()


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[np.inf]]])
def test_max_t_refuses_what_it_cannot_judge(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="matrix of differences, seeds by comparisons, finite or NaN"):
        max_t(bad)
