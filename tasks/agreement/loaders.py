"""In which order batches come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Generic, final

import pytorch_lightning as pl

from tasks.agreement.batches import BatchT, BeginningMaker, Beginnings, Maker, SentenceMaker, Sentences
from tasks.agreement.corpus import AgreementCorpus, AgreementText
from tasks.agreement.settings import Objective
from tasks.text.buckets import bucketed_batches, sorted_batches

EVALUATION_VERBS: Final = 64
"""Held-out verbs that are looked at at once; the result does not depend on it."""


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
