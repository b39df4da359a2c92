"""Documents: a network over the words of each sentence, another one over the sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

import torch
from torch import Tensor

from tasks.classification.batches import LabelledBatch
from tasks.classification.encoder import BuildRecurrent, Encoder
from tasks.recurrent.hierarchy import HierarchicalNetwork
from tasks.recurrent.summary import SummaryName, build_summary
from tasks.text import Vocabulary


@final
class Hierarchical(Encoder):
    """Cuts a text after the words that end sentences and reads it by :class:`HierarchicalNetwork`.

    Args:
        embedding: size of a word's embedding.
        vocabulary: the words and their numbers.
        recurrent: builds the layers that read the words of a sentence, and those that read the sentences.
        summary: name of what makes one vector of their outputs, of either.
        sentence_ends: words that end a sentence; the text's last word always ends one.
    """

    ends: Tensor

    def __init__(
        self,
        *,
        embedding: int,
        vocabulary: Vocabulary,
        recurrent: BuildRecurrent,
        summary: SummaryName,
        sentence_ends: Sequence[str],
    ) -> None:
        super().__init__()
        words = recurrent(embedding)
        sentences = recurrent(words.outputs)
        self.network = HierarchicalNetwork(
            words=words,
            sentence=build_summary(summary, words),
            sentences=sentences,
            document=build_summary(summary, sentences),
        )
        self.outputs = self.network.outputs
        ends = [vocabulary.number(word) for word in sentence_ends if word in vocabulary]
        self.register_buffer("ends", torch.tensor(ends, dtype=torch.int64), persistent=False)

    def forward(self, vectors: Tensor, batch: LabelledBatch) -> Tensor:
        """See :meth:`Encoder.forward`."""
        sentences, lengths = cut(vectors, torch.isin(batch.words, self.ends), batch.lengths)
        return cast("Tensor", self.network(sentences, lengths=lengths))


def cut(vectors: Tensor, ends: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Lay the sentences of documents side by side.

    Args:
        vectors: of the words, shape (time, batch, features).
        ends: whether a word ends a sentence, shape (time, batch); what is at padding is never seen.
        lengths: number of words of each document, shape (batch,).

    Returns:
        The vectors by place in the sentence, sentence and document, shape (words, sentences, batch, features), zero
        where there is no word; and the number of words of each sentence, shape (sentences, batch).
    """
    steps = torch.arange(len(ends), device=ends.device).unsqueeze(1)
    real = steps < lengths
    begins = torch.cat([torch.ones_like(ends[:1]), ends[:-1]])  # whether a word is its sentence's first
    sentence = begins.long().cumsum(0) - 1  # number of the sentence that a word is in
    place = steps - torch.where(begins, steps, 0).cummax(0).values  # steps since that sentence began
    document = torch.arange(ends.shape[1], device=ends.device).expand_as(ends)
    where = (place[real], sentence[real], document[real])  # of every real word, its cell of the grid
    grid = vectors.new_zeros(int(where[0].max()) + 1, int(where[1].max()) + 1, ends.shape[1], vectors.shape[2])
    # A one for every real word, added up by sentence and document.
    found = lengths.new_zeros(grid.shape[1:3]).index_put(where[1:], lengths.new_ones(()), accumulate=True)
    return grid.index_put(where, vectors[real]), found
