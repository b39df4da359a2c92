"""How well a language model completes what is being written: ranks of the right tokens, and keys saved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from tasks.language_modeling.metrics import KEYSTROKES, RANK_SCORES, RANKS
from tasks.text.vocabulary import Vocabulary


@final
@dataclass(frozen=True, slots=True)
class Completions:
    """How the tokens of a text were ranked before they came, as sums.

    Args:
        tokens: how many there were.
        within: how many of them were among the k most probable ones, for each k of the metrics' ``RANKS``.
        reciprocal: sum of 1 / rank.
        keys: keys that wrote the words, some of them chosen from the list.
        all_keys: keys that would have written them without it.
    """

    tokens: int = 0
    within: tuple[int, ...] = (0,) * len(RANKS)
    reciprocal: float = 0.0
    keys: int = 0
    all_keys: int = 0

    def plus(self, more: Completions) -> Completions:
        """Those of two texts, one after the other."""
        return Completions(
            self.tokens + more.tokens,
            tuple(a + b for a, b in zip(self.within, more.within, strict=True)),
            self.reciprocal + more.reciprocal,
            self.keys + more.keys,
            self.all_keys + more.all_keys,
        )

    def scores(self) -> dict[str, float]:
        """By name without the split; none of nothing, and no keys of a text without words that can be chosen."""
        if not self.tokens:
            return {}
        values = (*(count / self.tokens for count in self.within), self.reciprocal / self.tokens)
        scores = dict(zip(RANK_SCORES, values, strict=True))
        return scores | ({KEYSTROKES: 1 - self.keys / self.all_keys} if self.all_keys else {})


@final
class Completer:
    """Ranks tokens, and types words with a list of suggestions.

    The rank of a token is one more than the number of tokens before it: the more probable ones and, of the equally
    probable ones, those of lower number.

    Keystrokes saved are ``1 - keys / all_keys`` (Trnka and McCoy 2008, *Evaluating word prediction: framing keystroke
    savings*, who show how much hangs on what counts as a key). Here a word is written letter by letter, and one more
    key, a blank or a line's end, stands behind it. Before each letter the writer sees the ``shown`` most probable words
    that begin with the letters typed so far; once the right one is among them, one key chooses it, with the blank. A
    word of n letters that is shown after i of them takes i + 1 keys in place of n + 1.

    Args:
        vocabulary: the tokens.
        shown: words of the list.
        unlisted: tokens that are nobody's to choose and whose letters are not known: ``<unk>``, a line's end. They are
            ranked like all others, and neither shown nor typed.
        words: whether tokens are words. Choosing a character takes the key that typing it does.
    """

    def __init__(self, vocabulary: Vocabulary, *, shown: int, unlisted: Collection[int], words: bool) -> None:
        self._vocabulary, self._shown, self._unlisted, self._words = vocabulary, shown, set(unlisted), words

    def rank(self, scores: Tensor, tokens: Tensor) -> Completions:
        """Rank tokens by what a model expected in their places.

        Args:
            scores: of all tokens, logits or whatever else grows with their probabilities; shape (rows, vocabulary).
            tokens: the right ones, shape (rows,).
        """
        before = _before(scores, tokens)
        ranks = before.sum(1, dtype=torch.int32) + 1
        keys, all_keys = self._type(before, tokens) if self._words else (0, 0)
        return Completions(
            tokens=len(tokens),
            within=tuple(int((ranks <= k).sum()) for k in RANKS),
            reciprocal=float((1 / ranks.double()).sum()),
            keys=keys,
            all_keys=all_keys,
        )

    def _type(self, before: Tensor, tokens: Tensor) -> tuple[int, int]:
        """Keys with the list, and without."""
        order, begins, ends, lengths = (table.to(tokens.device) for table in self._tables)
        typed = lengths[tokens] > 0
        before, tokens = before[typed], tokens[typed]
        # Words in the order of their letters: those with the same first letters are neighbours.
        counts = torch.zeros(len(tokens), len(order) + 1, dtype=torch.int32, device=tokens.device)
        torch.cumsum(before[:, order], dim=1, dtype=torch.int32, out=counts[:, 1:])
        better = counts.gather(1, ends[tokens]) - counts.gather(1, begins[tokens])  # (words, letters typed)
        letters = torch.arange(better.shape[1], device=tokens.device)
        written = (better < self._shown) | (letters >= lengths[tokens].unsqueeze(1))
        keys = written.int().argmax(1) + 1
        return int(keys.sum()), int((lengths[tokens] + 1).sum())

    @cached_property
    def _tables(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What typing looks up: (order, begins, ends, lengths).

        ``order`` holds the numbers of the words that can be chosen, in the order of their letters. ``begins`` and
        ``ends``, shape (vocabulary, longest + 1), say for each token and number of letters typed where in it the words
        stand that share them. ``lengths`` are numbers of letters, 0 of what is not typed.
        """
        words: Sequence[str] = self._vocabulary.words
        order = sorted(set(range(len(words))) - self._unlisted, key=lambda number: words[number])
        spans = dict[str, tuple[int, int]]()
        for place, number in enumerate(order):
            for letters in range(len(words[number]) + 1):
                begin, _ = spans.get(words[number][:letters], (place, place))
                spans[words[number][:letters]] = begin, place + 1
        longest = max((len(words[number]) for number in order), default=0)
        begins, ends = torch.zeros(2, len(words), longest + 1, dtype=torch.int64)
        lengths = torch.zeros(len(words), dtype=torch.int64)
        for number in order:
            found = [spans[words[number][:letters]] for letters in range(len(words[number]))]
            lengths[number] = len(found)
            begins[number, : len(found)], ends[number, : len(found)] = torch.tensor(found).T
        return torch.tensor(order, dtype=torch.int64), begins, ends, lengths


def _before(scores: Tensor, tokens: Tensor) -> Tensor:
    """Which tokens rank before the right ones, shape (rows, vocabulary)."""
    right = scores.gather(1, tokens.unsqueeze(1))
    before, equal = scores > right, scores == right
    for row in (equal.sum(1, dtype=torch.int32) > 1).nonzero().flatten().tolist():
        before[row, : tokens[row]] |= equal[row, : tokens[row]]
    return before
