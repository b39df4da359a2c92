"""What every kind of encoder offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from tasks.classification.batches import LabelledBatch
from tasks.recurrent.stack import RecurrentNetwork

BuildRecurrent = Callable[[int], RecurrentNetwork]
"""From the size of what they read to recurrent layers."""


class Encoder(nn.Module, ABC):
    """One vector for each sentence; what stands at padding is never seen.

    Final subclasses live in ``tasks/classification/encoders/<name>.py``, one per file, whose name is the kind's. A
    constructor takes, by keyword, what it needs of these:

    - ``embedding: int``, size of a word's embedding;
    - ``vocabulary: Vocabulary``, the words and their numbers;
    - ``recurrent: BuildRecurrent``, which builds the recurrent layers that the settings describe: such an encoder has
      all settings of recurrent layers;
    - any setting of ``network`` by its name. Those that it does not take are refused for this kind.
    """

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
        """Operations of the matrix products for a sentence of so many words; None where they depend on more."""
        return None
