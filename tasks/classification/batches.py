"""Batches of labelled sentences of about the same length."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.text.labelled import LabelledText


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
        self._begins, self.lengths = np.asarray(text.begins), text.lengths

    def make(self, sentences: NDArray[np.int64]) -> LabelledBatch:
        """The batch of these sentences.

        Args:
            sentences: their places in the text, shape (batch,).
        """
        lengths = self.lengths[sentences]
        steps = np.arange(lengths.max())[:, None]
        real = steps < lengths  # (time, batch)
        words = np.where(real, self._words[np.where(real, self._begins[sentences] + steps, 0)], 0)
        labels = self._labels[sentences].astype(np.int64)
        return LabelledBatch(
            torch.from_numpy(words.astype(np.int64)), torch.from_numpy(labels), torch.from_numpy(lengths)
        )
