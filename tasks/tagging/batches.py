"""Batches of tagged sentences of about the same length: index arithmetic on memory-mapped numbers."""

from __future__ import annotations

from typing import Final, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from tasks.tagging.spelling import Letters, Speller
from tasks.text.tagged import TaggedText

PADDING: Final = -100
"""A tag that is none: what ``torch.nn.functional.cross_entropy`` leaves out."""


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
        places = np.where(real, self._begins[sentences] + steps, 0)  # padding reads word 0, and is covered below
        parts = ((self._words, 0), (self._tags, PADDING), (self._groups, 0))
        words, tags, groups = (
            # On disk they have fewer bytes; torch's cross entropy takes labels of 64 bits alone.
            torch.from_numpy(np.where(real, part[places], padding).astype(np.int64))
            for part, padding in parts
        )
        letters = self._speller.spell(places) if self._speller else None
        return TaggedBatch(words, tags, groups, torch.from_numpy(lengths), letters)
