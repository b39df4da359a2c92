"""What a design can decide: by the number of seeds, before anything is run."""

import pytest

from unroll.evidence import Reach


@pytest.mark.parametrize("comparisons", [1, 9, 999])
def test_six_seeds_can_decide_however_many_comparisons_share_them(comparisons: int) -> None:
    assert Reach(comparisons=comparisons, pairs=6).decides
    short = Reach(comparisons=comparisons, pairs=5)
    assert (short.decides, short.enough_seeds, short.smallest_p) == (False, 6, 2 / 2**5)


def test_what_is_not_compared_has_nothing_to_decide() -> None:
    assert Reach(comparisons=0, pairs=0).decides
