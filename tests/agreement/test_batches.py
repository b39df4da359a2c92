"""Batches against a slow obvious version, and their order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tasks.agreement.batches import PADDING, PrefixMaker, SentenceMaker
from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.settings import AgreementSettings
from tasks.agreement.task import Agreement
from tasks.learning.loaders import BucketLoader, SortedLoader


@pytest.fixture
def corpus(toy: Callable[[int], AgreementCorpus]) -> AgreementCorpus:
    return toy(37)


def test_prefixes_are_what_stands_before_the_verbs(corpus: AgreementCorpus) -> None:
    text, start = corpus.train, corpus.start
    places = np.array([5, 0, 36, 11])
    batch = PrefixMaker(text, start=start).make(places)
    for column, place in enumerate(places):
        begin, length = text.prefixes[place], text.lengths[place]
        expected = [start, *text.words[begin : begin + length].tolist()]
        assert batch.words[: length + 1, column].tolist() == expected
        assert not batch.words[length + 1 :, column].any()
        assert batch.lengths[column] == length + 1
        verb = text.words[begin + length]
        assert batch.forms[column][int(batch.plural[column])] == verb, "the right form stands behind the beginning"
    assert len(batch.words) == max(batch.lengths)
    assert torch.equal(batch.attractors, torch.from_numpy(text.attractors[places]))
    assert torch.equal(batch.distances, torch.from_numpy(text.distances[places]))


def test_sentences_are_read_and_predicted_whole(corpus: AgreementCorpus) -> None:
    text, start = corpus.train, corpus.start
    batch = SentenceMaker(text, start=start).make(np.array([3, 30]))
    for column, place in enumerate((3, 30)):
        words = text.words[text.begins[place] : text.begins[place + 1]].tolist()
        length = len(words) + 1
        assert batch.words[:length, column].tolist() == [start, *words]
        assert batch.following[:length, column].tolist() == [*words, start]
        assert (batch.following[length:, column] == PADDING).all()
        assert batch.lengths[column] == length


@pytest.mark.parametrize("objective", ["number", "language_model"])
def test_an_epoch_has_everything_once_in_an_order_of_seed_and_epoch(corpus: AgreementCorpus, objective: str) -> None:
    def epochs(seed: int) -> list[list[list[int]]]:
        settings = AgreementSettings.model_validate({"training": {"objective": objective, "batch_size": 5}})
        loader: Any = Agreement().data(settings, corpus, seed).train_dataloader()
        assert len(loader) == 8
        return [[column for batch in loader for column in batch.words.T.tolist()] for _ in range(2)]

    first, second = epochs(1)
    assert [first, second] == epochs(1)
    assert first != second
    assert first != epochs(2)[0]
    stripped = [sorted(tuple(number for number in row if number) for row in rows) for rows in (first, second)]
    assert stripped[0] == stripped[1]


def test_a_loader_goes_on_where_its_state_was_taken(corpus: AgreementCorpus) -> None:
    maker = SentenceMaker(corpus.train, start=corpus.start)
    whole = BucketLoader(maker, size=5, seed=1)
    expected, states = [], []
    for _ in range(2):
        for batch in whole:
            expected.append(batch.words)
            states.append(whole.state_dict())
    assert states[7] == {"epoch": 1, "position": 0}
    for done in (3, 8, 12):
        loader = BucketLoader(maker, size=5, seed=1)
        loader.load_state_dict(states[done - 1])
        rest = [batch.words for batch in loader]
        assert all(torch.equal(a, b) for a, b in zip(rest, expected[done:], strict=False))
        assert len(rest) == 8 - done % 8


def test_held_out_verbs_are_each_seen_once(corpus: AgreementCorpus) -> None:
    loader = SortedLoader(PrefixMaker(corpus.test, start=corpus.start))
    assert len(loader) == 1
    (batch,) = loader
    assert sorted(batch.distances.tolist()) == sorted(corpus.test.distances.tolist())
    assert batch.lengths.tolist() == sorted(batch.lengths.tolist())


def test_the_cache_is_mapped_into_memory(corpus: AgreementCorpus) -> None:
    for array in vars(corpus.train).values():
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
