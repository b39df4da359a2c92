"""Documents of sentences of words."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Summary


@final
class HierarchicalNetwork(nn.Module):
    """A network reads the words of each sentence, another one the sentences of each document.

    Li et al. 2015 (arXiv 1506.01057) with last states, Yang et al. 2016 (Hierarchical Attention Networks) with
    attention. Every sentence is read from a state of zeros. A sentence without words is as if it were not there, and
    a document without sentences is a vector of zeros.

    Args:
        words: reads words.
        sentence: summarises what ``words`` writes: one vector for each sentence.
        sentences: reads these vectors.
        document: summarises what ``sentences`` writes.
    """

    def __init__(
        self, *, words: RecurrentNetwork, sentence: Summary, sentences: RecurrentNetwork, document: Summary
    ) -> None:
        super().__init__()
        self.words, self.sentence, self.sentences, self.document = words, sentence, sentences, document
        self.outputs = sentences.outputs

    def forward(self, inputs: Tensor, *, lengths: Tensor) -> Tensor:
        """Read a batch of documents.

        Args:
            inputs: shape (words, sentences, batch, inputs).
            lengths: number of words of each sentence, shape (sentences, batch); 0: there is no such sentence.

        Returns:
            One vector for each document, shape (batch, outputs).
        """
        # Sentences of all documents side by side: (words, sentences * batch, inputs). A loop needs a step of each, so
        # an empty one is read for one step; its summary knows the true length and is a vector of zeros.
        flat = lengths.flatten()
        written, _ = self.words(inputs.flatten(1, 2), lengths=flat.clamp(min=1), final_state=False)
        sentences = self.sentence(written, lengths=flat).view(*lengths.shape, -1)  # (sentences, batch, features)
        vectors, there = gather_sentences(sentences, lengths)
        outputs, _ = self.sentences(vectors, lengths=there.clamp(min=1), final_state=False)
        summary: Tensor = self.document(outputs, lengths=there)
        return summary


def gather_sentences(vectors: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Move a document's sentences together where some between them are empty.

    Args:
        vectors: shape (sentences, batch, features).
        lengths: number of words of each sentence, shape (sentences, batch).

    Returns:
        The vectors with those of empty sentences last, and the number of the others, shape (batch,).
    """
    order = torch.argsort((lengths == 0).long(), dim=0, stable=True).unsqueeze(2)  # the order of the others stays
    return vectors.gather(0, order.expand_as(vectors)), (lengths > 0).sum(0)
