"""Batches of labelled sentences of about the same length."""

from __future__ import annotations

from typing import Final, NamedTuple, final

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.learning.loaders import BucketLoader, SortedLoader
from tasks.text.labelled import LabelledCorpus, LabelledText

EVALUATION_SENTENCES: Final = 64
"""Held-out sentences that are classified at once; the result does not depend on it."""


class LabelledBatch(NamedTuple):
    """Sentences side by side, each from top to bottom and padded to the longest."""

    words: Tensor
    """Numbers of the words, shape (time, batch); 0 at padding."""
    labels: Tensor
    """Number of each sentence's label, shape (batch,)."""
    lengths: Tensor
    """Number of words of each sentence, shape (batch,)."""


@final
class BatchMaker:
    """Makes batches of the sentences of a text."""

    def __init__(self, text: LabelledText) -> None:
        # Of a memory-mapped array, the plain view: numpy's own subclass takes longer for every access.
        self._words, self._labels = np.asarray(text.words), np.asarray(text.labels)
        self._begins, self._lengths = np.asarray(text.begins), text.lengths

    def make(self, sentences: NDArray[np.int64]) -> LabelledBatch:
        """The batch of these sentences.

        Args:
            sentences: their places in the text, shape (batch,).
        """
        lengths = self._lengths[sentences]
        steps = np.arange(lengths.max())[:, None]
        real = steps < lengths  # (time, batch)
        words = np.where(real, self._words[np.where(real, self._begins[sentences] + steps, 0)], 0)
        labels = self._labels[sentences].astype(np.int64)
        return LabelledBatch(
            torch.from_numpy(words.astype(np.int64)), torch.from_numpy(labels), torch.from_numpy(lengths)
        )


@final
class SentenceBatches(pl.LightningDataModule):
    """Loaders of a labelled corpus; they need no worker processes.

    Args:
        corpus: the sentences.
        batch_size: training sentences of one optimizer step.
        seed: of the trial.
    """

    def __init__(self, corpus: LabelledCorpus, *, batch_size: int, seed: int) -> None:
        super().__init__()
        self._corpus, self._batch_size, self._seed = corpus, batch_size, seed

    def train_dataloader(self) -> BucketLoader[LabelledBatch]:
        """The training text; resumable."""
        text = self._corpus.train
        return BucketLoader(text.lengths, BatchMaker(text).make, size=self._batch_size, seed=self._seed)

    def val_dataloader(self) -> SortedLoader[LabelledBatch]:
        """The validation text, once."""
        return held_out(self._corpus.validation)

    def test_dataloader(self) -> SortedLoader[LabelledBatch]:
        """The test text, once."""
        return held_out(self._corpus.test)


def held_out(text: LabelledText) -> SortedLoader[LabelledBatch]:
    """All sentences of a text, once."""
    return SortedLoader(text.lengths, BatchMaker(text).make, size=EVALUATION_SENTENCES)
