"""A vector for each word from its characters alone, so that a word that training never saw has one too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, Literal, final

import torch
from torch import Tensor, nn

from tasks.recurrent.operations import matrix_operations
from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Ends
from tasks.tagging.spelling import Letters

CharacterName = Literal["lstm", "convolution"]


class CharacterNetwork(nn.Module, ABC):
    """Reads the characters of words.

    Args:
        characters: how many there are.
        embedding: size of a character's embedding.
        outputs: size of a word's vector.
    """

    def __init__(self, *, characters: int, embedding: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding)
        self.outputs = outputs

    @abstractmethod
    def read(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Vectors of words, shape (words, outputs).

        Args:
            embedded: their characters, shape (longest, words, embedding); what is at padding is never seen.
            lengths: number of characters of each, at least 1, shape (words,).
        """

    @abstractmethod
    def operations(self) -> int:
        """Operations of the matrix products for one character, a multiply and an add as two."""

    def forward(self, letters: Letters) -> Tensor:
        """A vector for each place of a batch, shape (time, batch, outputs)."""
        vectors = self.read(self.embedding(letters.characters), letters.lengths)
        return vectors[letters.places]  # from distinct words to where they stand


@final
class LstmCharacters(CharacterNetwork):
    """Where an LSTM in each direction ends, side by side (Ling et al. 2015, arXiv 1508.02096; Lample et al. 2016).

    Args:
        characters: how many there are.
        embedding: size of a character's embedding.
        hidden: size of each LSTM.
    """

    def __init__(self, *, characters: int, embedding: int, hidden: int) -> None:
        super().__init__(characters=characters, embedding=embedding, outputs=2 * hidden)
        self.recurrent = RecurrentNetwork(cell="lstm", inputs=embedding, hidden=hidden, direction="bidirectional")
        self.ends = Ends(self.recurrent.ways)

    def read(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """See :meth:`CharacterNetwork.read`."""
        outputs, _ = self.recurrent(embedded, lengths=lengths, final_state=False)
        vectors: Tensor = self.ends(outputs, lengths=lengths)
        return vectors

    def operations(self) -> int:
        """See :meth:`CharacterNetwork.operations`."""
        return matrix_operations(self.recurrent)


@final
class ConvolutionCharacters(CharacterNetwork):
    """The largest answer of each filter to any three neighbouring characters (Ma and Hovy 2016, arXiv 1603.01354).

    Words begin and end with a character of zeros.

    Args:
        characters: how many there are.
        embedding: size of a character's embedding.
        hidden: number of filters.
    """

    WIDTH: Final = 3

    def __init__(self, *, characters: int, embedding: int, hidden: int) -> None:
        super().__init__(characters=characters, embedding=embedding, outputs=hidden)
        self.filters = nn.Conv1d(embedding, hidden, self.WIDTH, padding=self.WIDTH // 2)

    def read(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """See :meth:`CharacterNetwork.read`."""
        padding = torch.arange(len(embedded), device=lengths.device).unsqueeze(1) >= lengths  # (longest, words)
        # A filter at a word's last character sees the place behind it: zeros, not the embedding of padding.
        clean = embedded.masked_fill(padding.unsqueeze(2), 0.0)
        answers = self.filters(clean.permute(1, 2, 0)).permute(2, 0, 1)  # (longest, words, hidden)
        return torch.amax(answers.masked_fill(padding.unsqueeze(2), -torch.inf), 0)

    def operations(self) -> int:
        """See :meth:`CharacterNetwork.operations`."""
        return 2 * self.filters.weight.numel()


CHARACTERS: Final[Mapping[CharacterName, type[LstmCharacters] | type[ConvolutionCharacters]]] = {
    "lstm": LstmCharacters,
    "convolution": ConvolutionCharacters,
}
