"""Segments of a long text: index arithmetic on memory-mapped ids, nothing is copied but the segment itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tasks.learning.loaders import TrainingLoader

Ids = npt.NDArray[np.int32]

PADDING = -100
"""An id that is no token: what ``torch.nn.functional.cross_entropy`` leaves out."""

EVALUATION_TOKENS = 512
"""Tokens per segment of held-out text: what is computed at once; the result does not depend on it."""

WINDOWS_PER_BATCH = 8
"""Windows that Lightning hands over at once. Its loop takes about as long as a sixth of a step of a small network, so
that it runs once per several steps; a checkpoint in the middle of an epoch lies between two batches."""


@final
class TrainingSegments(TrainingLoader[Tensor]):
    """The training text in ``columns`` contiguous columns, one segment of ``length`` steps after the other.

    Every column has the same number of tokens, so that up to columns - 1 tokens at the end of the text are left out.
    The last segment of an epoch is shorter where ``length`` does not divide a column. The order is that of the text:
    the same in every epoch and for every seed.

    Raises:
        ValueError: the text has fewer tokens than columns.
    """

    def __init__(self, ids: Ids, *, start: int, columns: int, length: int) -> None:
        self._columns = Columns(ids[: len(ids) // columns * columns], start=start, columns=columns)
        self._length = length

    def __len__(self) -> int:
        """Segments per epoch."""
        return -(-self._columns.steps // self._length)

    def read(self, epoch: int, first: int) -> Iterator[Tensor]:  # noqa: ARG002 - every epoch is the same
        """See :meth:`TrainingLoader.read`."""
        return (self._columns.segment(position * self._length, self._length) for position in range(first, len(self)))


@final
class EvaluationSegments:
    """Held-out text in columns, each token exactly once as a target; the last column is padded.

    The state is carried along a column. With several columns, a column's first tokens are predicted without the text
    before them (but for one token); with one column nothing is cut.
    """

    def __init__(self, ids: Ids, *, start: int, columns: int) -> None:
        columns = max(1, min(columns, len(ids)))
        missing = -len(ids) % columns
        padded = np.pad(ids, (0, missing), constant_values=PADDING) if missing else ids
        self._columns = Columns(padded, start=start, columns=columns)
        self._length = max(1, EVALUATION_TOKENS // columns)

    def __len__(self) -> int:
        """Number of segments."""
        return -(-self._columns.steps // self._length)

    def __iter__(self) -> Iterator[Tensor]:
        """The whole text, from its start."""
        for position in range(len(self)):
            yield self._columns.segment(position * self._length, self._length)


@final
class Columns:
    """A text of columns x steps ids, column after column: ids[column * steps + step]."""

    def __init__(self, ids: Ids, *, start: int, columns: int) -> None:
        if not len(ids):
            raise ValueError(f"a text of at least {columns} tokens is needed for {columns} columns")
        self.steps = len(ids) // columns
        self._ids = ids.reshape(columns, self.steps)
        # What each column reads at step 0: the id before its first one.
        self._before = np.concatenate(([start], self._ids[:-1, -1])).astype(np.int32)[:, None]

    def segment(self, begin: int, length: int) -> Tensor:
        """Steps ``begin`` to ``begin + length``, or to the end, after the id before them.

        Returns:
            Ids, shape (time + 1, columns): each but the last is read, each but the first is predicted.
        """
        end = min(begin + length, self.steps)
        before = self._ids[:, begin - 1 : begin] if begin else self._before
        ids = np.concatenate((before, self._ids[:, begin:end]), axis=1)  # (columns, length + 1)
        return torch.from_numpy(ids.T.astype(np.int64, order="C"))
