"""Entities in BIO tags: which moves are legal, and precision, recall and F1 of whole entities.

The scorer is that of CoNLL-2000 and after, ``conlleval`` (Tjong Kim Sang and Buchholz 2000), and its repair of invalid
sequences is the one policy here: an ``I-x`` that goes on with nothing (at the start, after ``O``, after another type)
begins an entity. Tests hold it equal to ``seqeval`` in its default mode. Another policy gives another F1: two scorers
differ by about half a point on invalid sequences (Lignos and Kamyab 2020).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.tagging.batches import PADDING
from unroll.contract import Formula, UserError

METRICS: Final = ("entity_f1", "entity_precision", "entity_recall")
ILLEGAL_MOVES: Final = "illegal_moves"
"""The metric that counts guesses which BIO does not allow where they stand."""
_BIO: Final = re.compile(r"O|[BI]-.+")


def are_entities(tags: Sequence[str]) -> bool:
    """Whether these are the tags of a text in BIO."""
    return all(_BIO.fullmatch(tag) for tag in tags) and any(tag.startswith("B-") for tag in tags)


def legal_moves(tags: Sequence[str]) -> Tensor:
    """Which tag BIO allows after which, shape (tags + 1, tags + 1); the last row is the start, the last column the end.

    Raises:
        UserError: the tags are no entity tags.
    """
    if not are_entities(tags):
        raise UserError(
            "only entity tags (O, B-x, I-x) have illegal moves to forbid",
            where="network.illegal_moves",
            received=", ".join(tags[:8]),
        )
    allowed = torch.ones(len(tags) + 1, len(tags) + 1, dtype=torch.bool)
    for place, tag in enumerate(tags):
        if tag.startswith("I-"):
            # I-x goes on from B-x or I-x alone; the start, in the last row, has no type.
            allowed[:, place] = torch.tensor([other[2:] == tag[2:] for other in (*tags, "")])
    return allowed


@final
@dataclass(frozen=True, slots=True)
class EntityTally:
    """How many entities were guessed rightly, how many were guessed, how many there are, and what was illegal.

    Args:
        right: entities that were guessed with both ends and type.
        guessed: entities that were guessed.
        gold: entities of the text.
        illegal: guesses that BIO does not allow behind the one before them.
        sentences: how many were seen.
    """

    right: int = 0
    guessed: int = 0
    gold: int = 0
    illegal: int = 0
    sentences: int = 0

    def scores(self) -> dict[str, float]:
        """Micro-averaged over all entities, and illegal moves per sentence.

        Entities have no score where the text has none. Without any guess, precision is 0.
        """
        moves = {ILLEGAL_MOVES: self.illegal / self.sentences} if self.sentences else {}
        return moves | self._of_entities()

    def _of_entities(self) -> dict[str, float]:
        if not self.gold:
            return {}
        precision, recall = self.right / max(1, self.guessed), self.right / self.gold
        f1 = 2 * self.right / (self.guessed + self.gold)
        return dict(zip(METRICS, (f1, precision, recall), strict=True))


FORMULAS: Final = {
    "entity_f1": Formula(above=({"entities/right": 2.0},), below=({"entities/guessed": 1.0, "entities/gold": 1.0},)),
    "entity_precision": Formula.share("entities/right", "entities/guessed"),
    "entity_recall": Formula.share("entities/right", "entities/gold"),
    ILLEGAL_MOVES: Formula.share("entities/illegal"),
}
"""How the scores of entities follow from what :meth:`EntityScorer.count_each` gives, summed over sentences."""


@final
class EntityScorer:
    """Counts entities of batches.

    Args:
        tags: the tags, in BIO. A tag that is none of them, :data:`~tasks.text.tagged.corpus.UNSEEN_TAG`, counts as
            inside an entity of a type that nobody guesses, each run of such tags as one entity.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        types = sorted({tag[2:] for tag in tags} - {""})
        self._outside = len(tags)
        # Number of each tag's type, 0 outside; then that of what is outside for sure; last, number -1, an unseen tag.
        self._types = np.array([*(types.index(tag[2:]) + 1 if tag[2:] else 0 for tag in tags), 0, len(types) + 1])
        self._begins = np.array([*(tag.startswith("B-") for tag in tags), False, False])
        self._illegal = ~legal_moves(tags)[:, :-1]  # (tags + 1, tags): BIO ends anywhere

    def any_in(self, tags: NDArray[np.int32]) -> bool:
        """Whether a text with these tags, numbers of shape (tokens,), has an entity."""
        return bool((self._types[tags] > 0).any())

    def count(self, guesses: Tensor, tags: Tensor, before: EntityTally) -> EntityTally:
        """With the entities of one more batch.

        Args:
            guesses: numbers of tags, shape (time, batch); what is at padding does not count.
            tags: the right ones, shape (time, batch), :data:`~tasks.tagging.batches.PADDING` at padding.
            before: what was counted so far.
        """
        right, guessed, gold, illegal = (int(each.sum()) for each in self.count_each(guesses, tags).values())
        return EntityTally(
            right=before.right + right,
            guessed=before.guessed + guessed,
            gold=before.gold + gold,
            illegal=before.illegal + illegal,
            sentences=before.sentences + tags.shape[1],
        )

    def count_each(self, guesses: Tensor, tags: Tensor) -> dict[str, Tensor]:
        """``right``, ``guessed``, ``gold`` and ``illegal`` of each sentence, shape (batch,); arguments as above."""
        real = tags != PADDING
        # Records of both ends and type: an entity is right if the very same record is in both lists.
        guessed, gold = (self._entities(each.where(real, self._outside)) for each in (guesses, tags))
        lists = {"right": np.intersect1d(guessed, gold, assume_unique=True), "guessed": guessed, "gold": gold}
        apart, sentences = len(tags) + 1, tags.shape[1]  # as _entities lays them out
        counts = {
            name: torch.from_numpy(np.bincount(found["f0"] // apart, minlength=sentences))
            for name, found in lists.items()
        }
        return {**counts, "illegal": (self._moves_illegally(guesses.where(real, 0)) & real).sum(0).cpu()}

    def _moves_illegally(self, tags: Tensor) -> Tensor:
        """Whether BIO forbids each tag where it stands, shape (time, batch)."""
        previous = torch.cat([torch.full_like(tags[:1], self._outside), tags[:-1]])
        return self._illegal.to(tags.device)[previous, tags]

    def _entities(self, tags: Tensor) -> NDArray[Any]:
        """First place, last place and type of each entity as one record, shape (entities,)."""
        apart = torch.cat([tags, torch.full_like(tags[:1], self._outside)])  # entities end with their sentence
        numbers = apart.T.flatten().cpu().numpy()
        # One row of all sentences, an O behind each: the last one is O, and so is what rolls around to the front.
        types, inside = self._types[numbers], self._types[numbers] > 0
        begins = inside & (self._begins[numbers] | (types != np.roll(types, 1)))
        ends = inside & (np.roll(begins, -1) | ~np.roll(inside, -1))
        (first,), (last,) = begins.nonzero(), ends.nonzero()
        return np.rec.fromarrays([first, last, types[first]])
