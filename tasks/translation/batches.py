"""Batches of pairs of about the same length: index arithmetic on memory-mapped numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.remedies.remedy import PADDING
from tasks.text.parallel import ParallelText

TOGETHER: Final = 128
"""Held-out or new sentences that are translated at once; the result does not depend on it."""

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


class PairBatch(NamedTuple):
    """Sentences and their translations side by side, each from top to bottom and padded to the longest."""

    source: Tensor
    """Numbers of the words, shape (source, batch); 0 at padding."""
    lengths: Tensor
    """Number of words of each source sentence, shape (batch,)."""
    targets: Tensor
    """Numbers of the translation's words, ``<eos>`` last; shape (target, batch), ``PADDING`` behind it."""
    places: Tensor
    """Which pairs of the text they are, shape (batch,)."""
    references: Sequence[str]
    """The translations as they are written; none in training."""


@final
class BatchMaker:
    """Makes batches of the pairs of a text.

    Args:
        text: the pairs.
        end: number of ``<eos>`` in the target language.
        reverse: whether source sentences are read from the end.
        references: whether batches hold them.
    """

    def __init__(self, text: ParallelText, *, end: int, reverse: bool, references: bool) -> None:
        self._text, self._end, self._reverse, self._references = text, end, reverse, references
        # Of a memory-mapped array, the plain view: numpy's own subclass takes longer for every access.
        self._words = [np.asarray(side.words) for side in (text.source, text.target)]
        self._begins = [np.asarray(side.begins) for side in (text.source, text.target)]
        self._source, self._target = np.diff(self._begins[0]), np.diff(self._begins[1])

    @property
    def lengths(self) -> NDArray[np.int64]:
        """By which pairs are sorted: words of both sentences, shape (pairs,)."""
        return self._source + self._target

    def make(self, pairs: Numbers) -> PairBatch:
        """The batch of these pairs.

        Args:
            pairs: their places in the text, shape (batch,).
        """
        lengths, target_lengths = self._source[pairs], self._target[pairs]
        steps = np.arange(lengths.max())[:, None]
        ahead = lengths - 1 - steps if self._reverse else steps
        source = _take(self._words[0], self._begins[0][pairs] + ahead, steps < lengths, 0)
        steps = np.arange(target_lengths.max() + 1)[:, None]
        targets = _take(self._words[1], self._begins[1][pairs] + steps, steps < target_lengths, PADDING)
        targets[target_lengths, np.arange(len(pairs))] = self._end
        references = [self._text.references[place] for place in pairs.tolist()] if self._references else ()
        return PairBatch(
            source=torch.from_numpy(source),
            lengths=torch.from_numpy(lengths),
            targets=torch.from_numpy(targets),
            places=torch.from_numpy(pairs),
            references=references,
        )


def _take(
    words: NDArray[np.int32], places: NDArray[np.int64], real: NDArray[np.bool_], other: int
) -> NDArray[np.int64]:
    return np.where(real, words[np.where(real, places, 0)], other).astype(np.int64)
