"""Long short-term memory whose input gate is what the forget gate leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State


@final
class CoupledLSTM(Cell):
    """``c_t = f_t * c_{t-1} + (1 - f_t) * g_t`` and ``h_t = o_t * tanh(c_t)`` (CIFG of Greff et al. 2017, section 3).

    ``f_t, o_t = sigmoid(W x_t + b + U h_{t-1})`` and ``g_t = tanh(W x_t + b + U h_{t-1})``, each with its own weights,
    stacked in the order f, g, o (arXiv 1503.04069). Theirs has peepholes, this one has none.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("f", "g", "o"), parts=("h", "c"))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        h, c = state
        f, g, o = (read + self.recur(h)).chunk(3, dim=-1)
        f, g, o = torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + (1 - f) * g
        return o * torch.tanh(c), c

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Forget and output gate, and the input gate that follows from the first."""
        f, _, o = torch.sigmoid(read + self.recur(state[0])).chunk(3, dim=-1)
        return {"i": 1 - f, "f": f, "o": o}

    @property
    def bounded(self) -> bool:
        """C is a mean of values in [-1, 1] and of its own start."""
        return True
