"""A tag for each word by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.tagging.batches import PADDING
from tasks.tagging.decoder import Decoder


@final
class SoftmaxDecoder(Decoder):
    """``p(y_t | x) = softmax(W h_t + b)``: what the tags around it are is known through h alone.

    Args:
        inputs: size of h.
        tags: the tags.
    """

    def __init__(self, *, inputs: int, tags: Sequence[str]) -> None:
        super().__init__()
        self.output = nn.Linear(inputs, len(tags))

    def loss(self, outputs: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002 - tags mark padding
        """See :meth:`Decoder.loss`."""
        return cross_entropy(self.output(outputs).flatten(0, 1), tags.flatten(), ignore_index=PADDING)

    def decode(self, outputs: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002 - each word by itself
        """The likeliest tag of each word, see :meth:`Decoder.decode`."""
        best: Tensor = self.output(outputs).argmax(2)
        return best
