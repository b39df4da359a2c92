"""The simple recurrent network with tanh."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State


@final
class Elman(Cell):
    """``h_t = tanh(W x_t + b + U h_{t-1} + d)`` (Elman 1990, Finding Structure in Time).

    The fused kernel has two bias vectors, b and d; only their sum matters.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden)
        self.kernel = nn.RNN(inputs, hidden, nonlinearity="tanh")

    def initial_state(self, batch: int) -> State:
        """``(h,)``, zeros of shape (batch, hidden)."""
        return (self.zeros(batch),)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a sequence; see :meth:`Cell.forward`."""
        outputs, h = self.kernel(inputs, state[0].unsqueeze(0))
        return outputs, (h.squeeze(0),)

    def forget_biases(self) -> tuple[Tensor, ...]:
        """None: an Elman network has no gates."""
        return ()
