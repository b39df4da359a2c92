"""A prepared text: three streams of word numbers and the vocabulary that they are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.prepared import Corpus, array_seen, kept_words
from tasks.text.splits import SPLITS


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class TokenCorpus(Corpus):
    """What a language model learns from.

    Args:
        train: word numbers of the training text, of shape (tokens,), read-only.
        validation: the same of the text that is looked at while training.
        test: the same of the text that is looked at once.
        start: number of the word that precedes each text (``<eos>``, or the newline), so that its first word is
            predicted like any other.
    """

    train: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    start: int

    def seen(self) -> Iterator[bytes | memoryview]:
        """See :meth:`tasks.text.prepared.Corpus.seen`."""
        # Without their number, unlike those of other corpora: another form would rename every trial.
        yield from (word.encode() for word in self.vocabulary.words)
        yield from (array_seen(getattr(self, split), "<i4") for split in SPLITS)
        yield str(self.start).encode()

    def kept(self) -> dict[str, Any]:
        """See :meth:`tasks.text.prepared.Corpus.kept`."""
        return {**super().kept(), "start": self.start, "tokens": len(self.train)}

    @classmethod
    def restored(cls, kept: Mapping[str, Any]) -> Self:
        """See :meth:`tasks.text.prepared.Corpus.restored`."""
        train = np.broadcast_to(np.int32(kept["start"]), (kept["tokens"],))  # takes no memory
        none = np.zeros(0, np.int32)
        return cls(**kept_words(kept), start=kept["start"], train=train, validation=none, test=none)
