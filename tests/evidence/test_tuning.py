"""The expected best of so many draws, against a slow enumeration of all of them; where curves cross; what was spent."""

import itertools
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.contract import Direction
from unroll.evidence import crossings, expected_best, spent


@settings(deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=5), st.sampled_from(["minimize", "maximize"]))
def test_expected_best_is_the_mean_over_all_ways_to_draw(values: list[int], direction: Direction) -> None:
    """All N^n sequences of n draws from N values, each with the same probability, in whole numbers."""
    best = min if direction == "minimize" else max
    slow = [
        float(Fraction(sum(map(best, itertools.product(values, repeat=n))), len(values) ** n))
        for n in range(1, len(values) + 1)
    ]
    found = expected_best([float(value) for value in values], direction=direction)
    assert found == pytest.approx(slow, rel=1e-12, abs=1e-12)


def test_the_first_is_the_mean_and_more_draws_are_never_worse() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    found = expected_best(values, direction="minimize")
    assert found[0] == pytest.approx(sum(values) / len(values))
    assert all(later <= earlier for earlier, later in itertools.pairwise(found))
    assert found[-1] > min(values)
    assert expected_best([], direction="minimize") == []


def test_where_two_curves_cross() -> None:
    one, other = [5.0, 3.0, 2.0, 2.0], [4.0, 3.0, 2.5, 1.0, 0.0]
    assert crossings(one, other, direction="minimize") == [(1, False), (3, True), (4, False)]
    assert crossings(one, other, direction="maximize") == [(1, True), (3, False), (4, True)]
    assert crossings(one, one, direction="minimize") == []


def test_what_was_spent_counts_whatever_has_ended() -> None:
    trials = pl.DataFrame(
        {
            "arm": ["a", "a", "a", "b", "a"],
            "phase": ["tune", "tune", "tune", "tune", "confirm"],
            "status": ["completed", "failed_user", "missing", "pruned", "completed"],
            "steps": [10, 3, None, 4, 20],
            "seconds": [1.0, 0.5, None, 0.25, 2.0],
        }
    )
    assert spent(trials).rows() == [("a", "tune", 2, 13, 1.5), ("b", "tune", 1, 4, 0.25), ("a", "confirm", 1, 20, 2.0)]
