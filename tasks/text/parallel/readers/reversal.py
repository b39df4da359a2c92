"""Sequences of symbols, to be written backwards: nothing must be known, and everything remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, final

from tasks.text.parallel.corpus import ParallelCorpus
from tasks.text.parallel.prepare import Pair, prepare_pairs
from tasks.text.prepared import cached
from tasks.text.reading import Reader
from tasks.text.splits import SPLITS
from tasks.text.toy import split_sizes
from unroll.contract import derive_seed

_MOST_HELD_OUT: Final = 1000
"""Sequences of the validation and of the test text: a training text that is new all the time is far longer."""


@final
@dataclass(frozen=True, kw_only=True)
class Reversal(Reader[ParallelCorpus]):
    """Draws ``sentences`` training sequences, and a fifth of it for validation and test each, at most 1,000.

    Each symbol is drawn from all, independently, each length from ``length`` to ``longest``. Symbols are written as
    numbers: ``3 12 7`` becomes ``7 12 3``.
    """

    symbols: int
    length: int
    longest: int | None
    sentences: int
    training_sentences: int | None
    seed: int

    def read(self, cache: Path) -> ParallelCorpus:
        """See :meth:`Reader.read`."""
        return cached(cache, self.content(), self._build, ParallelCorpus)

    def _build(self) -> ParallelCorpus:
        sizes = split_sizes(self.sentences, self.training_sentences)
        alphabet = " ".join(self._alphabet())
        return prepare_pairs(
            {
                split: list(islice(self._draw(split), size if split == "train" else min(size, _MOST_HELD_OUT)))
                for split, size in sizes.items()
            },
            tokens="white_space",
            vocabularies="separate",
            required=[Pair(alphabet, alphabet)],
            exact=True,
            where=dict.fromkeys(SPLITS, "reversal"),
        )

    def _draw(self, split: str) -> Iterator[Pair]:
        alphabet, longest = self._alphabet(), self.longest or self.length
        random = Random(derive_seed(self.seed, "reversal", split))  # noqa: S311 - its stream is the same in every Python
        while True:
            drawn = random.choices(alphabet, k=random.randint(self.length, longest))
            yield Pair(" ".join(drawn), " ".join(reversed(drawn)))

    def _alphabet(self) -> list[str]:
        return [str(number) for number in range(1, self.symbols + 1)]
