"""The recurrent network of rectified units that begins by remembering."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, Kernel, State


@final
class IRNN(Cell):
    """``h_t = relu(W x_t + b + U h_{t-1})`` that begins with U = identity and b = 0 (Le et al. 2015, arXiv 1504.00941).

    The function is that of ``elman`` with ``activation: relu``; how it begins is the paper's point, so settings that
    let U begin otherwise are refused. W is drawn as they say: the paper's is small, N(0, 0.001).
    """

    recurrent_initialization = "identity"
    initial_values = {"read.bias": 0.0}  # noqa: RUF012 (declared by Cell)

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("h",))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        (h,) = state
        return (torch.relu(read + self.recur(h)),)

    def kernel(self) -> Kernel | None:
        """Torch's network of rectified units."""
        return Kernel("rnn_relu")
