"""The gated recurrent unit, in the variant of cuDNN and torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, Kernel, State


@final
class GRUResetAfter(Cell):
    """``h_t = z_t * h_{t-1} + (1 - z_t) * n_t``, the reset gate acting after the recurrent product.

    ``r_t, z_t = sigmoid(W x_t + b + U h_{t-1})`` and ``n_t = tanh(W x_t + b + r_t * (U h_{t-1} + d))``, each with its
    own weights, stacked in the order r, z, n (Cho et al. 2014, arXiv 1406.1078, first version). The bias d, of n alone,
    is the one weight vector that this variant has beyond ``gru``. Chung et al. 2014 swap the roles of z and 1 - z.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("r", "z", "n"))
        self.reset_bias = nn.Parameter(torch.zeros(hidden))

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        (h,) = state
        read_r, read_z, read_n = read.chunk(3, dim=-1)
        r, z, n = self.recur(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(read_r + r), torch.sigmoid(read_z + z)
        # d stands within the brackets, so that r scales it: a bias outside of them would be the same as b.
        n = torch.tanh(read_n + r * (n + self.reset_bias))
        return (z * h + (1 - z) * n,)

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Reset and update gate."""
        r, z, _ = torch.sigmoid(read + self.recur(state[0])).chunk(3, dim=-1)
        return {"r": r, "z": z}

    def kernel(self) -> Kernel | None:
        """Torch's GRU; its second bias vector is zero but for d."""
        # torch adds W x + b_1 and U h + b_2; in r and z only their sum counts, which is b, in n the second is d.
        return Kernel("gru", torch.cat([self.reset_bias.new_zeros(2 * self.hidden), self.reset_bias]))

    @property
    def bounded(self) -> bool:
        """H is a mean of values in [-1, 1] and of its own start."""
        return True
