"""The two ways to learn agreement: to be asked for numbers, or to be asked for words (Linzen et al. 2016)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, final

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tasks.agreement.batches import PADDING, BatchT, Prefixes, Sentences
from tasks.agreement.encoder import Encoder, Window
from tasks.recurrent.summary import Last, build_summary


class AgreementNetwork(nn.Module, ABC, Generic[BatchT]):
    """Learns from batches of one kind, and predicts the number of the verb that comes next.

    Args:
        reader: what reads the words.
        answers: size of what is answered after the last word.
    """

    def __init__(self, reader: Encoder, *, answers: int) -> None:
        super().__init__()
        self.reader = reader
        self.output = nn.Linear(reader.outputs, answers)

    @abstractmethod
    def loss(self, batch: BatchT) -> Tensor:
        """What is made small, a scalar."""

    @abstractmethod
    def predicts_plural(self, batch: Prefixes) -> Tensor:
        """Whether the next word is taken for a plural verb, shape (batch,)."""


@final
class NumberPredictor(AgreementNetwork[Prefixes]):
    """``p(plural | words before the verb) = sigmoid(w h + b)``; h is what is known after the last word.

    A backward layer reads the same words from the last to the first, and h is then where it ends.

    Args:
        reader: what reads the words.
    """

    def __init__(self, reader: Encoder) -> None:
        super().__init__(reader, answers=1)
        self.summary = Last() if isinstance(reader.network, Window) else build_summary("ends", reader.network)

    def forward(self, batch: Prefixes) -> Tensor:
        """Logits of plural, shape (batch,)."""
        known = self.summary(self.reader(batch.words, batch.lengths), lengths=batch.lengths)  # (batch, outputs)
        logits: Tensor = self.output(known).squeeze(1)
        return logits

    def loss(self, batch: Prefixes) -> Tensor:
        """Mean negative log-likelihood of the numbers of a batch."""
        logits = self(batch)
        return binary_cross_entropy_with_logits(logits, batch.plural.to(logits.dtype))

    def predicts_plural(self, batch: Prefixes) -> Tensor:
        """See :meth:`AgreementNetwork.predicts_plural`."""
        plural: Tensor = self(batch) > 0
        return plural


@final
class LanguageModel(AgreementNetwork[Sentences]):
    """``p(next word | words before) = softmax(W h + b)``; the likelier of a verb's two forms gives its number.

    Args:
        reader: what reads the words, from the first to the last.
        vocabulary: number of words.
    """

    def __init__(self, reader: Encoder, *, vocabulary: int) -> None:
        super().__init__(reader, answers=vocabulary)
        self.last = Last()

    def loss(self, batch: Sentences) -> Tensor:
        """Mean negative log-likelihood of the words of a batch, ``<eos>`` after each sentence included."""
        logits = self.output(self.reader(batch.words, batch.lengths))
        return cross_entropy(logits.flatten(0, 1), batch.following.flatten(), ignore_index=PADDING)

    def predicts_plural(self, batch: Prefixes) -> Tensor:
        """Whether the plural form is likelier; two logits suffice, for the softmax divides both by the same."""
        known = self.last(self.reader(batch.words, batch.lengths), lengths=batch.lengths)
        weights, biases = self.output.weight[batch.forms], self.output.bias[batch.forms]  # (batch, 2, outputs), (.., 2)
        logits = (weights @ known.unsqueeze(2)).squeeze(2) + biases
        plural: Tensor = logits[:, 1] > logits[:, 0]
        return plural
