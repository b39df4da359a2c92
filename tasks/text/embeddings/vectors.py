"""The vectors of those words of a vocabulary that have one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, kw_only=True)
class WordVectors:
    """What the rows of an embedding begin with, read-only.

    Args:
        words: numbers of the words that have a vector, ascending, shape (found,).
        values: their vectors as the file has them, shape (found, size).
        frozen: whether the embedding is never learned, neither these rows nor the others.
    """

    words: NDArray[np.int32]
    values: NDArray[np.float32]
    frozen: bool

    @property
    def size(self) -> int:
        """Numbers of one vector."""
        return int(self.values.shape[1])
