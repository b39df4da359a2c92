"""Windows of neighbouring words, each looked at by many filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

import torch
from torch import Tensor, nn

from tasks.classification.batches import LabelledBatch
from tasks.classification.encoder import Encoder


@final
class Convolution(Encoder):
    """``max over i of relu(w . x_{i:i+n-1} + b)`` for each filter w of n words: Kim 2014 (arXiv 1408.5882, section 2).

    A sentence has n - 1 zero vectors on either side, on purpose, so that a window of n words fits into one of any
    length and sees every word at each of its places. Windows that lie beyond that, which a batch has where another
    sentence is longer, are no part of the maximum.

    Args:
        embedding: size of a word's embedding.
        windows: numbers of words that filters look at.
        hidden: filters of each window, called maps.
    """

    def __init__(self, *, embedding: int, windows: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.windows = nn.ModuleList(nn.Conv1d(embedding, hidden, width, padding=width - 1) for width in windows)
        self.outputs = hidden * len(windows)

    def forward(self, vectors: Tensor, batch: LabelledBatch) -> Tensor:
        """See :meth:`Encoder.forward`."""
        real = torch.arange(len(vectors), device=vectors.device) < batch.lengths.unsqueeze(1)  # (batch, time)
        words = torch.where(real.unsqueeze(1), vectors.permute(1, 2, 0), 0.0)  # (batch, embedding, time)
        return torch.cat([_strongest(cast("nn.Conv1d", window), words, batch.lengths) for window in self.windows], 1)

    def operations(self, words: float) -> float:
        """A filter of n words is used at words + n - 1 places."""
        weights = [cast("nn.Conv1d", window).weight for window in self.windows]
        return sum(2 * weight.numel() * (words + weight.shape[2] - 1) for weight in weights)


def _strongest(window: nn.Conv1d, words: Tensor, lengths: Tensor) -> Tensor:
    """Each filter's largest value over the windows that a sentence has, shape (batch, maps)."""
    found = window(words).relu()  # (batch, maps, time + n - 1)
    places = torch.arange(found.shape[2], device=found.device)
    own = places < (lengths + window.kernel_size[0] - 1).unsqueeze(1)
    strongest: Tensor = found.masked_fill(~own.unsqueeze(1), -torch.inf).amax(2)
    return strongest
