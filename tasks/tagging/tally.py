"""Accuracy from counts: right tokens / tokens, never the mean of batches' accuracies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

import torch
from torch import Tensor

from tasks.tagging.batches import PADDING, TaggedBatch
from tasks.text.tagged import Group

METRICS: Final[dict[str, tuple[Group, ...]]] = {
    "accuracy": tuple(Group),
    "unknown_word_accuracy": (Group.UNKNOWN,),
    "ambiguous_word_accuracy": (Group.AMBIGUOUS,),
}
"""Metric -> the groups of words whose tokens it counts."""


def _nothing() -> Tensor:
    return torch.zeros(len(Group), dtype=torch.int64)


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """How many tokens of each group were seen, and how many of them were tagged rightly.

    Args:
        right: shape (groups,).
        tokens: shape (groups,).
    """

    right: Tensor = field(default_factory=_nothing)
    tokens: Tensor = field(default_factory=_nothing)

    def plus(self, guesses: Tensor, batch: TaggedBatch) -> Tally:
        """With the tokens of one more batch.

        Args:
            guesses: numbers of tags, shape (time, batch); what is at padding does not count.
            batch: what was guessed about.
        """
        real = batch.tags != PADDING
        groups, right = batch.groups[real], (guesses == batch.tags)[real]
        kinds = torch.arange(len(Group), device=groups.device).unsqueeze(1)
        member = groups == kinds  # (groups, tokens)
        return Tally(self.right + (member & right).sum(1).cpu(), self.tokens + member.sum(1).cpu())

    def accuracies(self) -> dict[str, float]:
        """Each metric whose tokens there are any of."""
        sums = {
            name: (self.right[list(kinds)].sum(), self.tokens[list(kinds)].sum()) for name, kinds in METRICS.items()
        }
        return {name: int(right) / int(tokens) for name, (right, tokens) in sums.items() if tokens}
