"""What a design can decide: by the number of seeds and of comparisons, before anything is run."""

import pytest

from unroll.evidence import Reach


@pytest.mark.parametrize(
    ("comparisons", "enough"), [(1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (7, 9), (12, 9), (13, 10), (25, 10), (26, 11)]
)
def test_so_many_comparisons_need_so_many_seeds(comparisons: int, enough: int) -> None:
    assert Reach(comparisons=comparisons, pairs=enough).decides
    short = Reach(comparisons=comparisons, pairs=enough - 1)
    assert (short.decides, short.enough_seeds) == (False, enough)
    assert short.smallest_p == min(1, comparisons * 2 / 2 ** (enough - 1))


def test_what_is_not_compared_has_nothing_to_decide() -> None:
    assert Reach(comparisons=0, pairs=0).decides


def test_a_thousand_arms_have_a_number_of_seeds_too() -> None:
    assert Reach(comparisons=999, pairs=8).enough_seeds == 16
