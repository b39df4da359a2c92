"""Layers of a cell on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast, final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.cells import find_cell
from tasks.recurrent.layer import Layer, Way
from tasks.recurrent.loop import LoopName

Direction = Literal["forward", "backward", "bidirectional"]

_WAYS: dict[Direction, tuple[Way, ...]] = {
    "forward": ("forward",),
    "backward": ("backward",),
    "bidirectional": ("forward", "backward"),
}


@final
class RecurrentNetwork(nn.Module):
    """Layer l reads what layer l - 1 writes; dropout acts between layers and at both ends, never from step to step.

    This is the placement of Zaremba et al. 2014 (arXiv 1409.2329, equation 6): on the input of every layer and on the
    output of the last one, so that what is carried through time stays whole.

    Args:
        cell: name of the cell, see :func:`tasks.recurrent.cells.cell_names`.
        inputs: size of the vector read at each step.
        hidden: size of every layer's output, in each direction.
        depth: number of layers.
        direction: bidirectional layers concatenate what both directions write, forward first.
        dropout: probability that a value is dropped.
        loop: see :mod:`tasks.recurrent.loop`.
    """

    def __init__(
        self,
        *,
        cell: str,
        inputs: int,
        hidden: int,
        depth: int = 1,
        direction: Direction = "forward",
        dropout: float = 0.0,
        loop: LoopName = "auto",
    ) -> None:
        super().__init__()
        build: Callable[..., Cell] = find_cell(cell)
        ways = _WAYS[direction]
        self.outputs = hidden * len(ways)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                Layer(build(inputs=self.outputs if i else inputs, hidden=hidden), way=way, loop=loop) for way in ways
            )
            for i in range(depth)
        )
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state before the first step, one per layer and direction, each part of shape (batch, hidden)."""
        return tuple(layer.cell.initial_state(batch) for level in self._levels() for layer in level)

    def forward(
        self,
        inputs: Tensor,
        state: tuple[State, ...] | None = None,
        *,
        lengths: Tensor | None = None,
        final_state: bool = True,
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Read a batch of sequences.

        Args:
            inputs: shape (time, batch, inputs).
            state: one state per layer and direction; None: zeros.
            lengths: number of real steps of each sequence, shape (batch,); None: all are real.
            final_state: whether the states after the last steps are needed.

        Returns:
            The top layer's outputs after dropout, shape (time, batch, outputs), zero at padding, and the new states,
            empty where they are not needed.
        """
        outputs, states = self.dropout(inputs), []
        before = iter(self.initial_state(inputs.shape[1]) if state is None else state)
        for level in self._levels():
            readings = [layer(outputs, next(before), lengths=lengths, final_state=final_state) for layer in level]
            outputs = self.dropout(torch.cat([r.outputs for r in readings], dim=2))
            states += [r.state for r in readings if r.state is not None]
        return outputs, tuple(states)

    def _levels(self) -> Sequence[Sequence[Layer]]:
        return cast("Sequence[Sequence[Layer]]", self.layers)


def detach(state: tuple[State, ...]) -> tuple[State, ...]:
    """Cut the state off from the steps that made it: gradients of truncated BPTT end here."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
