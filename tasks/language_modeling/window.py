"""The neural language model that sees a window of words."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import Tensor, nn

from tasks.language_modeling.network import NextToken
from tasks.recurrent.cell import State
from tasks.recurrent.dropout import Dropout
from tasks.text.embeddings import WordVectors
from tasks.text.embeddings.layer import WordEmbedding

NOTHING = -1
"""Stands for a token where the text has not begun: its embedding is zero, and is not learned."""


@final
class WindowModel(NextToken):
    """``logits = b + W x + U tanh(d + H x)``, x the embeddings of the last ``order - 1`` tokens.

    Bengio, Ducharme, Vincent and Jauvin 2003, *A neural probabilistic language model*, equation 1. The matrix W of
    direct connections is optional. What is carried from step to step is the tokens of the window, so that a text is
    read in the same segments as by a recurrent network, and every token is predicted once. Against over-fitting it has
    what recurrent networks have: dropout where they have it (Zaremba et al. 2014), into the hidden layer and out of it,
    and one matrix for embedding and output.

    Args:
        vocabulary: number of tokens.
        embedding: size of a token's embedding.
        hidden: size of the hidden layer.
        order: tokens of a window, with the one that is predicted; 2 or more.
        direct: whether there is a W.
        dropout: probability that a value of x or of the hidden layer is dropped.
        tie_weights: share one matrix between embedding and output (Press and Wolf 2017, arXiv 1608.05859); needs
            embedding == hidden.
        vectors: what tokens begin with; None: as they are drawn.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        hidden: int,
        order: int,
        direct: bool,
        dropout: float = 0.0,
        tie_weights: bool = False,
        vectors: WordVectors | None = None,
    ) -> None:
        super().__init__()
        self._past = order - 2  # the token that is read is the newest of the order - 1
        self.embedding = WordEmbedding(vocabulary, embedding, vectors)
        self.hidden = nn.Linear((order - 1) * embedding, hidden)
        self.dropout = Dropout(dropout, locked=False)
        self.output = nn.Linear(hidden, vocabulary)
        if tie_weights:
            self.output.weight = self.embedding.weight
        self.direct = nn.Linear((order - 1) * embedding, vocabulary, bias=False) if direct else None

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """Nothing was read: ids of shape (batch, order - 2)."""
        nothing = torch.full((batch, self._past), NOTHING, device=self.embedding.weight.device)
        return ((nothing,),)

    def forward(self, tokens: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """See :meth:`NextToken.forward`."""
        ((past,),) = state
        text = torch.cat((past.T, tokens))  # (order - 2 + time, batch)
        embedded = self.embedding(text.clamp(min=0)) * (text != NOTHING).unsqueeze(-1)
        windows = embedded.unfold(0, self._past + 1, 1)  # (time, batch, embedding, order - 1)
        x = self.dropout(windows.transpose(2, 3).flatten(2))
        logits: Tensor = self.output(self.dropout(torch.tanh(self.hidden(x))))
        if self.direct is not None:
            logits = logits + cast("Tensor", self.direct(x))
        return logits, ((text[len(text) - self._past :].T,),)
