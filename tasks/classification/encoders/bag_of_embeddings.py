"""Words without their order."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from tasks.classification.batches import LabelledBatch
from tasks.classification.encoder import Encoder


@final
class BagOfEmbeddings(Encoder):
    """``relu(W mean(x_1, ..., x_n) + b)``: the deep averaging network of Iyyer et al. 2015 with one hidden layer.

    Args:
        embedding: size of a word's embedding.
        hidden: size of the hidden layer.
    """

    def __init__(self, *, embedding: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(embedding, hidden)
        self.outputs = hidden

    def forward(self, vectors: Tensor, batch: LabelledBatch) -> Tensor:
        """See :meth:`Encoder.forward`."""
        real = torch.arange(len(vectors), device=vectors.device).unsqueeze(1) < batch.lengths  # (time, batch)
        total = torch.where(real.unsqueeze(2), vectors, 0.0).sum(0)  # (batch, embedding)
        hidden: Tensor = self.hidden(total / batch.lengths.unsqueeze(1)).relu()
        return hidden

    def operations(self, words: float) -> float:  # noqa: ARG002
        """The hidden layer is used once per sentence."""
        return 2 * self.hidden.weight.numel()
