"""The simple recurrent network."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, Kernel, State

_FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "logistic": torch.sigmoid}


@final
class Elman(Cell):
    """``h_t = f(W x_t + b + U h_{t-1})`` (Elman 1990, Finding Structure in Time).

    A Jordan network is another one: it feeds back what the output layer wrote, not h.

    Args:
        inputs: size of the vector read at each step.
        hidden: size of the state.
        activation: f; the paper's is logistic, most of its followers take tanh.
    """

    def __init__(self, *, inputs: int, hidden: int, activation: Literal["tanh", "relu", "logistic"] = "tanh") -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks=("h",))
        self.activation = activation

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        (h,) = state
        return (_FUNCTIONS[self.activation](read + self.recur(h)),)

    def kernel(self) -> Kernel | None:
        """Torch has tanh and relu."""
        if self.activation == "logistic":
            return None
        return Kernel("rnn_relu" if self.activation == "relu" else "rnn_tanh")

    @property
    def bounded(self) -> bool:
        """All but relu."""
        return self.activation != "relu"
