"""How the words of a batch are written: each distinct word once, for a network over its characters."""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Final, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.text.tagged import Spelling

LONGEST: Final = 32
"""Of a longer word, an address for instance, the first and the last half of as many characters are read."""


class Letters(NamedTuple):
    """The distinct words of a batch, each from top to bottom."""

    characters: Tensor
    """Numbers of the characters, shape (longest, distinct); 0 at padding."""
    lengths: Tensor
    """Number of characters of each word, shape (distinct,)."""
    places: Tensor
    """Which of the distinct words stands where, shape (time, batch); any at padding."""


@final
class Speller:
    """Spells the words of one split.

    Args:
        spelling: of a corpus.
        split: ``train``, ``validation`` or ``test``.
    """

    def __init__(self, spelling: Spelling, split: str) -> None:
        self._forms = np.asarray(getattr(spelling, split))
        words = [_shortened(word) for word in spelling.forms.words]
        self._lengths = np.array([len(word) for word in words])
        self._begins = np.fromiter(accumulate(self._lengths[:-1], initial=0), np.int64)
        self._characters = spelling.characters.encode(c for word in words for c in word)

    def spell(self, tokens: NDArray[Any]) -> Letters:
        """How the tokens at these places of the split are written.

        Args:
            tokens: shape (time, batch).
        """
        # Each distinct word is read once, however often it stands in the batch.
        forms, places = np.unique(self._forms[tokens], return_inverse=True)
        lengths = self._lengths[forms]
        steps = np.arange(lengths.max())[:, None]
        real = steps < lengths  # (longest, distinct)
        characters = np.where(real, self._characters[np.where(real, self._begins[forms] + steps, 0)], 0)
        numbers = (characters.astype(np.int64), lengths, places.reshape(tokens.shape))
        return Letters(*(torch.from_numpy(each) for each in numbers))

    def mean_length(self) -> float:
        """Characters that are read of a token, on average."""
        return float(self._lengths[self._forms].mean())


def _shortened(word: str) -> str:
    return word if len(word) <= LONGEST else word[: LONGEST // 2] + word[-LONGEST // 2 :]
