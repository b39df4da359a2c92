"""Layers of a cell on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, final

from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.cells import find_cell


@final
class RecurrentStack(nn.Module):
    """Layer l reads what layer l - 1 writes; dropout acts between layers and at both ends, never from step to step.

    This is the placement of Zaremba et al. 2014 (arXiv 1409.2329, equation 6): on the input of every layer and on the
    output of the last one, so that what is carried through time stays whole.

    Args:
        cell: name of the cell, see :func:`tasks.recurrent.cells.cell_names`.
        inputs: size of the vector read at each step.
        hidden: size of every layer's output.
        depth: number of layers.
        dropout: probability that a value is dropped.
    """

    def __init__(self, *, cell: str, inputs: int, hidden: int, depth: int, dropout: float) -> None:
        super().__init__()
        build = find_cell(cell)
        self.layers = nn.ModuleList(build(inputs=hidden if i else inputs, hidden=hidden) for i in range(depth))
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state before the first step, one per layer, each part of shape (batch, hidden)."""
        return tuple(layer.initial_state(batch) for layer in self._cells())

    def forward(self, inputs: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        """Read a sequence.

        Args:
            inputs: shape (time, batch, inputs).
            state: one state per layer.

        Returns:
            The top layer's outputs after dropout, shape (time, batch, hidden), and the new states.
        """
        outputs, states = self.dropout(inputs), []
        for layer, before in zip(self._cells(), state, strict=True):
            outputs, after = layer(outputs, before)
            outputs = self.dropout(outputs)
            states.append(after)
        return outputs, tuple(states)

    def _cells(self) -> Sequence[Cell]:
        return cast("Sequence[Cell]", self.layers)


def detach(state: tuple[State, ...]) -> tuple[State, ...]:
    """Cut the state off from the steps that made it: gradients of truncated BPTT end here."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
