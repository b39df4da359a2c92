"""Batches of prefixes of sentences, and of whole ones: index arithmetic on memory-mapped numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Generic, NamedTuple, TypeVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.agreement.corpus import AgreementText

PADDING: Final = -100
"""A word that is none: what ``torch.nn.functional.cross_entropy`` leaves out."""

Places = NDArray[np.int64]


class Prefixes(NamedTuple):
    """What stands before verbs: ``<eos>`` and all words of the sentence up to the verb, padded to the longest."""

    words: Tensor
    """Numbers of the words, shape (time, batch); 0 at padding."""
    lengths: Tensor
    """Number of words of each, ``<eos>`` included, shape (batch,)."""
    plural: Tensor
    """Whether the verb is plural, shape (batch,)."""
    forms: Tensor
    """Numbers of the verb's singular and plural, shape (batch, 2)."""
    attractors: Tensor
    """Nouns of the other number between subject and verb, shape (batch,)."""
    distances: Tensor
    """Words between subject and verb, shape (batch,)."""


class Sentences(NamedTuple):
    """Whole sentences, each after an ``<eos>``, padded to the longest."""

    words: Tensor
    """Numbers of the words, shape (time, batch); 0 at padding."""
    lengths: Tensor
    """Number of words of each, ``<eos>`` included, shape (batch,)."""
    following: Tensor
    """The word after each, ``<eos>`` after the last, shape (time, batch); :data:`PADDING` at padding."""


BatchT = TypeVar("BatchT", Prefixes, Sentences)


class Maker(ABC, Generic[BatchT]):
    """Makes batches of a text.

    Args:
        text: the sentences.
        start: number of the word that precedes each.
    """

    lengths: NDArray[np.int64]
    """Of what it makes batches of, in words of the text."""

    def __init__(self, text: AgreementText, *, start: int) -> None:
        # Of a memory-mapped array, the plain view: numpy's own subclass takes longer for every access.
        self._words, self._begins, self._start = np.asarray(text.words), np.asarray(text.begins), start

    @abstractmethod
    def make(self, places: Places) -> BatchT:
        """The batch of what stands at these places in the text, shape (batch,)."""

    def _read(self, begins: Places, lengths: Places) -> tuple[Tensor, Tensor]:
        """The start and so many words from each place on, shape (time, batch), and how many that are."""
        steps = np.arange(-1, lengths.max())[:, None]  # step -1 is the start
        words = self._words[np.where((steps >= 0) & (steps < lengths), begins + steps, 0)]
        words = np.where(steps < 0, self._start, np.where(steps < lengths, words, 0))
        return torch.from_numpy(words.astype(np.int64)), torch.from_numpy(lengths + 1)  # with the start


@final
class PrefixMaker(Maker[Prefixes]):
    """Of what stands before the verbs of a text."""

    def __init__(self, text: AgreementText, *, start: int) -> None:
        super().__init__(text, start=start)
        self._prefixes, self.lengths = np.asarray(text.prefixes), np.asarray(text.lengths)
        self._known = [np.asarray(part) for part in (text.plural, text.forms, text.attractors, text.distances)]

    def make(self, places: Places) -> Prefixes:
        """The batch of these verbs."""
        words, lengths = self._read(self._prefixes[places], self.lengths[places])
        return Prefixes(words, lengths, *(torch.from_numpy(part[places]) for part in self._known))


@final
class SentenceMaker(Maker[Sentences]):
    """Of the sentences of a text, with verbs or without."""

    def __init__(self, text: AgreementText, *, start: int) -> None:
        super().__init__(text, start=start)
        self.lengths = np.diff(self._begins)

    def make(self, places: Places) -> Sentences:
        """The batch of these sentences."""
        words, lengths = self._read(self._begins[places], self.lengths[places])
        following = torch.cat([words[1:], words.new_zeros(1, len(places))])
        steps = torch.arange(len(words)).unsqueeze(1)
        # What follows the last word of a sentence is the <eos> that also stands before the first one.
        following = following.where(steps != lengths - 1, self._start).where(steps < lengths, PADDING)
        return Sentences(words, lengths, following)
