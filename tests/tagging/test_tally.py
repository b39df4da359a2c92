"""Accuracy is counted over tokens."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tasks.tagging import entities
from tasks.tagging.batches import PADDING, BatchMaker, TaggedBatch
from tasks.tagging.tally import METRICS, OF_SENTENCES, Tally
from tasks.tagging.task import Tagging
from tasks.text.tagged import Group, TaggedCorpus
from tasks.text.tagged.corpus import UNSEEN_TAG


def batch_of(tags: list[int], groups: list[Group]) -> TaggedBatch:
    column = torch.tensor([tags, groups]).unsqueeze(2)
    return TaggedBatch(torch.zeros_like(column[0]), column[0], column[1], torch.tensor([len(tags)]))


def test_one_example_by_hand() -> None:
    batch = batch_of([2, 1, UNSEEN_TAG, PADDING], [Group.AMBIGUOUS, Group.PLAIN, Group.UNKNOWN, Group.PLAIN])
    tally = Tally().plus(torch.tensor([[2], [0], [0], [0]]), batch)
    assert tally.accuracies() == pytest.approx(
        {"accuracy": 1 / 3, "unknown_word_accuracy": 0, "ambiguous_word_accuracy": 1, "sentence_accuracy": 0}
    )


def test_it_is_no_mean_of_batches() -> None:
    tally = Tally().plus(torch.tensor([[0]]), batch_of([0], [Group.PLAIN]))
    tally = tally.plus(torch.tensor([[0], [0], [0]]), batch_of([1, 1, 1], [Group.PLAIN] * 3))
    assert tally.accuracies() == {"accuracy": 0.25, "sentence_accuracy": 0.5}, "what there is none of is not told"
    assert Tally().accuracies() == {}


def test_batches_of_any_size_give_the_slow_count(corpus_of: Callable[..., TaggedCorpus]) -> None:
    text = corpus_of([3, 1, 5, 2, 9]).train
    guesses = np.random.default_rng(7).integers(0, 5, (9, 5))
    maker = BatchMaker(text)
    together = Tally().plus(torch.from_numpy(guesses), maker.make(np.arange(5)))
    tally = Tally()
    for place, length in enumerate(text.lengths):
        tally = tally.plus(torch.from_numpy(guesses[:length, [place]]), maker.make(np.array([place])))
    right: dict[str, list[bool]] = {name: [] for name in METRICS}
    for place, (begin, end) in enumerate(zip(text.begins[:-1], text.begins[1:], strict=True)):
        for step, token in enumerate(range(begin, end)):
            for name, groups in METRICS.items():
                if text.groups[token] in groups:
                    right[name].append(bool(guesses[step, place] == text.tags[token]))
    expected = {name: sum(found) / len(found) for name, found in right.items()}
    assert tally.accuracies() == together.accuracies() == {**expected, "sentence_accuracy": 0}


def test_a_sentence_is_right_if_every_tag_is_whatever_stands_at_padding(corpus_of: Callable[..., TaggedCorpus]) -> None:
    text = corpus_of([3, 1, 5, 2, 9, 4, 1]).train
    batch = BatchMaker(text).make(np.arange(7))
    guesses = batch.tags.clone()
    guesses[batch.tags == PADDING] = 3
    assert Tally().plus(guesses, batch).accuracies()["sentence_accuracy"] == 1
    guesses[2, 0], guesses[0, 3], guesses[1, 3] = -5, -5, -5
    wrong = Tally().plus(guesses, batch)
    assert wrong.accuracies()["sentence_accuracy"] == 5 / 7
    assert wrong.plus(guesses, batch).sentences == 14
    strange = batch_of([UNSEEN_TAG, 1], [Group.PLAIN] * 2)
    assert Tally().plus(torch.tensor([[0], [1]]), strange).accuracies()["sentence_accuracy"] == 0


def test_every_score_is_declared_for_both_texts() -> None:
    names = (*METRICS, OF_SENTENCES, *entities.METRICS, entities.ILLEGAL_MOVES)
    assert set(Tagging.metrics) == {f"{split}/{name}" for split in ("validation", "test") for name in names}
    assert next(iter(Tagging.metrics)) == "validation/accuracy"
    fewer = {name for name, metric in Tagging.metrics.items() if metric.direction == "minimize"}
    assert fewer == {"validation/illegal_moves", "test/illegal_moves"}
