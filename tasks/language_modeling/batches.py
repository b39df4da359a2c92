"""Stretches of a long text: index arithmetic on memory-mapped ids, nothing is copied but the stretch itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from torch import Tensor

from tasks.text.running import TokenCorpus

Ids = npt.NDArray[np.int32]

PADDING = -100
"""An id that is no token: what ``torch.nn.functional.cross_entropy`` leaves out."""

EVALUATION_TOKENS = 512
"""Tokens per stretch of held-out text: what is computed at once; the result does not depend on it."""

WINDOWS_PER_BATCH = 8
"""Windows that Lightning hands over at once. Its loop takes about as long as a sixth of a step of a small network, so
that it runs once per several steps; a checkpoint in the middle of an epoch lies between two batches."""


@final
class TrainingStretches:
    """The training text in ``columns`` contiguous columns, one stretch of ``length`` steps after the other.

    Every column has the same number of tokens, so that up to columns - 1 tokens at the end of the text are left out.
    The last stretch of an epoch is shorter where ``length`` does not divide a column. The order is that of the text:
    the same in every epoch and for every seed.

    Raises:
        ValueError: the text has fewer tokens than columns.
    """

    def __init__(self, ids: Ids, *, start: int, columns: int, length: int) -> None:
        self._columns = Columns(ids[: len(ids) // columns * columns], start=start, columns=columns)
        self._length = length
        self._epoch, self._position, self._resume_at = 0, 0, 0

    def __len__(self) -> int:
        """Stretches per epoch."""
        return -(-self._columns.steps // self._length)

    def __iter__(self) -> Iterator[Tensor]:
        """One epoch, or what is left of it after :meth:`load_state_dict`."""
        first, self._resume_at = self._resume_at, 0
        for position in range(first, len(self)):
            last = position + 1 == len(self)
            self._epoch, self._position = (self._epoch + 1, 0) if last else (self._epoch, position + 1)
            yield self._columns.stretch(position * self._length, self._length)

    def state_dict(self) -> dict[str, int]:
        """Where the next stretch comes from; the end of an epoch is the start of the next one."""
        return {"epoch": self._epoch, "position": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Make the next iteration go on where ``state`` was taken."""
        self._epoch, self._position = state["epoch"], state["position"]
        self._resume_at = self._position


@final
class EvaluationStretches:
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
        """Number of stretches."""
        return -(-self._columns.steps // self._length)

    def __iter__(self) -> Iterator[Tensor]:
        """The whole text, from its start."""
        for position in range(len(self)):
            yield self._columns.stretch(position * self._length, self._length)


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

    def stretch(self, begin: int, length: int) -> Tensor:
        """Steps ``begin`` to ``begin + length``, or to the end, after the id before them.

        Returns:
            Ids, shape (time + 1, columns): each but the last is read, each but the first is predicted.
        """
        end = min(begin + length, self.steps)
        before = self._ids[:, begin - 1 : begin] if begin else self._before
        ids = np.concatenate((before, self._ids[:, begin:end]), axis=1)  # (columns, length + 1)
        return torch.from_numpy(ids.T.astype(np.int64, order="C"))


@final
class TextStretches(pl.LightningDataModule):
    """Loaders of a text in three parts; they need no worker processes.

    Args:
        corpus: the text.
        batch_size: columns of the training text.
        length: steps of a stretch of the training text.
        evaluation_batch_size: columns of held-out text.
    """

    def __init__(self, corpus: TokenCorpus, *, batch_size: int, length: int, evaluation_batch_size: int) -> None:
        super().__init__()
        self._corpus, self._batch_size, self._length = corpus, batch_size, length
        self._evaluation_batch_size = evaluation_batch_size

    def train_dataloader(self) -> TrainingStretches:
        """The training text; resumable."""
        corpus = self._corpus
        return TrainingStretches(corpus.train, start=corpus.start, columns=self._batch_size, length=self._length)

    def val_dataloader(self) -> EvaluationStretches:
        """The validation text, once."""
        return self._held_out(self._corpus.validation)

    def test_dataloader(self) -> EvaluationStretches:
        """The test text, once."""
        return self._held_out(self._corpus.test)

    def _held_out(self, ids: Ids) -> EvaluationStretches:
        return EvaluationStretches(ids, start=self._corpus.start, columns=self._evaluation_batch_size)
