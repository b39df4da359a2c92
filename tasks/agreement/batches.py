"""Batches of beginnings of sentences, and of whole ones: index arithmetic on memory-mapped numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Final, Generic, NamedTuple, TypeVar, final

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.agreement.corpus import AgreementCorpus, AgreementText
from tasks.agreement.settings import Objective
from tasks.text.buckets import bucketed_batches, sorted_batches

PADDING: Final = -100
"""A word that is none: what ``torch.nn.functional.cross_entropy`` leaves out."""
EVALUATION_VERBS: Final = 64
"""Held-out verbs that are looked at at once; the result does not depend on it."""

Places = NDArray[np.int64]


class Beginnings(NamedTuple):
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


BatchT = TypeVar("BatchT", Beginnings, Sentences)


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
        steps = np.arange(-1, lengths.max())[:, None]
        words = self._words[np.where((steps >= 0) & (steps < lengths), begins + steps, 0)]
        words = np.where(steps < 0, self._start, np.where(steps < lengths, words, 0))
        return torch.from_numpy(words.astype(np.int64)), torch.from_numpy(lengths + 1)


@final
class BeginningMaker(Maker[Beginnings]):
    """Of what stands before the verbs of a text."""

    def __init__(self, text: AgreementText, *, start: int) -> None:
        super().__init__(text, start=start)
        self._prefixes, self.lengths = np.asarray(text.prefixes), np.asarray(text.lengths)
        self._known = [np.asarray(part) for part in (text.plural, text.forms, text.attractors, text.distances)]

    def make(self, places: Places) -> Beginnings:
        """The batch of these verbs."""
        words, lengths = self._read(self._prefixes[places], self.lengths[places])
        return Beginnings(words, lengths, *(torch.from_numpy(part[places]) for part in self._known))


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
        following = following.where(steps != lengths - 1, self._start).where(steps < lengths, PADDING)
        return Sentences(words, lengths, following)


@final
class TrainingBatches(Generic[BatchT]):
    """The training text in length buckets, in another order each epoch: a function of (seed, epoch). Resumable."""

    def __init__(self, maker: Maker[BatchT], *, size: int, seed: int) -> None:
        self._maker: Maker[BatchT] = maker
        self._size, self._seed = size, seed
        self._epoch, self._position, self._resume_at = 0, 0, 0

    def __len__(self) -> int:
        """Batches per epoch."""
        return -(-len(self._maker.lengths) // self._size)

    def __iter__(self) -> Iterator[BatchT]:
        """One epoch, or what is left of it after :meth:`load_state_dict`."""
        first, self._resume_at = self._resume_at, 0
        batches = bucketed_batches(self._maker.lengths, size=self._size, seed=self._seed, epoch=self._epoch)
        for position, places in enumerate(batches[first:], start=first):
            last = position + 1 == len(self)
            self._epoch, self._position = (self._epoch + 1, 0) if last else (self._epoch, position + 1)
            yield self._maker.make(places)

    def state_dict(self) -> dict[str, int]:
        """Where the next batch comes from; the end of an epoch is the start of the next one."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Make the next iteration go on where ``state`` was taken."""
        self._epoch, self._position = state["epoch"], state["position"]
        self._resume_at = self._position


@final
class EvaluationBatches:
    """What stands before the verbs of held-out text, each verb once, from the shortest beginning to the longest."""

    def __init__(self, text: AgreementText, *, start: int) -> None:
        self._maker: Maker[Beginnings] = BeginningMaker(text, start=start)
        self._batches = sorted_batches(self._maker.lengths, size=EVALUATION_VERBS)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Beginnings]:
        """The whole text."""
        return map(self._maker.make, self._batches)


@final
class AgreementBatches(pl.LightningDataModule):
    """Loaders of a corpus; they need no worker processes.

    Args:
        corpus: the sentences.
        objective: what is trained on: ``number`` reads beginnings, ``language_model`` whole sentences.
        batch_size: of one optimizer step.
        seed: of the trial.
    """

    def __init__(self, corpus: AgreementCorpus, *, objective: Objective, batch_size: int, seed: int) -> None:
        super().__init__()
        self._corpus, self._objective, self._batch_size, self._seed = corpus, objective, batch_size, seed

    def train_dataloader(self) -> TrainingBatches[Beginnings] | TrainingBatches[Sentences]:
        """The training text; resumable."""
        text, start = self._corpus.train, self._corpus.start
        if self._objective == "number":
            return TrainingBatches(BeginningMaker(text, start=start), size=self._batch_size, seed=self._seed)
        return TrainingBatches(SentenceMaker(text, start=start), size=self._batch_size, seed=self._seed)

    def val_dataloader(self) -> EvaluationBatches:
        """The verbs of the validation text, once."""
        return EvaluationBatches(self._corpus.validation, start=self._corpus.start)

    def test_dataloader(self) -> EvaluationBatches:
        """The verbs of the test text, once."""
        return EvaluationBatches(self._corpus.test, start=self._corpus.start)
