"""What a recurrent cell is: one layer that reads a sequence and carries a state."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a cell carries from step to step, each part of shape (batch, hidden); the first part is its output h."""


class Cell(nn.Module, ABC):
    """One recurrent layer. Final subclasses live in ``tasks/recurrent/cells/<name>.py``, one per file.

    Args:
        inputs: size of the vector read at each step.
        hidden: size of the vector written at each step.
    """

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs, self.hidden = inputs, hidden

    def zeros(self, batch: int) -> Tensor:
        """One zero part of a state, shape (batch, hidden), where the weights are."""
        return next(self.parameters()).new_zeros(batch, self.hidden)

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """The state before the first step: zeros, each part of shape (batch, hidden)."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a whole sequence.

        Args:
            inputs: shape (time, batch, inputs).
            state: the state before the first step.

        Returns:
            The outputs of all steps, shape (time, batch, hidden), and the state after the last one.
        """

    @abstractmethod
    def forget_biases(self) -> tuple[Tensor, ...]:
        """Views of the biases whose sum is the forget gate's bias, each of shape (hidden,); none: no forget gate."""
