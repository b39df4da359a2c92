"""A recurrent network that answers."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Ends


@final
class Answerer(nn.Module):
    """Recurrent layers and a linear layer, which reads every step's output or that after the whole sequence.

    Args:
        recurrent: what reads the sequence.
        answers: size of an answer.
        every_step: whether every step is answered.
    """

    def __init__(self, *, recurrent: RecurrentNetwork, answers: int, every_step: bool) -> None:
        super().__init__()
        self.recurrent = recurrent
        self.output = nn.Linear(recurrent.outputs, answers)
        self._summary = None if every_step else Ends(recurrent.ways)

    def forward(self, inputs: Tensor) -> Tensor:
        """Answer sequences of shape (time, batch, inputs).

        Returns:
            Shape (time, batch, answers), or (batch, answers) where the last step alone is answered.
        """
        outputs, _ = self.recurrent(inputs, final_state=False)
        answers: Tensor = self.output(outputs if self._summary is None else self._summary(outputs))
        return answers
