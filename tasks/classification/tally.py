"""Accuracy and F1 from counts over a whole text, never the mean of batches' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, final

import torch
from torch import Tensor

from unroll.contract import Formula, confusion_metric

WHOLE_UP_TO: Final = 10
"""Labels up to which every pair is logged; of more, the pairs that occur. Those of more have no macro-F1 by example."""


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """How often each label was taken for each.

    Args:
        counts: true labels in rows, guesses in columns, shape (labels, labels). A label that the training text lacks is
            one like any other that is never guessed: its F1 is 0.
    """

    counts: Tensor

    @classmethod
    def of(cls, labels: int) -> Self:
        """Nothing counted."""
        return cls(torch.zeros(labels, labels, dtype=torch.int64))

    def plus(self, guesses: Tensor, truth: Tensor) -> Tally:
        """With the sentences of one more batch: guesses and truth are numbers of labels, shape (batch,)."""
        labels = len(self.counts)
        more = torch.bincount(truth * labels + guesses, minlength=labels * labels)  # one number for each pair
        return Tally(self.counts + more.view(labels, labels).cpu())

    def metrics(self) -> dict[str, float]:
        """Accuracy and macro-F1, by name; nothing where nothing was counted."""
        right = self.counts.diagonal()
        seen = self.counts.sum(0) + self.counts.sum(1)  # F1 = 2 right / (guesses of the label + sentences of it)
        if not seen.any():
            return {}
        f1 = 2 * right[seen > 0].double() / seen[seen > 0]
        return {"accuracy": int(right.sum()) / int(self.counts.sum()), "macro_f1": f1.mean().item()}

    def confusion(self, split: str, labels: Sequence[str]) -> dict[str, float]:
        """Number of sentences per true label and guess, named by :func:`~unroll.contract.confusion_metric`.

        Of many labels only what occurs: most of their thousands of pairs do not.
        """
        return {
            confusion_metric(split, true, guess): float(self.counts[i, j])
            for i, true in enumerate(labels)
            for j, guess in enumerate(labels)
            if len(labels) <= WHOLE_UP_TO or self.counts[i, j] > 0
        }


def example_sums(guesses: Tensor, truth: Tensor, *, labels: int) -> dict[str, Tensor]:
    """What each sentence of a batch adds to the sums of :func:`formulas`, each of shape (batch,)."""
    sums = {"right": guesses == truth}
    for label in range(labels if labels <= WHOLE_UP_TO else 0):
        sums[f"right/{label}"] = (guesses == label) & (truth == label)
        sums[f"seen/{label}"] = (guesses == label).long() + (truth == label).long()
    return sums


def formulas(labels: int) -> Mapping[str, Formula]:
    """How accuracy and, of few labels, macro-F1 follow from sums over sentences."""
    found = {"accuracy": Formula.share("right")}
    if labels <= WHOLE_UP_TO:
        found["macro_f1"] = Formula(
            form="mean",
            above=[{f"right/{label}": 2.0} for label in range(labels)],
            below=[{f"seen/{label}": 1.0} for label in range(labels)],
        )
    return found
