"""A small random corpus, a quiet trainer, and a network of each kind."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from tasks.text import Vocabulary
from tasks.text.labelled import LabelledCorpus, LabelledText
from tests.tasks.run import quiet_trainer

WORDS = 11


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def random_text(lengths: Sequence[int], *, words: int, labels: int, seed: int) -> LabelledText:
    """Sentences of these lengths, of random numbers."""
    random = np.random.default_rng(seed)
    return LabelledText(
        words=random.integers(0, words, sum(lengths)).astype(np.int32),
        begins=np.cumsum([0, *lengths]).astype(np.int64),
        labels=random.integers(0, labels, len(lengths)).astype(np.int32),
    )


@pytest.fixture
def corpus_of() -> Callable[..., LabelledCorpus]:
    """Builds a corpus of random numbers: ``corpus_of([3, 1, 5])`` has three training sentences of these lengths."""

    def build(
        train: Sequence[int], *, held_out: Sequence[int] = (4, 1, 7), words: int = WORDS, labels: int = 3
    ) -> LabelledCorpus:
        lengths = (train, held_out, held_out)
        texts = [random_text(each, words=words, labels=labels, seed=i) for i, each in enumerate(lengths)]
        return LabelledCorpus(
            vocabulary=Vocabulary((".", *(f"w{i}" for i in range(1, words)))),
            labels=Vocabulary(tuple(f"L{i}" for i in range(labels))),
            train=texts[0],
            validation=texts[1],
            test=texts[2],
            facts={},
            bounds={},
            fingerprint="",
        )

    return build


@pytest.fixture
def trainer_of() -> Callable[..., pl.Trainer]:
    """Builds a trainer on the CPU that writes nothing by itself."""

    def build(*, epochs: int = 1, **more: Any) -> pl.Trainer:
        return quiet_trainer(max_epochs=epochs, **more)

    return build
