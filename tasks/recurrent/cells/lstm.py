"""Long short-term memory with a forget gate and without peepholes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.kernels import fused


@final
class LSTM(Cell):
    """``c_t = f_t * c_{t-1} + i_t * g_t`` and ``h_t = o_t * tanh(c_t)`` (Hochreiter and Schmidhuber 1997; Gers 2000).

    ``i_t, f_t, o_t = sigmoid(W x_t + b + U h_{t-1})`` and ``g_t = tanh(W x_t + b + U h_{t-1})``, each with its own
    weights, stacked in the order i, f, g, o.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("i", "f", "g", "o"), parts=("h", "c"))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        h, c = state
        i, f, g, o = (read + self.recur(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Input, forget and output gate."""
        i, f, _, o = (read + self.recur(state[0])).sigmoid().chunk(4, dim=-1)
        return {"i": i, "f": f, "o": o}

    def fused(self, inputs: Tensor, state: State) -> tuple[Tensor, State] | None:
        """Torch's LSTM."""
        return fused("lstm", self, inputs, state)

    @property
    def bounded(self) -> bool:
        """A step adds at most 1 to c."""
        return True
