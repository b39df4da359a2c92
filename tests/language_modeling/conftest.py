"""A small random text, and a quiet trainer."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from tasks.text import Vocabulary
from tasks.text.running import TokenCorpus
from tests.tasks.run import quiet_trainer


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.fixture
def corpus_of() -> Callable[..., TokenCorpus]:
    """Builds a corpus of random ids: ``corpus_of(train=100, validation=30, test=30, vocabulary=11, seed=0)``."""

    def build(*, train: int, validation: int = 31, test: int = 33, vocabulary: int = 11, seed: int = 0) -> TokenCorpus:
        random = np.random.default_rng(seed)

        def ids(count: int) -> np.ndarray[Any, np.dtype[np.int32]]:
            return random.integers(0, vocabulary, count).astype(np.int32)

        return TokenCorpus(
            vocabulary=Vocabulary(tuple(f"w{i}" for i in range(vocabulary))),
            train=ids(train),
            validation=ids(validation),
            test=ids(test),
            start=0,
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
