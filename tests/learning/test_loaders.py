"""Loaders of sentences: nothing lost, nothing doubled, an order of (seed, epoch), resumable anywhere."""

from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.learning.loaders import BucketLoader, SortedLoader

LENGTHS = np.array([3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3])


class Places:
    """Makes batches that are the places of their sentences."""

    lengths = LENGTHS

    def make(self, places: NDArray[np.int64]) -> list[int]:
        found: list[int] = places.tolist()
        return found


def loader(*, size: int = 2, seed: int = 1) -> BucketLoader[list[int]]:
    return BucketLoader(Places(), size=size, seed=seed)


def epochs(count: int, *, seed: int) -> list[list[list[int]]]:
    source = loader(seed=seed)
    return [list(source) for _ in range(count)]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_epoch_has_every_sentence_once(size: int) -> None:
    source = loader(size=size)
    batches = list(source)
    assert len(batches) == len(source)
    assert sorted(place for batch in batches for place in batch) == list(range(11))


def test_held_out_text_is_read_once_from_short_to_long() -> None:
    source = SortedLoader(Places(), size=4)
    for _ in range(2):
        batches = list(source)
        assert len(batches) == len(source) == 3
        assert [LENGTHS[place] for batch in batches for place in batch] == sorted(LENGTHS)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first, second = epochs(2, seed=3)
    assert first != second
    assert epochs(2, seed=3) == [first, second]
    assert epochs(1, seed=4) != [first]


@pytest.mark.parametrize("seen", range(13))
def test_a_restored_loader_goes_on_where_the_state_was_taken(seen: int) -> None:
    whole = [batch for epoch in epochs(3, seed=1) for batch in epoch]
    source, count = loader(), 0
    while count < seen:
        count += len(list(islice(source, seen - count)))
    restored = loader()
    restored.load_state_dict(source.state_dict())
    assert restored.state_dict() == source.state_dict() == {"epoch": seen // 6, "position": seen % 6}
    rest = list(restored)
    assert rest == whole[seen : seen + 6 - seen % 6]
    assert list(restored) == whole[seen - seen % 6 + 6 :][:6] or seen == 12
