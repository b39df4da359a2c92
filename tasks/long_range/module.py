"""Learning a long-range problem: back-propagation through whole sequences, drawn afresh for every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from tasks.learning.clipping import Clipped
from tasks.learning.through_time import ThroughTimeModule
from tasks.long_range.batches import Batch
from tasks.long_range.problem import Problem, Score
from tasks.recurrent.answerer import Answerer
from unroll.contract import Formula


@final
class LongRangeModule(ThroughTimeModule[Batch, Batch]):
    """Every sequence counts the same, whatever its length. With ``train/loss`` the loggers get ``train/error``.

    Args:
        problem: judges the answers.
        network: gives them.
        learning: how it learns; see :class:`~tasks.learning.through_time.ThroughTimeModule`, of the others too.
    """

    network: Answerer

    def __init__(self, *, problem: Problem, network: Answerer, **learning: Any) -> None:
        super().__init__(network=network, **learning)
        self._problem = problem
        self.begin_counting()

    def loss(self, batch: Batch) -> Tensor:
        """Of a batch, the mean over its sequences."""
        inputs, targets = batch
        self._score = self._problem.score(self.network(inputs), targets)
        return self._score.loss

    def items(self, batch: Batch) -> int:
        """Steps of all sequences."""
        return batch[0].shape[0] * batch[0].shape[1]

    def terms(self, batch: Batch) -> int:
        """Sequences."""
        return batch[0].shape[1]

    def score_last(self, batch: Batch) -> Tensor:
        """Loss of the answer at the last step, summed over the sequences."""
        inputs, targets = batch
        answers = self.network(inputs)
        last = (answers[-1:], targets[-1:]) if self._problem.every_step else (answers, targets)
        return self._problem.score(*last).loss * inputs.shape[1]  # a mean over sequences, and so their sum

    def step_metrics(self, loss: Tensor, clipped: Clipped) -> Mapping[str, float]:
        """See :meth:`ThroughTimeModule.step_metrics`."""
        return {**super().step_metrics(loss, clipped), "train/error": self._score.error.item()}

    def begin_counting(self) -> None:
        """Count anew."""
        self._sums, self._sequences = {"loss": 0.0, "error": 0.0}, 0

    def count(self, batch: Batch) -> None:
        """Score some held-out sequences; sums over all of them have 64 bits."""
        (inputs, targets), number = batch, self.terms(batch)
        answers = self.network(inputs).double()
        score: Score = self._problem.score(answers, targets)
        self._sums["loss"] += score.loss.item() * number
        self._sums["error"] += score.error.item() * number
        self._sequences += number
        if self.per_example:
            self.per_example.add([targets], **self._score_each(answers, targets))

    def _score_each(self, answers: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Loss and error of each sequence, shape (batch,)."""
        along = 1 if self._problem.every_step else 0
        number = answers.shape[along]
        pairs = zip(answers.chunk(number, along), targets.chunk(number, along), strict=True)
        scores = [self._problem.score(*pair) for pair in pairs]
        return {name: torch.stack([getattr(score, name) for score in scores]) for name in self._sums}

    def scores(self) -> Mapping[str, float]:
        """Means over all sequences."""
        return {name: total / self._sequences for name, total in self._sums.items()}

    def formulas(self) -> Mapping[str, Formula]:
        """Of both."""
        return {name: Formula.share(name) for name in self._sums}
