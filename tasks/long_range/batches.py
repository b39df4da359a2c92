"""Batches that are drawn as they are needed, each a function of its place alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

import torch
from torch import Generator, Tensor

from tasks.learning.loaders import TrainingLoader
from tasks.long_range.problem import Problem
from unroll.contract import derive_seed

EVALUATION_BATCH = 250
"""Sequences that are evaluated at once; the result does not depend on it."""

Batch = tuple[Tensor, Tensor]
"""Inputs and targets, see :class:`~tasks.long_range.problem.Sequences`."""


def draw_batch(problem: Problem, lengths: Sequence[int], count: int, *place: int | str) -> Batch:
    """Some sequences of one length out of ``lengths``: a pure function of the arguments."""
    generator = Generator().manual_seed(derive_seed("long range", *place))
    # A number is drawn for the length even where there is one: the sequences that follow depend on it.
    length = lengths[int(torch.randint(len(lengths), (1,), generator=generator))]
    drawn = problem.draw(length, count, generator)
    return drawn.inputs, drawn.targets


@final
class DrawnBatches(TrainingLoader[Batch]):
    """The training batches of an epoch, of which there is no second: a function of (seed, epoch, position)."""

    def __init__(self, problem: Problem, lengths: Sequence[int], *, size: int, number: int, seed: int) -> None:
        self._problem, self._lengths, self._size = problem, lengths, size
        self._number, self._seed = number, seed

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._number

    def read(self, epoch: int, first: int) -> Iterator[Batch]:
        """See :meth:`TrainingLoader.read`."""
        for position in range(first, self._number):
            yield draw_batch(self._problem, self._lengths, self._size, "train", self._seed, epoch, position)


@final
class EvaluationBatches:
    """The same sequences for every seed, of all lengths in turn."""

    def __init__(self, problem: Problem, lengths: Sequence[int], *, sequences: int, split: str) -> None:
        self._problem, self._lengths, self._sequences, self._split = problem, lengths, sequences, split

    def __len__(self) -> int:
        """Number of batches."""
        return -(-self._sequences // EVALUATION_BATCH)

    def __iter__(self) -> Iterator[Batch]:
        """All of them."""
        for position in range(len(self)):
            count = min(EVALUATION_BATCH, self._sequences - position * EVALUATION_BATCH)
            # Evenly from the shortest to the longest.
            spread = self._lengths[position * len(self._lengths) // len(self)]
            yield draw_batch(self._problem, [spread], count, self._split, position)
