"""What reads the words of a sentence: a recurrent network, or a window that sees the last ones alone."""

from __future__ import annotations

from typing import cast, final

import torch
from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork
from tasks.text.embeddings import WordVectors
from tasks.text.embeddings.layer import WordEmbedding


@final
class Window(nn.Module):
    """``h_t = tanh(d + H [x_{t-k+1}; ...; x_t])`` of the last k vectors (Bengio et al. 2003).

    There are no direct connections from the vectors to what is predicted.

    Args:
        inputs: size of a vector.
        hidden: size of h.
        words: k, one less than the n of an n-gram model.
    """

    def __init__(self, *, inputs: int, hidden: int, words: int) -> None:
        super().__init__()
        self.read = nn.Linear(words * inputs, hidden)
        self.words, self.outputs = words, hidden

    def forward(self, inputs: Tensor) -> Tensor:
        """From vectors of shape (time + words - 1, batch, inputs) to h, shape (time, batch, hidden)."""
        windows = inputs.unfold(0, self.words, 1)  # (time, batch, inputs, words)
        return torch.tanh(self.read(windows.transpose(2, 3).flatten(2)))  # each window as one vector, word after word


@final
class Encoder(nn.Module):
    """Word embeddings, and what reads them.

    Args:
        vocabulary: number of words.
        embedding: size of a word's embedding.
        network: what reads the embeddings.
        vectors: what words begin with; None: as they are drawn.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        embedding: int,
        network: RecurrentNetwork | Window,
        vectors: WordVectors | None = None,
    ) -> None:
        super().__init__()
        self.embedding = WordEmbedding(vocabulary, embedding, vectors)
        self.network = network

    @property
    def outputs(self) -> int:
        """Size of what is known at each word."""
        return self.network.outputs

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """What is known at each word.

        Args:
            words: shape (time, batch); the first is the ``<eos>`` before a sentence, and for a window that reaches
                further back all words before that are, too. What is at padding changes nothing before it.
            lengths: number of words of each sentence, shape (batch,).

        Returns:
            Shape (time, batch, outputs).
        """
        if isinstance(self.network, Window):
            # As many <eos> as the window reaches back, so that there is an output at every word.
            before = words[:1].expand(self.network.words - 1, -1)
            return cast("Tensor", self.network(self.embedding(torch.cat([before, words]))))
        outputs, _ = self.network(self.embedding(words), lengths=lengths, final_state=False)
        return cast("Tensor", outputs)
