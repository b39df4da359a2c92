"""Learning to classify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from torch import Tensor

from tasks.classification.batches import LabelledBatch
from tasks.classification.network import Classifier
from tasks.classification.tally import Tally, example_sums, formulas
from tasks.learning.descent import Learning
from tasks.learning.module import LearningModule
from unroll.contract import Formula


@final
class ClassificationModule(LearningModule[LabelledBatch, LabelledBatch]):
    """Cross-entropy over a batch of sentences; accuracy and macro-F1 over all sentences of held-out text.

    ``train/loss`` is in nats per sentence. Of the test text the loggers get the confusion matrix besides,
    ``test/confusion/TRUE/GUESS``.

    Args:
        network: the classifier.
        labels: those that can be predicted, and behind them those that only held-out text has.
        learning: how it learns.
    """

    network: Classifier

    def __init__(self, *, network: Classifier, labels: Sequence[str], learning: Learning) -> None:
        super().__init__(network=network, learning=learning)
        self._labels = tuple(labels)
        self.begin_counting()

    def loss(self, batch: LabelledBatch) -> Tensor:
        """Nats per sentence, a scalar."""
        return self.network.loss(batch)

    def terms(self, batch: LabelledBatch) -> int:
        """Sentences."""
        return len(batch.labels)

    def constrain(self) -> None:
        """Of the output layer."""
        self.network.constrain()

    def begin_counting(self) -> None:
        """Count anew."""
        self._held_out = Tally.of(len(self._labels))

    def count(self, batch: LabelledBatch) -> None:
        """Classify sentences of held-out text."""
        guesses = self.network.decode(batch)
        self._held_out = self._held_out.plus(guesses, batch.labels)
        if self.per_example:
            known = [batch.lengths, *(self._labels[label] for label in batch.labels.tolist())]
            self.per_example.add(known, **example_sums(guesses, batch.labels, labels=len(self._labels)))

    def scores(self) -> Mapping[str, float]:
        """Accuracy and macro-F1."""
        return self._held_out.metrics()

    def formulas(self) -> Mapping[str, Formula]:
        """Of both, as far as :func:`example_sums` goes."""
        return formulas(len(self._labels))

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the whole test text, and its confusion matrix."""
        super().on_test_epoch_end()
        self.log_whole(self._held_out.confusion("test", self._labels))
