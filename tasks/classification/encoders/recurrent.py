"""A recurrent network and a summary of what it writes."""

from __future__ import annotations

from typing import cast, final

from torch import Tensor

from tasks.classification.batches import LabelledBatch
from tasks.classification.encoder import BuildRecurrent, Encoder
from tasks.recurrent.operations import matrix_operations
from tasks.recurrent.summary import SummaryName, build_summary


@final
class Recurrent(Encoder):
    """Any layers in any direction, then their ends, a mean, a maximum or attention.

    Args:
        embedding: size of a word's embedding.
        recurrent: builds what reads the embeddings.
        summary: name of what makes one vector of its outputs.
    """

    def __init__(self, *, embedding: int, recurrent: BuildRecurrent, summary: SummaryName) -> None:
        super().__init__()
        self.network = recurrent(embedding)
        self.summary = build_summary(summary, self.network)
        self.outputs = self.network.outputs

    def forward(self, vectors: Tensor, batch: LabelledBatch) -> Tensor:
        """See :meth:`Encoder.forward`."""
        outputs, _ = self.network(vectors, lengths=batch.lengths, final_state=False)
        return cast("Tensor", self.summary(outputs, lengths=batch.lengths))

    def operations(self, words: float) -> float:
        """Every matrix is used once per word."""
        return words * matrix_operations(self)
