"""The minimal gated unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State


@final
class MinimalGated(Cell):
    """``h_t = (1 - u_t) * h_{t-1} + u_t * n_t`` (Zhou et al. 2016, arXiv 1603.09420): a GRU whose two gates are one.

    ``u_t = sigmoid(W x_t + b + U h_{t-1})`` and ``n_t = tanh(W x_t + b + U (u_t * h_{t-1}))``, each with its own
    weights, stacked in the order u, n. The paper writes f for u and calls it a forget gate, though u = 1 is what
    forgets: under that name the setting of forget biases would make it forget.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("u", "n"))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        (h,) = state
        u = self._update(read, h)
        n = torch.tanh(read[..., self.hidden :] + self.recurrence(u * h, "n"))
        return ((1 - u) * h + u * n,)

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """The gate."""
        return {"u": self._update(read, state[0])}

    def _update(self, read: Tensor, h: Tensor) -> Tensor:
        return torch.sigmoid(read[..., : self.hidden] + self.recurrence(h, "u"))

    @property
    def bounded(self) -> bool:
        """H is a mean of values in [-1, 1] and of its own start."""
        return True
