"""A recurrent tagger: what each word of a sentence is, given the words around it."""

from __future__ import annotations

from typing import cast, final

from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork
from tasks.tagging.batches import TaggedBatch
from tasks.tagging.softmax import SoftmaxDecoder


@final
class Tagger(nn.Module):
    """Embedding, recurrent network, decoder (Graves and Schmidhuber 2005; for words Huang et al. 2015).

    Args:
        vocabulary: number of words.
        embedding: size of a word's embedding.
        recurrent: what reads the embeddings; its direction says which side of a word the decoder knows of.
        tags: number of tags.
    """

    def __init__(self, *, vocabulary: int, embedding: int, recurrent: RecurrentNetwork, tags: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = recurrent
        self.decoder = SoftmaxDecoder(inputs=recurrent.outputs, tags=tags)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """What the network knows at each word.

        Args:
            words: shape (time, batch); what is at padding is never read.
            lengths: number of words of each sentence, shape (batch,).

        Returns:
            Shape (time, batch, recurrent.outputs).
        """
        outputs, _ = self.recurrent(self.embedding(words), lengths=lengths, final_state=False)
        return cast("Tensor", outputs)

    def loss(self, batch: TaggedBatch) -> Tensor:
        """Mean negative log-likelihood of the batch's tags, a scalar."""
        return self.decoder.loss(self(batch.words, batch.lengths), batch.tags)

    def decode(self, batch: TaggedBatch) -> Tensor:
        """The best tags of the batch's words, shape (time, batch); what is at padding means nothing."""
        return self.decoder.decode(self(batch.words, batch.lengths))
