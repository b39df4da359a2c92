"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State


@final
class GRU(Cell):
    """``h_t = z_t * h_{t-1} + (1 - z_t) * n_t`` (Cho et al. 2014, arXiv 1406.1078, third version, equations 5 to 8).

    ``r_t, z_t = sigmoid(W x_t + b + U h_{t-1})`` and ``n_t = tanh(W x_t + b + U (r_t * h_{t-1}))``, each with its own
    weights, stacked in the order r, z, n. cuDNN and torch compute another function, ``gru_reset_after``. Chung et al.
    2014 swap the roles of z and 1 - z; here z = 1 remembers.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("r", "z", "n"))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        (h,) = state
        r, z = self._gates(read, h)
        # r acts on h before the product with U, so this product cannot be one with that of the gates.
        n = torch.tanh(read[..., 2 * self.hidden :] + self.recurrence(r * h, "n"))
        return (z * h + (1 - z) * n,)

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Reset and update gate."""
        r, z = self._gates(read, state[0])
        return {"r": r, "z": z}

    def _gates(self, read: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        return torch.sigmoid(read[..., : 2 * self.hidden] + self.recurrence(h, "r", "z")).chunk(2, dim=-1)

    @property
    def bounded(self) -> bool:
        """H is a mean of values in [-1, 1] and of its own start."""
        return True
