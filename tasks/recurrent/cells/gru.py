"""The gated recurrent unit, in the variant of cuDNN and torch."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State


@final
class GRU(Cell):
    """``h_t = z_t * h_{t-1} + (1 - z_t) * n_t`` (Cho et al. 2014, arXiv 1406.1078).

    ``r_t, z_t = sigmoid(W x_t + b + U h_{t-1} + d)`` and ``n_t = tanh(W x_t + b + r_t * (U h_{t-1} + d))``, each with
    its own weights. The reset gate acts *after* the recurrent product, as in the paper's first version; its later
    versions reset h before the product, which is another function. Chung et al. 2014 swap the roles of z and 1 - z.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden)
        self.kernel = nn.GRU(inputs, hidden)

    def initial_state(self, batch: int) -> State:
        """``(h,)``, zeros of shape (batch, hidden)."""
        return (self.zeros(batch),)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a sequence; see :meth:`Cell.forward`."""
        outputs, h = self.kernel(inputs, state[0].unsqueeze(0))
        return outputs, (h.squeeze(0),)

    def forget_biases(self) -> tuple[Tensor, ...]:
        """None: the update gate both forgets and writes, which is another thing than a forget gate."""
        return ()
