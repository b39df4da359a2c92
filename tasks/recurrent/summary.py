"""One vector for a whole sequence. What is at padding is never seen, and an empty sequence is a vector of zeros."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, final

import torch
from torch import Tensor, nn

from tasks.recurrent.layer import Way
from tasks.recurrent.stack import RecurrentNetwork

SummaryName = Literal["last", "ends", "mean", "max", "attention"]


class Summary(nn.Module, ABC):
    """From the outputs of a recurrent network to one vector of the same size for each sequence."""

    @abstractmethod
    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """Vectors of shape (batch, features).

        Args:
            outputs: shape (time, batch, features), zero at padding.
            real: what is no padding, shape (time, batch, 1).
        """

    def forward(self, outputs: Tensor, *, lengths: Tensor | None = None) -> Tensor:
        """Summarise a batch of sequences.

        Args:
            outputs: shape (time, batch, features).
            lengths: number of real steps of each sequence, shape (batch,), perhaps 0; None: all are real.

        Returns:
            Shape (batch, features).
        """
        steps = torch.arange(len(outputs), device=outputs.device).unsqueeze(1)
        until = steps.new_full(outputs.shape[1:2], len(outputs)) if lengths is None else lengths
        real = (steps < until).unsqueeze(2)
        return self.summarise(torch.where(real, outputs, 0.0), real)


@final
class Last(Summary):
    """The output at the last real step. Of a backward layer this is what it wrote after a single step."""

    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """See :meth:`Summary.summarise`."""
        last = (real.sum(0, keepdim=True) - 1).clamp(min=0)  # an empty sequence reads step 0, which is zero
        return outputs.gather(0, last.expand(1, *outputs.shape[1:])).squeeze(0)


@final
class Ends(Summary):
    """Each direction's output at the step that it reads last: the last real step, or the first one.

    Args:
        ways: the direction of each part of the outputs, all of one size, as in :attr:`RecurrentNetwork.ways`.
    """

    def __init__(self, ways: Sequence[Way]) -> None:
        super().__init__()
        self._ways, self._last = tuple(ways), Last()

    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """See :meth:`Summary.summarise`."""
        last = self._last.summarise(outputs, real).chunk(len(self._ways), dim=1)
        first = outputs[0].chunk(len(self._ways), dim=1)  # where a backward layer ends, whatever the length
        return torch.cat([last[i] if way == "forward" else first[i] for i, way in enumerate(self._ways)], dim=1)


@final
class Mean(Summary):
    """The mean over the real steps."""

    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """See :meth:`Summary.summarise`."""
        return outputs.sum(0) / real.sum(0).clamp(min=1)


@final
class Max(Summary):
    """The largest value of each feature over the real steps (Collobert and Weston 2008)."""

    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """See :meth:`Summary.summarise`."""
        lowest = torch.finfo(outputs.dtype).min
        return torch.where(real.any(0), outputs.masked_fill(~real, lowest).amax(0), 0.0)


@final
class Attention(Summary):
    """``sum_t a_t h_t`` with ``a = softmax(q tanh(W h_t + b))`` over the real steps and a learned query q.

    Yang et al. 2016, Hierarchical Attention Networks, equations 5 to 7.

    Args:
        features: size of the outputs, and of q.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, features)
        self.query = nn.Parameter(torch.zeros(features))

    def summarise(self, outputs: Tensor, real: Tensor) -> Tensor:
        """See :meth:`Summary.summarise`."""
        return (self.weights(outputs, real) * outputs).sum(0)

    def weights(self, outputs: Tensor, real: Tensor) -> Tensor:
        """The weight a of each step, shape (time, batch, 1): zero at padding, of sum 1 unless there is no real step."""
        # The smallest number and not -inf: a softmax over nothing else, of an empty sequence, would be NaN.
        scores = (torch.tanh(self.hidden(outputs)) @ self.query).unsqueeze(2)
        return scores.masked_fill(~real, torch.finfo(scores.dtype).min).softmax(0) * real


_BUILDERS: Mapping[SummaryName, Callable[[RecurrentNetwork], Summary]] = {
    "last": lambda _: Last(),
    "ends": lambda network: Ends(network.ways),
    "mean": lambda _: Mean(),
    "max": lambda _: Max(),
    "attention": lambda network: Attention(network.outputs),
}


def build_summary(name: SummaryName, network: RecurrentNetwork) -> Summary:
    """The summary of this name of what the network writes."""
    return _BUILDERS[name](network)
