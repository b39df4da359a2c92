"""A small random corpus, and a quiet trainer."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from tasks.text import Vocabulary
from tasks.text.splits import SPLITS
from tasks.text.tagged import Spelling, TaggedCorpus, TaggedText
from tests.tasks.run import quiet_trainer

TAGS = tuple(f"T{i}" for i in range(5))


@pytest.fixture(autouse=True)
def _quiet() -> None:
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


def random_text(lengths: Sequence[int], *, words: int, tags: int, seed: int) -> TaggedText:
    """Sentences of these lengths, of random numbers."""
    random, tokens = np.random.default_rng(seed), sum(lengths)
    return TaggedText(
        words=random.integers(0, words, tokens).astype(np.int32),
        tags=random.integers(0, tags, tokens).astype(np.int32),
        groups=random.integers(0, 3, tokens).astype(np.int8),
        begins=np.cumsum([0, *lengths]).astype(np.int64),
    )


def spelling_of(texts: Mapping[str, TaggedText], words: int) -> Spelling:
    """Each word has one form, of one to several characters."""
    return Spelling(
        characters=Vocabulary(("w", *"0123456789", "<unk>")),
        forms=Vocabulary(tuple(f"w{i * 7}" for i in range(words))),
        train=texts["train"].words,
        validation=texts["validation"].words,
        test=texts["test"].words,
    )


@pytest.fixture
def corpus_of() -> Callable[..., TaggedCorpus]:
    """Builds a corpus of random numbers: ``corpus_of([3, 1, 5])`` has three training sentences of these lengths."""

    def build(
        train: Sequence[int], *, held_out: Sequence[int] = (4, 1, 7), words: int = 11, tags: Sequence[str] = TAGS
    ) -> TaggedCorpus:
        texts = [
            random_text(each, words=words, tags=len(tags), seed=i) for i, each in enumerate((train, held_out, held_out))
        ]
        return TaggedCorpus(
            vocabulary=Vocabulary((*(f"w{i}" for i in range(words - 1)), "<unk>")),
            tags=Vocabulary(tuple(tags)),
            train=texts[0],
            validation=texts[1],
            test=texts[2],
            facts={},
            bounds={},
            fingerprint="",
            spelling=spelling_of(dict(zip(SPLITS, texts, strict=True)), words),
        )

    return build


@pytest.fixture
def trainer_of() -> Callable[..., pl.Trainer]:
    """Builds a trainer on the CPU that writes nothing by itself."""

    def build(*, epochs: int = 1, **more: Any) -> pl.Trainer:
        return quiet_trainer(max_epochs=epochs, **more)

    return build
