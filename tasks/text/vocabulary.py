"""The words that a model knows, each with a number."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unroll.contract import UserError

EOS: Final = "<eos>"
"""Ends every line of a word-level text. A word like any other: it is predicted and counted."""
UNKNOWN: Final = "<unk>"
"""Stands for every word that the vocabulary lacks."""


@dataclass(frozen=True)
class Vocabulary:
    """An immutable list of distinct words; a word's number is its place in the list.

    Args:
        words: distinct words.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self._numbers) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise UserError("the words of a vocabulary must be distinct", received=f"{twice!r} twice")

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @property
    def unknown(self) -> int | None:
        """Number of ``<unk>``; None where every word is known."""
        return self._numbers.get(UNKNOWN)

    def number(self, word: str) -> int:
        """Number of one word.

        Raises:
            UserError: the word is neither known nor is there an ``<unk>`` to stand for it.
        """
        found = self._numbers.get(word, self.unknown)
        if found is None:
            raise UserError(f"every word must be in the vocabulary, which has no {UNKNOWN}", received=repr(word))
        return found

    def encode(self, tokens: Iterable[str]) -> NDArray[np.int32]:
        """Numbers of the tokens, of shape (tokens,); a word that is not known becomes ``<unk>``.

        Raises:
            UserError: a word is neither known nor is there an ``<unk>`` to stand for it.
        """
        numbers, unknown = self._numbers, self.unknown
        if unknown is None:  # then a word that is not there is an error, see number()
            return np.fromiter(map(self.number, tokens), np.int32)
        return np.fromiter((numbers.get(token, unknown) for token in tokens), np.int32)

    def decode(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Words of the numbers."""
        return tuple(self.words[number] for number in numbers)

    def with_unknown(self) -> Vocabulary:
        """The same words and, at the end, ``<unk>`` unless it is there already."""
        return self if UNKNOWN in self else Vocabulary((*self.words, UNKNOWN))

    @classmethod
    def fit(
        cls,
        tokens: Iterable[str],
        *,
        size: int | None = None,
        minimum_count: int = 1,
        required: Sequence[str] = (),
    ) -> Vocabulary:
        """The words of a text, most frequent first, equally frequent ones in the order of their code points.

        Args:
            tokens: the training text, and nothing else: a vocabulary that has seen the test text leaks it.
            size: most words to keep, ``<unk>`` and required words included; None keeps all.
            minimum_count: words that occur less often are left out.
            required: words that are kept however rare they are, even absent ones.

        Returns:
            The vocabulary. It holds ``<unk>`` where the text does, and where a word was left out.

        Raises:
            UserError: the required words (with ``<unk>`` where words are left out) do not fit into ``size``.
        """
        counts, always = Counter(tokens), frozenset(required)
        counts.update(dict.fromkeys(required, 0))  # known, without counting more often
        # Code points break ties: the order, and so the fingerprint, does not depend on the order of the text.
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        kept = [word for word in ranked if counts[word] >= minimum_count or word in always]
        if len(kept) == len(ranked) and (size is None or len(ranked) <= size):
            return cls(tuple(ranked))
        return cls(_cut(kept, size, (*required, UNKNOWN)))

    def save(self, path: Path) -> None:
        """Write the words as JSON."""
        path.write_text(json.dumps({"words": self.words}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """Read what :meth:`save` wrote."""
        return cls(tuple(json.loads(path.read_text(encoding="utf-8"))["words"]))


def _cut(ranked: Sequence[str], size: int | None, required: Sequence[str]) -> tuple[str, ...]:
    """The first words of a ranking such that, with the required ones, there are at most ``size``."""
    keep = set(required)
    room = len(ranked) if size is None else size - len(keep)
    if room < 0:
        raise UserError(f"the vocabulary must have room for {', '.join(sorted(keep))}", received=f"size {size}")
    # Required words take their room first, however rare; the order stays that of the ranking.
    free = [word for word in ranked if word not in keep][:room]
    keep.update(free)
    return tuple([word for word in ranked if word in keep] + sorted(set(required).difference(ranked)))
