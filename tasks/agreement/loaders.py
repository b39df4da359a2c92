"""In which order batches come."""

from __future__ import annotations

from typing import Final, final

import pytorch_lightning as pl

from tasks.agreement.batches import BatchT, BeginningMaker, Beginnings, Maker, SentenceMaker, Sentences
from tasks.agreement.corpus import AgreementCorpus, AgreementText
from tasks.agreement.settings import Objective
from tasks.learning.loaders import BucketLoader, SortedLoader

EVALUATION_VERBS: Final = 64
"""Held-out verbs that are looked at at once; the result does not depend on it."""


def training_batches(maker: Maker[BatchT], *, size: int, seed: int) -> BucketLoader[BatchT]:
    """The training text in length buckets, in another order each epoch; resumable."""
    return BucketLoader(maker.lengths, maker.make, size=size, seed=seed)


def held_out(text: AgreementText, *, start: int) -> SortedLoader[Beginnings]:
    """What stands before the verbs of a text, each verb once, from the shortest beginning to the longest."""
    maker = BeginningMaker(text, start=start)
    return SortedLoader(maker.lengths, maker.make, size=EVALUATION_VERBS)


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

    def train_dataloader(self) -> BucketLoader[Beginnings] | BucketLoader[Sentences]:
        """The training text; resumable."""
        text, start = self._corpus.train, self._corpus.start
        if self._objective == "number":
            return training_batches(BeginningMaker(text, start=start), size=self._batch_size, seed=self._seed)
        return training_batches(SentenceMaker(text, start=start), size=self._batch_size, seed=self._seed)

    def val_dataloader(self) -> SortedLoader[Beginnings]:
        """The verbs of the validation text, once."""
        return held_out(self._corpus.validation, start=self._corpus.start)

    def test_dataloader(self) -> SortedLoader[Beginnings]:
        """The verbs of the test text, once."""
        return held_out(self._corpus.test, start=self._corpus.start)
