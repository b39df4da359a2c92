"""A tag for each word by itself."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.tagging.batches import PADDING


@final
class SoftmaxDecoder(nn.Module):
    """``p(y_t | x) = softmax(W h_t + b)``: what the tags around it are is known through h alone.

    Args:
        inputs: size of h.
        tags: number of tags.
    """

    def __init__(self, *, inputs: int, tags: int) -> None:
        super().__init__()
        self.output = nn.Linear(inputs, tags)

    def loss(self, outputs: Tensor, tags: Tensor) -> Tensor:
        """Mean negative log-likelihood of the real tokens, a scalar.

        Args:
            outputs: of the recurrent network, shape (time, batch, inputs).
            tags: shape (time, batch), :data:`~tasks.tagging.batches.PADDING` at padding.
        """
        return cross_entropy(self.output(outputs).flatten(0, 1), tags.flatten(), ignore_index=PADDING)

    def decode(self, outputs: Tensor) -> Tensor:
        """The likeliest tag of each word, shape (time, batch), from outputs of shape (time, batch, inputs)."""
        best: Tensor = self.output(outputs).argmax(2)
        return best
