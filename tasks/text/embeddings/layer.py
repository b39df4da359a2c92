"""Embeddings of words as a layer."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from torch import nn

from tasks.text.embeddings.vectors import WordVectors


@final
class WordEmbedding(nn.Embedding):
    """A row for each word; those of words that have a vector begin there (Collobert and Weston 2008).

    Args:
        words: number of words.
        size: of a row.
        vectors: of some of the words, of this size; None: all rows begin as the task draws them.
    """

    def __init__(self, words: int, size: int, vectors: WordVectors | None = None) -> None:
        super().__init__(words, size)
        self._vectors = vectors
        # Frozen as a whole: rows without a vector stay as they were drawn.
        self.weight.requires_grad_(vectors is None or not vectors.frozen)

    @torch.no_grad()
    def fill_given(self) -> None:
        """Put the vectors into their rows and leave all others: see ``tasks.recurrent.initialization``."""
        if self._vectors is not None:
            rows = torch.from_numpy(self._vectors.words.astype(np.int64)).to(self.weight.device)
            self.weight[rows] = torch.from_numpy(np.array(self._vectors.values)).to(self.weight)
