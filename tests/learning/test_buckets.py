from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.learning.loaders import bucketed_batches, padding_share, sorted_batches
from tasks.text.tagged import TaggedData, load

LENGTHS = st.lists(st.integers(1, 60), max_size=120).map(np.array)


@settings(deadline=None, max_examples=100)
@given(lengths=LENGTHS, size=st.integers(1, 20), seed=st.integers(0, 5), epoch=st.integers(0, 3))
def test_every_sentence_is_in_one_batch(lengths: np.ndarray, size: int, seed: int, epoch: int) -> None:
    lengths = lengths.astype(np.int64)
    for batches in (bucketed_batches(lengths, size=size, seed=seed, epoch=epoch), sorted_batches(lengths, size=size)):
        assert len(batches) == -(-len(lengths) // size)
        assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
        assert sum(len(batch) < size for batch in batches) <= 1


def lengths_like_sentences(sentences: int) -> np.ndarray:
    return np.random.default_rng(0).geometric(1 / 16, sentences)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    lengths = lengths_like_sentences(500)

    def order(seed: int, epoch: int) -> list[list[int]]:
        return [batch.tolist() for batch in bucketed_batches(lengths, size=8, seed=seed, epoch=epoch)]

    assert order(1, 0) == order(1, 0)
    assert len({str(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


def test_batches_come_in_no_order_of_length() -> None:
    lengths = lengths_like_sentences(4000)
    batches = bucketed_batches(lengths, size=16, seed=0, epoch=0)
    means = np.array([lengths[batch].mean() for batch in batches])
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2


def test_most_neighbours_in_a_batch_are_others_in_the_next_epoch() -> None:
    lengths = lengths_like_sentences(12_000)
    first, second = (bucketed_batches(lengths, size=32, seed=0, epoch=epoch) for epoch in (0, 1))
    batch_of = np.empty(len(lengths), np.int64)
    for number, batch in enumerate(second):
        batch_of[batch] = number
    again = sum((batch_of[batch][:, None] == batch_of[batch]).sum() - len(batch) for batch in first)
    assert again / (len(lengths) * 31) < 0.12


def test_sorting_everything_pads_least() -> None:
    lengths = lengths_like_sentences(3000)
    alone = padding_share(lengths, sorted_batches(lengths, size=1))
    best = padding_share(lengths, sorted_batches(lengths, size=32))
    bucketed = padding_share(lengths, bucketed_batches(lengths, size=32, seed=0, epoch=0))
    shuffled = np.random.default_rng(0).permutation(len(lengths))
    unsorted = padding_share(lengths, np.array_split(shuffled, len(lengths) // 32))
    assert 0 == alone < best <= bucketed < unsorted / 3


@pytest.mark.corpora
@pytest.mark.parametrize("seed", range(4))
def test_less_than_five_percent_of_english_web_treebank_batches_is_padding(
    seed: int, corpora: Path, tmp_path: Path
) -> None:
    text = load(TaggedData(corpus="conllu", path=corpora / "ud_en_ewt"), tmp_path).train
    for epoch in range(3):
        assert padding_share(text.lengths, bucketed_batches(text.lengths, size=32, seed=seed, epoch=epoch)) < 0.05
