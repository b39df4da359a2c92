"""Batches of sentences: nothing lost, nothing doubled, padding where it belongs, an order of (seed, epoch)."""

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
import torch

from tasks.learning.loaders import BucketLoader, SortedLoader
from tasks.tagging.batches import PADDING, BatchMaker, TaggedBatch
from tasks.text.tagged import TaggedCorpus, TaggedText

LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3]


@pytest.fixture
def text(corpus_of: Callable[..., TaggedCorpus]) -> TaggedText:
    return corpus_of(LENGTHS).train


def unpadded(batch: TaggedBatch) -> list[tuple[list[int], list[int], list[int]]]:
    """Words, tags and groups of each sentence; everything below must be padding."""
    found = []
    for place, length in enumerate(batch.lengths.tolist()):
        columns = [part[:, place].tolist() for part in batch[:3]]
        assert [set(column[length:]) for column in columns] in ([{0}, {PADDING}, {0}], [set()] * 3)
        words, tags, groups = (column[:length] for column in columns)
        found.append((words, tags, groups))
    return found


def sentences_of(text: TaggedText) -> list[tuple[list[int], list[int], list[int]]]:
    return [
        (text.words[begin:end].tolist(), text.tags[begin:end].tolist(), text.groups[begin:end].tolist())
        for begin, end in zip(text.begins[:-1], text.begins[1:], strict=True)
    ]


def test_a_batch_holds_its_sentences_and_nothing_else(text: TaggedText) -> None:
    batch = BatchMaker(text).make(np.array([5, 0, 1]))
    assert batch.lengths.tolist() == [7, 3, 1]
    assert {part.shape for part in batch[:3]} == {(7, 3)}
    assert {part.dtype for part in batch[:4]} == {torch.int64}
    assert batch.letters is None
    assert unpadded(batch) == [sentences_of(text)[place] for place in (5, 0, 1)]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_epoch_has_every_sentence_once(text: TaggedText, size: int) -> None:
    loader = BucketLoader(BatchMaker(text), size=size, seed=1)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert sorted(sentence for batch in batches for sentence in unpadded(batch)) == sorted(sentences_of(text))


def test_held_out_text_is_read_once_from_short_to_long(text: TaggedText) -> None:
    loader = SortedLoader(BatchMaker(text))
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader) == 1
        assert batches[0].lengths.tolist() == sorted(LENGTHS)
        assert sorted(unpadded(batches[0])) == sorted(sentences_of(text))


def orders(text: TaggedText, *, seed: int, epochs: int) -> list[list[list[list[int]]]]:
    loader = BucketLoader(BatchMaker(text), size=2, seed=seed)
    return [[batch.words.tolist() for batch in loader] for _ in range(epochs)]


def test_the_order_is_a_function_of_seed_and_epoch(text: TaggedText) -> None:
    first, second = orders(text, seed=3, epochs=2)
    assert first != second
    assert orders(text, seed=3, epochs=2) == [first, second]
    assert orders(text, seed=4, epochs=1) != [first]


@pytest.mark.parametrize("seen", range(13))
def test_a_restored_loader_goes_on_where_the_state_was_taken(text: TaggedText, seen: int) -> None:
    whole = [batch for epoch in orders(text, seed=1, epochs=3) for batch in epoch]
    source, count = BucketLoader(BatchMaker(text), size=2, seed=1), 0
    while count < seen:
        count += len(list(islice(source, seen - count)))
    restored = BucketLoader(BatchMaker(text), size=2, seed=1)
    restored.load_state_dict(source.state_dict())
    assert restored.state_dict() == source.state_dict() == {"epoch": seen // 6, "position": seen % 6}
    rest = [batch.words.tolist() for batch in restored]
    assert rest == whole[seen : seen + 6 - seen % 6]
    assert [batch.words.tolist() for batch in restored] == whole[seen - seen % 6 + 6 :][:6] or seen == 12
