"""Learning to tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

from torch import Tensor

from tasks.learning.descent import Learning
from tasks.learning.module import LearningModule
from tasks.tagging import entities
from tasks.tagging.batches import PADDING, TaggedBatch
from tasks.tagging.entities import EntityScorer, EntityTally, are_entities
from tasks.tagging.network import Tagger
from tasks.tagging.tally import FORMULAS, Tally, example_sums
from unroll.contract import Formula


@final
class TaggingModule(LearningModule[TaggedBatch, TaggedBatch]):
    """The decoder's loss over the real tokens of a batch of sentences; accuracy over all of a held-out text.

    ``train/loss`` is in nats per token. An accuracy over words that a text has none of is not logged, nor are the
    scores of entities where there are none, nor illegal moves of tags that are no entity tags.

    Args:
        network: the tagger.
        tags: the tags; where they are entity tags, entities are counted too.
        learning: how it learns.
    """

    network: Tagger

    def __init__(self, *, network: Tagger, tags: Sequence[str], learning: Learning) -> None:
        super().__init__(network=network, learning=learning)
        self._tags = tuple(tags)
        self._scorer = EntityScorer(tags) if are_entities(tags) else None
        self.begin_counting()

    def loss(self, batch: TaggedBatch) -> Tensor:
        """Nats per token, a scalar."""
        return self.network.loss(batch)

    def begin_counting(self) -> None:
        """Count anew."""
        self._held_out, self._entities = Tally(), EntityTally()

    def count(self, batch: TaggedBatch) -> None:
        """Tag sentences of held-out text."""
        guesses = self.network.decode(batch)
        self._held_out = self._held_out.plus(guesses, batch)
        if self._scorer:
            self._entities = self._scorer.count(guesses, batch.tags, self._entities)
        if self.per_example:
            counted = self._scorer.count_each(guesses, batch.tags) if self._scorer else {}
            named = {f"entities/{name}": counts for name, counts in counted.items()}
            self.per_example.add(self._written(batch), **example_sums(guesses, batch), **named)

    def _written(self, batch: TaggedBatch) -> Iterator[str]:
        """The right tags of each sentence, by their names."""
        for tags in batch.tags.T.tolist():
            yield " ".join(self._tags[tag] if tag >= 0 else "?" for tag in tags if tag != PADDING)

    def scores(self) -> Mapping[str, float]:
        """Accuracies, scores of entities, and illegal moves."""
        return self._held_out.accuracies() | self._entities.scores()

    def formulas(self) -> Mapping[str, Formula]:
        """Of all of these."""
        return FORMULAS | (entities.FORMULAS if self._scorer else {})
