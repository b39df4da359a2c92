"""Networks that predict the next token; the recurrent one, given all that came before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from torch import Tensor, nn

from tasks.recurrent.cell import State
from tasks.recurrent.stack import RecurrentNetwork
from tasks.text.embeddings import WordVectors
from tasks.text.embeddings.layer import WordEmbedding


class NextToken(nn.Module, ABC):
    """A network that scores the next token at every step, and carries a state from segment to segment of a text."""

    @abstractmethod
    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state before the first token; parts of shape (batch, size)."""

    @abstractmethod
    def forward(self, tokens: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Score the next token at every step.

        Args:
            tokens: ids, shape (time, batch).
            state: what the steps before left.

        Returns:
            Logits of the following token, shape (time, batch, vocabulary), and the state after the last step.
        """

    def step(self, tokens: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """See :class:`~tasks.decoding.decoding.Step`."""
        logits, state = self(tokens.unsqueeze(0), state)
        return logits[0].log_softmax(1), state


@final
class LanguageModel(NextToken):
    """Embedding, recurrent stack, and a linear layer to one logit per token of the vocabulary (Mikolov et al. 2010).

    Args:
        vocabulary: number of tokens.
        embedding: size of a token's embedding.
        recurrent: what reads the embeddings, in the order of the text alone.
        tie_weights: share one matrix between embedding and output (Press and Wolf 2017, arXiv 1608.05859);
            needs embedding == recurrent.outputs.
        vectors: what tokens begin with; None: as they are drawn.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        recurrent: RecurrentNetwork,
        tie_weights: bool,
        vectors: WordVectors | None = None,
    ) -> None:
        super().__init__()
        self.embedding = WordEmbedding(vocabulary, embedding, vectors)
        self.recurrent = recurrent
        self.output = nn.Linear(recurrent.outputs, vocabulary)
        if tie_weights:
            self.output.weight = self.embedding.weight

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state before the first token, one per layer, each part of shape (batch, hidden)."""
        return self.recurrent.initial_state(batch)

    def forward(self, tokens: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """See :meth:`NextToken.forward`."""
        outputs, state = self.recurrent(self.embedding(tokens), state)
        return self.output(outputs), state
