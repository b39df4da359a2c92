"""A classifier of sentences."""

from __future__ import annotations

from typing import Final, cast, final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tasks.classification.batches import LabelledBatch
from tasks.classification.encoder import Encoder
from tasks.text.embeddings import WordVectors
from tasks.text.embeddings.layer import WordEmbedding

TWO_LABELS: Final = 2
"""Labels that one logit is enough for."""


@final
class Classifier(nn.Module):
    """Embedding, encoder, output layer.

    With two labels the output is one number z and ``p(second label) = sigmoid(z)``; with more, one number for each and
    ``p = softmax(z)``.

    Args:
        vocabulary: number of words.
        embedding: size of a word's embedding.
        encoder: makes one vector of a sentence.
        labels: number of labels, at least 2.
        dropout: of that vector, while training.
        row_norm: largest L2 norm of the output layer's weights of one label; None: any.
        vectors: what words begin with; None: as they are drawn.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        encoder: Encoder,
        labels: int,
        dropout: float,
        row_norm: float | None,
        vectors: WordVectors | None = None,
    ) -> None:
        super().__init__()
        self.embedding = WordEmbedding(vocabulary, embedding, vectors)
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.outputs, 1 if labels == TWO_LABELS else labels)
        self._row_norm = row_norm

    def forward(self, batch: LabelledBatch) -> Tensor:
        """Logits: shape (batch, labels), or (batch, 1) of the second one of two labels."""
        vectors = self.encoder(self.embedding(batch.words), batch)
        return cast("Tensor", self.output(self.dropout(vectors)))

    def loss(self, batch: LabelledBatch) -> Tensor:
        """Mean negative log-likelihood of the sentences' labels, a scalar."""
        logits = self(batch)
        if logits.shape[1] == 1:
            return binary_cross_entropy_with_logits(logits.squeeze(1), batch.labels.to(logits.dtype))
        return cross_entropy(logits, batch.labels)

    def decode(self, batch: LabelledBatch) -> Tensor:
        """The likeliest label of each sentence, shape (batch,)."""
        return self.choose(self(batch))

    @staticmethod
    def choose(logits: Tensor) -> Tensor:
        """The likeliest label of each sentence, shape (batch,), of what :meth:`forward` gave."""
        if logits.shape[1] == 1:
            return (logits.squeeze(1) > 0).long()
        return logits.argmax(1)

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        """Probability of each label, shape (batch, labels), of what :meth:`forward` gave; in float64."""
        logits = logits.double()
        if logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits.softmax(1)

    @torch.no_grad()
    def constrain(self) -> None:
        """Scale down the output layer's rows that are longer than allowed (Hinton et al. 2012; Kim 2014)."""
        if self._row_norm is not None:
            weight = self.output.weight
            weight.copy_(torch.renorm(weight, p=2, dim=0, maxnorm=self._row_norm))  # dim 0: each label's row by itself

    def operations(self, words: float) -> int | None:
        """Operations of the matrix products per word, for sentences of so many words on average."""
        encoder = self.encoder.operations(words)
        return None if encoder is None else round((encoder + 2 * self.output.weight.numel()) / words)
