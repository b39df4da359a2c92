"""What turns the knowledge of a network into tags: how they are learned, and how the best ones are found."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """A distribution over the tags of a sentence, given what a network knows at each word.

    Final subclasses live in ``tasks/tagging/decoders/<name>.py``, one per file. A constructor takes, by keyword,
    ``inputs: int`` (size of what is known at a word) and ``tags: Sequence[str]`` (the tags' names in the order of
    their numbers), and beyond these whatever it calls options: settings of ``network`` of the same name.
    """

    @abstractmethod
    def loss(self, outputs: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """Mean negative log-likelihood per real token, a scalar.

        Args:
            outputs: of the recurrent network, shape (time, batch, inputs).
            tags: shape (time, batch), :data:`~tasks.tagging.batches.PADDING` at padding.
            lengths: number of real steps, shape (batch,).
        """

    @abstractmethod
    def decode(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """The best tags, shape (time, batch); what is at padding means nothing.

        Args:
            outputs: shape (time, batch, inputs).
            lengths: shape (batch,).
        """
