"""The sign-flip test against scipy and against its definition; Holm against an example worked out by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from unroll.evidence import holm, sign_flip_p, smallest_p
from unroll.evidence.permutation import DRAWS

DIFFERENCES = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=1, max_size=9)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


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


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_counts_a_missing_comparison() -> None:
    assert holm([0.02, None]) == [0.04, None]


@given(P_VALUES)
@settings(deadline=None, max_examples=60)
def test_holm_keeps_order_and_is_between_raw_and_bonferroni(p_values: list[float]) -> None:
    adjusted = [p for p in holm(p_values) if p is not None]
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(p_values))
    by_raw = [adjusted[i] for i in np.argsort(p_values, kind="stable")]
    assert by_raw == sorted(by_raw)
