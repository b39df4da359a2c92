"""Long short-term memory with a forget gate and without peepholes."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State


@final
class LSTM(Cell):
    """``c_t = f_t * c_{t-1} + i_t * g_t`` and ``h_t = o_t * tanh(c_t)`` (Hochreiter and Schmidhuber 1997; Gers 2000).

    ``i_t, f_t, o_t = sigmoid(W x_t + b + U h_{t-1} + d)`` and ``g_t = tanh(W x_t + b + U h_{t-1} + d)``, each with its
    own weights, stacked in the order i, f, g, o. There are two bias vectors, b and d; only their sum matters.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden)
        self.kernel = nn.LSTM(inputs, hidden)

    def initial_state(self, batch: int) -> State:
        """``(h, c)``, zeros of shape (batch, hidden) each."""
        return self.zeros(batch), self.zeros(batch)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a sequence; see :meth:`Cell.forward`."""
        h, c = state
        outputs, (h, c) = self.kernel(inputs, (h.unsqueeze(0), c.unsqueeze(0)))
        return outputs, (h.squeeze(0), c.squeeze(0))

    def forget_biases(self) -> tuple[Tensor, ...]:
        """The second of four blocks in each of the two bias vectors."""
        block = slice(self.hidden, 2 * self.hidden)
        return self.kernel.get_parameter("bias_ih_l0")[block], self.kernel.get_parameter("bias_hh_l0")[block]
