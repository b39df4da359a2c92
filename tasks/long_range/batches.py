"""Batches that are drawn as they are needed, each a function of its place alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

import pytorch_lightning as pl
import torch
from torch import Generator, Tensor

from tasks.long_range.problem import Problem
from unroll.contract import derive_seed

EVALUATION_BATCH = 250
"""Sequences that are evaluated at once; the result does not depend on it."""

Batch = tuple[Tensor, Tensor]
"""Inputs and targets, see :class:`~tasks.long_range.problem.Sequences`."""


def draw_batch(problem: Problem, lengths: Sequence[int], count: int, *place: int | str) -> Batch:
    """Some sequences of one length out of ``lengths``: a pure function of the arguments."""
    generator = Generator().manual_seed(derive_seed("long range", *place))
    length = lengths[int(torch.randint(len(lengths), (1,), generator=generator))]
    drawn = problem.draw(length, count, generator)
    return drawn.inputs, drawn.targets


@final
class DrawnBatches:
    """The training batches of an epoch, of which there is no second: a function of (seed, epoch, position)."""

    def __init__(self, problem: Problem, lengths: Sequence[int], *, size: int, number: int, seed: int) -> None:
        self._problem, self._lengths, self._size = problem, lengths, size
        self._number, self._seed = number, seed
        self._epoch, self._position, self._resume_at = 0, 0, 0

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._number

    def __iter__(self) -> Iterator[Batch]:
        """One epoch, or what is left of it after :meth:`load_state_dict`."""
        (first, epoch), self._resume_at = (self._resume_at, self._epoch), 0
        for position in range(first, self._number):
            last = position + 1 == self._number
            self._epoch, self._position = (epoch + 1, 0) if last else (epoch, position + 1)
            yield draw_batch(self._problem, self._lengths, self._size, "train", self._seed, epoch, position)

    def state_dict(self) -> dict[str, int]:
        """Where the next batch comes from; the end of an epoch is the start of the next one."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Make the next iteration go on where ``state`` was taken."""
        self._epoch, self._position = state["epoch"], state["position"]
        self._resume_at = self._position


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
            spread = self._lengths[position * len(self._lengths) // len(self)]
            yield draw_batch(self._problem, [spread], count, self._split, position)


@final
class LongRangeBatches(pl.LightningDataModule):
    """Loaders; they need no worker processes.

    Args:
        problem: what is drawn.
        lengths: out of which each batch takes one.
        batch_size: sequences of a training batch.
        batches: training batches of an epoch.
        evaluation_sequences: sequences of the validation and of the test set.
        seed: of the trial.
    """

    def __init__(
        self,
        problem: Problem,
        lengths: Sequence[int],
        *,
        batch_size: int,
        batches: int,
        evaluation_sequences: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._problem, self._lengths, self._batch_size, self._batches = problem, lengths, batch_size, batches
        self._evaluation_sequences, self._seed = evaluation_sequences, seed

    def train_dataloader(self) -> DrawnBatches:
        """Fresh sequences; resumable."""
        return DrawnBatches(self._problem, self._lengths, size=self._batch_size, number=self._batches, seed=self._seed)

    def val_dataloader(self) -> EvaluationBatches:
        """The validation set."""
        return self._held_out("validation")

    def test_dataloader(self) -> EvaluationBatches:
        """The test set."""
        return self._held_out("test")

    def _held_out(self, split: str) -> EvaluationBatches:
        return EvaluationBatches(self._problem, self._lengths, sequences=self._evaluation_sequences, split=split)
