"""Long short-term memory as some slides print it: the cell is squashed at every step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State


@final
class SquashedCellLSTM(Cell):
    """``c_t = tanh(f_t * c_{t-1} + i_t * g_t)`` and ``h_t = o_t * c_t``: a mistake of lecture slides, of no paper.

    ``i_t, f_t, o_t = sigmoid(W x_t + b + U h_{t-1})`` and ``g_t = tanh(W x_t + b + U h_{t-1})``, each with its own
    weights, stacked in the order i, f, g, o. Along c a gradient is multiplied with ``f_t * (1 - c_t**2)`` at each step
    where in ``lstm`` it is with f_t: what the cell was made for is lost. It is here so that a study can show the price.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("i", "f", "g", "o"), parts=("h", "c"))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        h, c = state
        i, f, g, o = (read + self.recur(h)).chunk(4, dim=-1)
        c = torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
        return torch.sigmoid(o) * c, c

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Input, forget and output gate."""
        i, f, _, o = torch.sigmoid(read + self.recur(state[0])).chunk(4, dim=-1)
        return {"i": i, "f": f, "o": o}

    @property
    def bounded(self) -> bool:
        """All within [-1, 1]."""
        return True
