"""What every kind of encoder offers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from tasks.classification.batches import LabelledBatch


class Encoder(nn.Module, ABC):
    """One vector for each sentence; what stands at padding is never seen."""

    outputs: int
    """Size of the vector."""

    @abstractmethod
    def forward(self, vectors: Tensor, batch: LabelledBatch) -> Tensor:
        """Read a batch of sentences.

        Args:
            vectors: embeddings of the batch's words, shape (time, batch, embedding).
            batch: the sentences.

        Returns:
            Shape (batch, outputs).
        """

    def operations(self, words: float) -> float | None:  # noqa: ARG002
        """Operations of the matrix products for a sentence of so many words; None where that says too little."""
        return None
