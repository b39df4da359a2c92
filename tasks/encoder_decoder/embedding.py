"""Embeddings that begin as large as torch's own."""

from __future__ import annotations

import math
from typing import Final, final

import torch
from torch import nn

_LARGEST: Final = 1 - 1e-6
"""Of a uniform value in [-1, 1): beyond it the normal one is farther out than 4.9."""


@final
class NormalEmbedding(nn.Embedding):
    """Begins with N(0, 1), as ``torch.nn.Embedding`` does; see :class:`~tasks.recurrent.initialization.GivenWeights`.

    The values are quantiles of those that all weights are drawn from, U(-1/sqrt(n), 1/sqrt(n)) for embeddings of size
    n, and so a function of seed, name and shape like them.
    """

    @torch.no_grad()
    def fill_given(self) -> None:
        """Make normal values of uniform ones."""
        uniform = (self.weight * math.sqrt(self.embedding_dim)).clamp(-_LARGEST, _LARGEST)
        self.weight.copy_(uniform.erfinv() * math.sqrt(2))


def build_embedding(vocabulary: int, size: int, *, normal: bool) -> nn.Embedding:
    """A table of embeddings."""
    return NormalEmbedding(vocabulary, size) if normal else nn.Embedding(vocabulary, size)
