"""Learning agreement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import Tensor

from tasks.agreement.batches import Prefixes, Sentences
from tasks.agreement.network import AgreementNetwork
from tasks.agreement.tally import FORMULAS, Tally, example_sums
from tasks.learning.descent import Learning
from tasks.learning.module import LearningModule
from unroll.contract import Formula


@final
class AgreementModule(LearningModule[Prefixes | Sentences, Prefixes]):
    """Learns from prefixes or whole sentences; accuracy over all verbs of held-out text, by attractors and distance.

    ``train/loss`` is in nats per verb, or per word of a language model. An accuracy over verbs that a text has none of
    is not logged. The ``<eos>`` before each sentence is an item, too.

    Args:
        network: what learns.
        learning: how it learns.
    """

    network: AgreementNetwork[Any]

    def __init__(self, *, network: AgreementNetwork[Any], learning: Learning) -> None:
        super().__init__(network=network, learning=learning)
        self.begin_counting()

    def loss(self, batch: Prefixes | Sentences) -> Tensor:
        """Nats per verb, or per word."""
        return self.network.loss(batch)

    def terms(self, batch: Prefixes | Sentences) -> int:
        """Verbs, or words of a language model."""
        return len(batch.lengths) if isinstance(batch, Prefixes) else self.items(batch)

    def begin_counting(self) -> None:
        """Count anew."""
        self._held_out = Tally()

    def count(self, batch: Prefixes) -> None:
        """Predict the numbers of verbs of held-out text."""
        right = self.network.predicts_plural(batch) == batch.plural
        self._held_out = self._held_out.plus(right, batch.attractors, batch.distances)
        if self.per_example:
            known = batch.lengths, batch.plural.long(), batch.attractors, batch.distances
            self.per_example.add(known, **example_sums(right, batch.attractors))

    def scores(self) -> Mapping[str, float]:
        """Accuracies of all verbs, by attractors and by distance."""
        return self._held_out.accuracies()

    def formulas(self) -> Mapping[str, Formula]:
        """Of all verbs and by attractors."""
        return FORMULAS
