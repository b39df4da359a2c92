"""One layer in one direction."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.dropout import StateNoise
from tasks.recurrent.loop import LoopName, Reading, read_sequence

Way = Literal["forward", "backward"]


@final
class Layer(nn.Module):
    """A cell read along time, from the first real step to the last, or the other way.

    Args:
        cell: the cell.
        way: ``backward`` begins at each sequence's last real step; its outputs stand where their inputs stood.
        noise: how the state is disturbed between steps.
        loop: see :mod:`tasks.recurrent.loop`.
    """

    def __init__(self, cell: Cell, *, way: Way, noise: StateNoise, loop: LoopName) -> None:
        super().__init__()
        self.cell, self.way = cell, way
        self._noise, self.loop = noise, loop

    @property
    def disturbs(self) -> bool:
        """Whether the state is disturbed also where nothing is trained."""
        return self._noise.zoneout > 0 or self._noise.zoneout_memory > 0

    def forward(self, inputs: Tensor, state: State | None, *, lengths: Tensor | None, final_state: bool) -> Reading:
        """Read a batch of sequences.

        Args:
            inputs: shape (time, batch, inputs).
            state: the state before the first step that is read; None: zeros.
            lengths: number of real steps of each sequence, shape (batch,); None: all are real.
            final_state: whether the state after the last step that is read is needed: a sequence's last real step, or
                its first one.
        """
        before = self.cell.initial_state(inputs.shape[1]) if state is None else state
        backward = self.way == "backward"
        reading = read_sequence(
            self.cell,
            reverse(inputs, lengths) if backward else inputs,
            before,
            lengths=lengths,
            noise=self._noise.draw(before, steps=len(inputs), training=self.training),
            loop=self.loop,
            final_state=final_state,
        )
        # Outputs go back to where their inputs stood; single steps stay in the order in which they were made.
        return Reading(reverse(reading.outputs, lengths), reading.state, reading.steps) if backward else reading


def reverse(sequences: Tensor, lengths: Tensor | None) -> Tensor:
    """Turn each sequence around within its real steps; padding stays where it is.

    Args:
        sequences: shape (time, batch, features).
        lengths: shape (batch,); None: all steps are real.
    """
    if lengths is None:
        return sequences.flip(0)
    steps = torch.arange(len(sequences), device=sequences.device).unsqueeze(1)
    source = torch.where(steps < lengths, lengths - 1 - steps, steps)  # (time, batch); padding comes from itself
    return sequences.gather(0, source.unsqueeze(2).expand_as(sequences))
