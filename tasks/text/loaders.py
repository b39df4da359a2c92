"""Loaders of sentences in length buckets, for any task: index arithmetic, no worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from tasks.text.buckets import Batches, Lengths, bucketed_batches, sorted_batches

BatchT = TypeVar("BatchT")
Make = Callable[[NDArray[np.int64]], BatchT]
"""From the places of sentences in a text, shape (batch,), to their batch."""


@final
class BucketLoader(Generic[BatchT]):
    """Training text in length buckets, in another order each epoch: a function of (seed, epoch). Resumable.

    Args:
        lengths: of the sentences, shape (sentences,).
        make: makes a batch.
        size: sentences of a batch.
        seed: of the trial.
    """

    def __init__(self, lengths: Lengths, make: Make[BatchT], *, size: int, seed: int) -> None:
        self._lengths, self._make, self._size, self._seed = lengths, make, size, seed
        self._epoch, self._position, self._resume_at = 0, 0, 0

    def __len__(self) -> int:
        """Batches per epoch."""
        return -(-len(self._lengths) // self._size)

    def __iter__(self) -> Iterator[BatchT]:
        """One epoch, or what is left of it after :meth:`load_state_dict`."""
        first, self._resume_at = self._resume_at, 0
        batches = bucketed_batches(self._lengths, size=self._size, seed=self._seed, epoch=self._epoch)
        for position, sentences in enumerate(batches[first:], start=first):
            last = position + 1 == len(self)
            self._epoch, self._position = (self._epoch + 1, 0) if last else (self._epoch, position + 1)
            yield self._make(sentences)

    def state_dict(self) -> dict[str, int]:
        """Where the next batch comes from; the end of an epoch is the start of the next one."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Make the next iteration go on where ``state`` was taken."""
        self._epoch, self._position = state["epoch"], state["position"]
        self._resume_at = self._position


@final
class SortedLoader(Generic[BatchT]):
    """Held-out text, each sentence once, from the shortest to the longest.

    Args:
        lengths: of the sentences, shape (sentences,).
        make: makes a batch.
        size: sentences of a batch.
    """

    def __init__(self, lengths: Lengths, make: Make[BatchT], *, size: int) -> None:
        self._make = make
        self._batches: Batches = sorted_batches(lengths, size=size)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[BatchT]:
        """The whole text."""
        return map(self._make, self._batches)
