"""Accuracy from counts: right tokens / tokens, right sentences / sentences, never the mean of batches' accuracies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

import torch
from torch import Tensor

from tasks.tagging.batches import PADDING, TaggedBatch
from tasks.text.tagged import Group
from unroll.contract import Formula

METRICS: Final[dict[str, tuple[Group, ...]]] = {
    "accuracy": tuple(Group),
    "unknown_word_accuracy": (Group.UNKNOWN,),
    "ambiguous_word_accuracy": (Group.AMBIGUOUS,),
}
"""Metric -> the groups of words whose tokens it counts."""
OF_SENTENCES: Final = "sentence_accuracy"
"""The metric that counts sentences of which every tag is right."""

FORMULAS: Final = {
    **{name: Formula.share(f"{name}/right", f"{name}/tokens") for name in METRICS},
    OF_SENTENCES: Formula.share(f"{OF_SENTENCES}/right"),
}
"""How each follows from what :func:`example_sums` gives, summed over sentences."""


def _nothing() -> Tensor:
    return torch.zeros(len(Group), dtype=torch.int64)


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """How many tokens of each group and how many sentences were seen, and how many of them were tagged rightly.

    Args:
        right: tokens, shape (groups,).
        tokens: shape (groups,).
        right_sentences: those of which every tag is right.
        sentences: all.
    """

    right: Tensor = field(default_factory=_nothing)
    tokens: Tensor = field(default_factory=_nothing)
    right_sentences: int = 0
    sentences: int = 0

    def plus(self, guesses: Tensor, batch: TaggedBatch) -> Tally:
        """With the sentences of one more batch.

        Args:
            guesses: numbers of tags, shape (time, batch); what is at padding does not count.
            batch: what was guessed about.
        """
        real = batch.tags != PADDING
        same = guesses == batch.tags
        groups, right = batch.groups[real], same[real]
        kinds = torch.arange(len(Group), device=groups.device).unsqueeze(1)
        member = groups == kinds  # (groups, tokens)
        return Tally(
            right=self.right + (member & right).sum(1).cpu(),
            tokens=self.tokens + member.sum(1).cpu(),
            right_sentences=self.right_sentences + int((same | ~real).all(0).sum()),  # padding spoils no sentence
            sentences=self.sentences + batch.tags.shape[1],
        )

    def accuracies(self) -> dict[str, float]:
        """Each metric that there are tokens or sentences for."""
        sums = {
            name: (self.right[list(kinds)].sum(), self.tokens[list(kinds)].sum()) for name, kinds in METRICS.items()
        }
        found = {name: int(right) / int(tokens) for name, (right, tokens) in sums.items() if tokens}
        return found | ({OF_SENTENCES: self.right_sentences / self.sentences} if self.sentences else {})


def example_sums(guesses: Tensor, batch: TaggedBatch) -> dict[str, Tensor]:
    """What each sentence of a batch adds to the sums of :data:`FORMULAS`, each of shape (batch,)."""
    real = batch.tags != PADDING
    same = guesses == batch.tags
    sums = {f"{OF_SENTENCES}/right": (same | ~real).all(0)}
    for name, kinds in METRICS.items():
        member = torch.isin(batch.groups, torch.tensor(kinds, device=real.device)) & real
        sums |= {f"{name}/right": (member & same).sum(0), f"{name}/tokens": member.sum(0)}
    return sums
