"""Batches of tagged sentences of about the same length: index arithmetic on memory-mapped numbers."""

from __future__ import annotations

from typing import Final, NamedTuple, final

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from tasks.learning.loaders import BucketLoader, SortedLoader
from tasks.tagging.spelling import Letters, Speller
from tasks.text.tagged import TaggedCorpus, TaggedText

PADDING: Final = -100
"""A tag that is none: what ``torch.nn.functional.cross_entropy`` leaves out."""
EVALUATION_SENTENCES: Final = 64
"""Held-out sentences that are tagged at once; the result does not depend on it."""


class TaggedBatch(NamedTuple):
    """Sentences side by side, each from top to bottom and padded to the longest."""

    words: Tensor
    """Numbers of the words, shape (time, batch); 0 at padding."""
    tags: Tensor
    """Numbers of their tags, shape (time, batch); :data:`PADDING` at padding."""
    groups: Tensor
    """The :class:`~tasks.text.tagged.Group` of each word, shape (time, batch); 0 at padding."""
    lengths: Tensor
    """Number of words of each sentence, shape (batch,)."""
    letters: Letters | None = None
    """How the words are written, where a network asks for it."""


@final
class BatchMaker:
    """Makes batches of the sentences of a text.

    Args:
        text: the sentences.
        speller: spells its words; None: batches are without letters.
    """

    def __init__(self, text: TaggedText, *, speller: Speller | None = None) -> None:
        self._speller = speller
        # Of a memory-mapped array, the plain view: numpy's own subclass takes longer for every access.
        self._words, self._tags, self._groups = (np.asarray(part) for part in (text.words, text.tags, text.groups))
        self._begins, self.lengths = np.asarray(text.begins), text.lengths

    def make(self, sentences: np.ndarray[tuple[int], np.dtype[np.int64]]) -> TaggedBatch:
        """The batch of these sentences.

        Args:
            sentences: their places in the text, shape (batch,).
        """
        lengths = self.lengths[sentences]
        steps = np.arange(lengths.max())[:, None]
        real = steps < lengths  # (time, batch)
        places = np.where(real, self._begins[sentences] + steps, 0)
        parts = ((self._words, 0), (self._tags, PADDING), (self._groups, 0))
        words, tags, groups = (
            torch.from_numpy(np.where(real, part[places], padding).astype(np.int64)) for part, padding in parts
        )
        letters = self._speller.spell(places) if self._speller else None
        return TaggedBatch(words, tags, groups, torch.from_numpy(lengths), letters)


def training_batches(
    text: TaggedText, *, size: int, seed: int, speller: Speller | None = None
) -> BucketLoader[TaggedBatch]:
    """All sentences of a text in length buckets, in another order each epoch; resumable."""
    return BucketLoader(text.lengths, BatchMaker(text, speller=speller).make, size=size, seed=seed)


def held_out(text: TaggedText, *, speller: Speller | None = None) -> SortedLoader[TaggedBatch]:
    """All sentences of a text, once."""
    return SortedLoader(text.lengths, BatchMaker(text, speller=speller).make, size=EVALUATION_SENTENCES)


@final
class SentenceBatches(pl.LightningDataModule):
    """Loaders of a tagged corpus; they need no worker processes.

    Args:
        corpus: the sentences.
        batch_size: training sentences of one optimizer step.
        seed: of the trial.
        spelled: whether batches hold the letters of their words.
    """

    def __init__(self, corpus: TaggedCorpus, *, batch_size: int, seed: int, spelled: bool = False) -> None:
        super().__init__()
        self._corpus, self._batch_size, self._seed, self._spelled = corpus, batch_size, seed, spelled

    def train_dataloader(self) -> BucketLoader[TaggedBatch]:
        """The training text; resumable."""
        speller = self._speller("train")
        return training_batches(self._corpus.train, size=self._batch_size, seed=self._seed, speller=speller)

    def val_dataloader(self) -> SortedLoader[TaggedBatch]:
        """The validation text, once."""
        return held_out(self._corpus.validation, speller=self._speller("validation"))

    def test_dataloader(self) -> SortedLoader[TaggedBatch]:
        """The test text, once."""
        return held_out(self._corpus.test, speller=self._speller("test"))

    def _speller(self, split: str) -> Speller | None:
        return Speller(self._corpus.spelling, split) if self._spelled else None
