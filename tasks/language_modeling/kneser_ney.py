"""The n-gram model that neural language models were measured against: interpolated, modified Kneser-Ney."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Self, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@final
@dataclass(frozen=True, slots=True)
class Order:
    """The n-grams of one length. An n-gram is identified by ``history * width + word``, a history by its rank.

    Args:
        histories: keys ``shorter history * width + word before it`` of all histories, sorted; a history's rank is its
            index here. Empty for single words, whose only history has rank 0.
        grams: keys of all n-grams, sorted.
        counts: how often each was seen, shape (grams,): in the text for the longest, else after how many different
            words (``N1+(. w)``).
        discounts: what is taken from a count of 0, 1, 2, and 3 or more, shape (4,).
        totals: sum of the counts after each history, shape (histories,).
        taken: what the discounts took after each history, shape (histories,): the weight of the shorter history.
    """

    histories: Ids
    grams: Ids
    counts: Ids
    discounts: Floats
    totals: Floats
    taken: Floats


@final
@dataclass(frozen=True, slots=True)
class KneserNey:
    """``p(w | h) = (c(h, w) - D(c(h, w)) + taken(h) p(w | h without its first word)) / c(h)``.

    Interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, section 3 and equations 15 to 17; Kneser and Ney
    1995): counts below the longest order are numbers of different words before, and each order has three discounts from
    its own counts of counts. Single words are interpolated with the uniform distribution. No word of an earlier
    sentence is part of a history, which reaches back to the last ``boundary`` at most.

    Args:
        vocabulary: number of word types.
        boundary: the word that ends a sentence; it is predicted like any other and begins the next history.
        orders: what was counted, single words first.
    """

    vocabulary: int
    boundary: int
    orders: tuple[Order, ...]

    @classmethod
    def count(cls, text: Ids, *, order: int, vocabulary: int, boundary: int) -> Self:
        """Count the n-grams of a text, word ids of shape (words,), up to length ``order``."""
        windows = _windows(text, order, vocabulary, boundary)
        width, word = vocabulary + 1, windows[:, -1]
        histories, ranks = [np.empty(0, np.int64)], [np.zeros(len(text), np.int64)]
        for back in range(1, order):
            keys, rank = np.unique(ranks[-1] * width + windows[:, -1 - back], return_inverse=True)
            histories.append(keys)
            ranks.append(rank.astype(np.int64))
        grams = [rank * width + word for rank in ranks]
        # Below the longest order each n-gram counts once for every longer one that it ends.
        seen = [shorter[np.unique(longer, return_index=True)[1]] for shorter, longer in pairwise(grams)]
        orders = [_order(h, g, width) for h, g in zip(histories, [*seen, grams[-1]], strict=True)]
        return cls(vocabulary, boundary, tuple(orders))

    def counts(self) -> Ids:
        """Every count that is kept, single words first, shape (n-grams of all lengths,)."""
        return np.concatenate([order.counts for order in self.orders])

    def state_dict(self) -> list[dict[str, Tensor]]:
        """What was counted, as tensors by name for each order, single words first."""
        names = [each.name for each in fields(Order)]
        return [{name: torch.from_numpy(getattr(order, name)) for name in names} for order in self.orders]

    @classmethod
    def from_state(cls, state: Sequence[Mapping[str, Tensor]], *, vocabulary: int, boundary: int) -> Self:
        """What :meth:`state_dict` was taken from."""
        orders = [Order(**{name: values.numpy() for name, values in order.items()}) for order in state]
        return cls(vocabulary, boundary, tuple(orders))

    def probabilities(self, text: Ids) -> Floats:
        """Probability of each word of a text given the words before it, shape (words,)."""
        windows = _windows(text, len(self.orders), self.vocabulary, self.boundary)
        width, word = self.vocabulary + 1, windows[:, -1]
        rank, known = np.zeros(len(text), np.int64), np.ones(len(text), bool)
        p = np.full(len(text), 1 / self.vocabulary)
        for back, order in enumerate(self.orders):
            if back:
                rank, found = _find(order.histories, rank * width + windows[:, -1 - back])
                known &= found
            p = np.where(known, self._interpolate(order, rank, word, p), p)
        return p

    def histories(self, text: Ids) -> Ids:
        """The ``order - 1`` words before each word of a text, boundaries before its first; shape (words, order - 1)."""
        order = len(self.orders)
        padded = np.concatenate((np.full(order - 1, self.boundary), text))
        return np.lib.stride_tricks.sliding_window_view(padded, order)[:, :-1]

    def distributions(self, before: Ids) -> Floats:
        """Probability of every word, for several pasts at once.

        Args:
            before: the ``order - 1`` words before, boundaries where the text had none yet; shape (rows, order - 1).

        Returns:
            Shape (rows, vocabulary).
        """
        rows, width = len(before), self.vocabulary + 1
        windows = _forget(np.column_stack((before, np.zeros(rows, np.int64))), self.vocabulary, self.boundary)
        rank, known = np.zeros(rows, np.int64), np.ones(rows, bool)
        words = np.arange(self.vocabulary)
        single = self._interpolate(self.orders[0], np.zeros_like(words), words, np.full(len(words), 1 / len(words)))
        p = np.tile(single, (rows, 1))
        for back, order in enumerate(self.orders[1:], start=1):
            rank, found = _find(order.histories, rank * width + windows[:, -1 - back])
            known &= found
            p *= np.where(known, order.taken[rank] / order.totals[rank], 1.0)[:, None]
            # The n-grams behind a history stand side by side.
            histories = rank[known]
            begins, ends = np.searchsorted(order.grams, (histories * width, (histories + 1) * width))
            lengths = ends - begins
            places = np.arange(lengths.sum()) + np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
            counts = order.counts[places]
            kept = (counts - order.discounts[np.minimum(counts, 3)]) / np.repeat(order.totals[histories], lengths)
            p[np.repeat(known.nonzero()[0], lengths), order.grams[places] % width] += kept
        return p

    def _interpolate(self, order: Order, rank: Ids, word: Ids, shorter: Floats) -> Floats:
        at, found = _find(order.grams, rank * (self.vocabulary + 1) + word)
        count = np.where(found, order.counts[at], 0)
        kept = count - order.discounts[np.minimum(count, 3)]
        p: Floats = (kept + order.taken[rank] * shorter) / order.totals[rank]
        return p


def _windows(text: Ids, order: int, vocabulary: int, boundary: int) -> Ids:
    """Each word with the words before it, shape (words, order); ``vocabulary`` where the sentence had none yet."""
    before = np.concatenate((np.full(order - 1, boundary), text)).astype(np.int64)
    return _forget(np.lib.stride_tricks.sliding_window_view(before, order).copy(), vocabulary, boundary)


def _forget(windows: Ids, vocabulary: int, boundary: int) -> Ids:
    """Windows of shape (rows, order), in place, with ``vocabulary`` where the last word's sentence had none yet."""
    ended = np.zeros(len(windows), bool)
    for column in range(windows.shape[1] - 2, -1, -1):
        windows[ended, column] = vocabulary
        ended |= windows[:, column] == boundary
    return windows


def _order(histories: Ids, seen: Ids, width: int) -> Order:
    grams, counts = np.unique(seen, return_counts=True)
    discounts = _discounts(counts)
    after, number = grams // width, max(len(histories), 1)
    totals = np.bincount(after, counts, minlength=number).astype(np.float64)
    taken = np.bincount(after, discounts[np.minimum(counts, 3)], minlength=number).astype(np.float64)
    return Order(histories, grams, counts.astype(np.int64), discounts, totals, taken)


def _discounts(counts: Ids) -> Floats:
    """Chen and Goodman's equation 17, held between 0 and the count where a small text makes it stray or fail."""
    n1, n2, n3, n4 = (float((counts == i).sum()) for i in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 else 0.0
    raw = [i - (i + 1) * y * more / less if less else y for i, more, less in ((1, n2, n1), (2, n3, n2), (3, n4, n3))]
    return np.concatenate(([0.0], np.clip(raw, 0.0, (1.0, 2.0, 3.0))))


def _find(keys: Ids, wanted: Ids) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Where each wanted key stands among sorted keys, and whether it is there; some index where it is not."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1).astype(np.int64)
    return at, keys[at] == wanted
