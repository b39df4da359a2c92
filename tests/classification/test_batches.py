"""A batch holds its sentences, their labels and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tasks.classification.batches import BatchMaker
from tasks.classification.settings import ClassificationSettings
from tasks.classification.task import Classification
from tasks.text.labelled import LabelledCorpus

LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3]


def test_a_batch_holds_its_sentences_and_nothing_else(corpus_of: Callable[..., LabelledCorpus]) -> None:
    text = corpus_of(LENGTHS).train
    batch = BatchMaker(text).make(np.array([5, 0, 1]))
    assert batch.lengths.tolist() == [7, 3, 1]
    assert batch.labels.tolist() == text.labels[[5, 0, 1]].tolist()
    assert batch.words.shape == (7, 3)
    assert {part.dtype for part in batch} == {torch.int64}
    for column, place in enumerate((5, 0, 1)):
        words = text.words[text.begins[place] : text.begins[place + 1]].tolist()
        assert batch.words[:, column].tolist() == words + [0] * (7 - len(words))


def test_each_text_is_read_in_its_own_way(corpus_of: Callable[..., LabelledCorpus]) -> None:
    corpus = corpus_of(LENGTHS, held_out=[4, 1, 7])
    settings = ClassificationSettings.model_validate({"training": {"batch_size": 4}})
    data: Any = Classification().data(settings, corpus, 1)
    training = data.train_dataloader()
    assert [sum(len(batch.lengths) for batch in training) for _ in range(2)] == [11, 11]
    assert training.state_dict() == {"epoch": 2, "position": 0}
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert [batch.lengths.tolist() for batch in loader] == [[1, 4, 7]]
