"""From a source sentence to what a decoder begins with and looks at."""

from __future__ import annotations

from typing import NamedTuple, final

from torch import Tensor, nn

from tasks.encoder_decoder.embedding import build_embedding
from tasks.recurrent.cell import State
from tasks.recurrent.stack import RecurrentNetwork


class Encoded(NamedTuple):
    """A batch of source sentences as an encoder knows them.

    Args:
        outputs: at each word, shape (source, batch, features), zero at padding.
        finals: for each depth the state of every direction after the last word that it reads.
        lengths: number of words, shape (batch,).
    """

    outputs: Tensor
    finals: tuple[tuple[State, ...], ...]
    lengths: Tensor


@final
class Encoder(nn.Module):
    """Embedding and recurrent layers (Cho et al. 2014, arXiv 1406.1078; both directions: Bahdanau et al. 2015).

    Args:
        vocabulary: number of words of the source language.
        embedding: size of a word's embedding.
        network: the recurrent layers.
        normal: whether embeddings begin with N(0, 1).
    """

    def __init__(self, *, vocabulary: int, embedding: int, network: RecurrentNetwork, normal: bool = False) -> None:
        super().__init__()
        self.embedding = build_embedding(vocabulary, embedding, normal=normal)
        self.network = network

    def forward(self, words: Tensor, lengths: Tensor) -> Encoded:
        """Read a batch.

        Args:
            words: numbers, shape (source, batch).
            lengths: number of real words of each sentence, shape (batch,).
        """
        outputs, states = self.network(self.embedding(words), lengths=lengths)
        # States come by depth, forward before backward: those of one depth are neighbours.
        ways = 2 if self.network.forward_layers and self.network.backward_layers else 1
        finals = tuple(states[first : first + ways] for first in range(0, len(states), ways))
        return Encoded(outputs, finals, lengths)
