"""A recurrent tagger: what each word of a sentence is, given the words around it."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork
from tasks.tagging.batches import TaggedBatch
from tasks.tagging.characters import CharacterNetwork
from tasks.tagging.decoder import Decoder
from tasks.tagging.spelling import Letters
from tasks.text.embeddings import WordVectors
from tasks.text.embeddings.layer import WordEmbedding


@final
class Tagger(nn.Module):
    """Embedding, recurrent network, decoder (Graves and Schmidhuber 2005; for words Huang et al. 2015).

    Args:
        vocabulary: number of words.
        embedding: size of a word's embedding.
        recurrent: what reads the embeddings; its direction says which side of a word the decoder depends on.
        decoder: what turns its outputs into tags.
        characters: what reads the spelling of words; its vectors stand behind the embeddings. None: nothing does.
        unknown: number of ``<unk>``.
        word_dropout: probability that a training word is read as ``<unk>``, with its spelling as it is (Lample et al.
            2016, section 4.3, drop the joined vector; Kiperwasser and Goldberg 2016, arXiv 1603.04351, drop words).
        vectors: what words begin with; None: as they are drawn.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        recurrent: RecurrentNetwork,
        decoder: Decoder,
        characters: CharacterNetwork | None = None,
        unknown: int | None = None,
        word_dropout: float = 0.0,
        vectors: WordVectors | None = None,
    ) -> None:
        super().__init__()
        self.embedding = WordEmbedding(vocabulary, embedding, vectors)
        self.characters = characters
        self.recurrent = recurrent
        self.decoder = decoder
        self._unknown, self._word_dropout = unknown, word_dropout

    def forward(self, words: Tensor, lengths: Tensor, letters: Letters | None = None) -> Tensor:
        """What the network knows at each word.

        Args:
            words: shape (time, batch); what is at padding is never read.
            lengths: number of words of each sentence, shape (batch,).
            letters: how the words are written; needed where there is a network over characters.

        Returns:
            Shape (time, batch, recurrent.outputs).
        """
        read = self.embedding(self._drop(words))
        if self.characters is not None:
            read = torch.cat([read, self.characters(letters)], dim=2)
        outputs, _ = self.recurrent(read, lengths=lengths, final_state=False)
        return cast("Tensor", outputs)

    def loss(self, batch: TaggedBatch) -> Tensor:
        """Mean negative log-likelihood of the batch's tags per token, a scalar."""
        return self.decoder.loss(self(batch.words, batch.lengths, batch.letters), batch.tags, batch.lengths)

    def decode(self, batch: TaggedBatch) -> Tensor:
        """The best tags of the batch's words, shape (time, batch); what is at padding means nothing."""
        return self.decoder.decode(self(batch.words, batch.lengths, batch.letters), batch.lengths)

    def _drop(self, words: Tensor) -> Tensor:
        # Without dropout nothing is drawn, so that a rate of 0 leaves all other random numbers as they are.
        if not self.training or self._word_dropout == 0 or self._unknown is None:
            return words
        return words.masked_fill(torch.rand(words.shape, device=words.device) < self._word_dropout, self._unknown)
