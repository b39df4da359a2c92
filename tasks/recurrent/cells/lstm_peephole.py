"""Long short-term memory whose gates see the cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State


@final
class PeepholeLSTM(Cell):
    """``c_t = f_t * c_{t-1} + i_t * g_t`` and ``h_t = o_t * tanh(c_t)`` (Graves 2013, arXiv 1308.0850, eq. 7 to 11).

    ``i_t, f_t = sigmoid(W x_t + b + U h_{t-1} + p * c_{t-1})`` and ``g_t = tanh(W x_t + b + U h_{t-1})``, while
    ``o_t = sigmoid(W x_t + b + U h_{t-1} + p * c_t)`` sees the new cell; each with its own weights, stacked in the
    order i, f, g, o. The peepholes p are vectors, one value per unit (Gers and Schmidhuber 2000): a matrix would be
    another cell.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("i", "f", "g", "o"), parts=("h", "c"))
        self.peephole_i = nn.Parameter(torch.zeros(hidden))
        self.peephole_f = nn.Parameter(torch.zeros(hidden))
        self.peephole_o = nn.Parameter(torch.zeros(hidden))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        o, c = self._gates(read, state)[2:]
        return o * torch.tanh(c), c

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Input, forget and output gate."""
        i, f, o, _ = self._gates(read, state)
        return {"i": i, "f": f, "o": o}

    def _gates(self, read: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """I, f, o and the new c, without which o is not known."""
        h, c = state
        i, f, g, o = (read + self.recur(h)).chunk(4, dim=-1)
        i, f = torch.sigmoid(i + self.peephole_i * c), torch.sigmoid(f + self.peephole_f * c)  # the old c
        c = f * c + i * torch.tanh(g)
        return i, f, torch.sigmoid(o + self.peephole_o * c), c  # the new c

    @property
    def bounded(self) -> bool:
        """A step adds at most 1 to c."""
        return True
