"""Layers of a cell on top of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, cast, final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.cells import find_cell
from tasks.recurrent.dropout import Dropout, StateNoise
from tasks.recurrent.layer import Layer, Way
from tasks.recurrent.loop import LoopName, Reading

Direction = Literal["forward", "backward", "bidirectional"]
Stacking = Literal["interleaved", "independent"]
Connections = Literal["plain", "skip", "residual"]

Level = Sequence[Layer]
"""Layers that read the same and whose outputs are concatenated: one per direction."""


@final
class RecurrentNetwork(nn.Module):
    """Layer l reads what layer l - 1 writes; dropout acts between layers and at both ends, never from step to step.

    This is the placement of Zaremba et al. 2014 (arXiv 1409.2329, equation 6): on the input of every layer and on the
    output of the last one, so that what is carried through time stays whole, unless ``noise`` says otherwise.

    Weights are named after direction and depth, ``forward_layers.0.cell.read.weight``, so that networks of other
    shapes share names wherever they share a layer.

    Args:
        cell: name of the cell, see :func:`tasks.recurrent.cells.cell_names`.
        options: what the cell's constructor takes beyond its sizes, by name.
        inputs: size of the vector read at each step.
        hidden: size of every layer's output, in each direction.
        depth: number of layers.
        direction: bidirectional networks concatenate what both directions write, forward first.
        stacking: of bidirectional networks. ``interleaved``: every layer reads both directions of the layer below
            (torch's). ``independent``: two separate networks, concatenated at the top.
        connections: ``skip``: every layer but the first reads the network's input too, and all layers are concatenated
            at the top (Graves 2013, arXiv 1308.0850). ``residual``: every layer but the first adds what it reads,
            before dropout, to what it writes (He et al. 2016, arXiv 1512.03385); the first layer takes the input,
            of whatever size, to the size of the others.
        dropout: probability that a value is dropped.
        locked: whether dropout has one mask for all steps of a sequence.
        noise: how each layer's state is disturbed on its way through time.
        loop: see :mod:`tasks.recurrent.loop`.
    """

    def __init__(
        self,
        *,
        cell: str,
        inputs: int,
        hidden: int,
        options: Mapping[str, str | bool] | None = None,
        depth: int = 1,
        direction: Direction = "forward",
        stacking: Stacking = "interleaved",
        connections: Connections = "plain",
        dropout: float = 0.0,
        locked: bool = False,
        noise: StateNoise | None = None,
        loop: LoopName = "auto",
    ) -> None:
        super().__init__()
        build: Callable[..., Cell] = find_cell(cell)
        both = direction == "bidirectional"
        below = 2 * hidden if both and stacking == "interleaved" else hidden  # what a layer above the first reads
        skipped = inputs if connections == "skip" else 0

        def layers(way: Way) -> nn.ModuleList:
            if not both and way != direction:
                return nn.ModuleList()
            sizes = [inputs] + [skipped + below] * (depth - 1)
            cells = [build(inputs=size, hidden=hidden, **(options or {})) for size in sizes]
            return nn.ModuleList(Layer(c, way=way, noise=noise or StateNoise(), loop=loop) for c in cells)

        self.forward_layers, self.backward_layers = layers("forward"), layers("backward")
        self.dropout = Dropout(dropout, locked=locked)
        self._stacking, self._connections = stacking, connections
        self.outputs = hidden * len(self.ways)

    def layers(self) -> tuple[Layer, ...]:
        """All layers from the lowest to the highest, of each depth forward before backward."""
        return tuple(layer for level in self._levels() for layer in level)

    @property
    def ways(self) -> tuple[Way, ...]:
        """The direction that each part of the outputs comes from, in parts of size hidden."""
        # Skip connections bring every level to the top, in the order in which _climb joins them.
        tops = [stack if self._connections == "skip" else stack[-1:] for stack in self._stacks()]
        return tuple(layer.way for levels in tops for level in levels for layer in level)

    @property
    def is_plain(self) -> bool:
        """Whether each level reads all that the one below writes and nothing else, and no state is disturbed."""
        stacked = self._connections == "plain" and (self._stacking == "interleaved" or len(self._levels()) == 1)
        return stacked and not any(layer.disturbs for layer in self.layers())

    def initial_state(self, batch: int) -> tuple[State, ...]:
        """The state before the first step, one per layer as in :meth:`layers`, each part of shape (batch, hidden)."""
        return tuple(layer.cell.initial_state(batch) for layer in self.layers())

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
            state: one state per layer, as in :meth:`layers`; None: zeros.
            lengths: number of real steps of each sequence, shape (batch,), at least 1; None: all are real.
            final_state: whether the states after the last steps are needed.

        Returns:
            The top's outputs after dropout, shape (time, batch, outputs), zero at padding; and the new state of every
            layer, after the step that it reads last, or nothing where they are not needed.
        """
        layers = self.layers()
        states = self.initial_state(inputs.shape[1]) if state is None else state
        # By layer: levels climb one stack after the other, in another order than that of the states.
        before, after = dict(zip(layers, states, strict=True)), dict[Layer, State | None]()

        def read(layer: Layer, sequences: Tensor) -> Tensor:
            reading: Reading = layer(sequences, before[layer], lengths=lengths, final_state=final_state)
            after[layer] = reading.state
            return reading.outputs

        outputs = _join([self._climb(stack, inputs, read) for stack in self._stacks()])
        return outputs, tuple(new for layer in layers if (new := after[layer]) is not None)

    def _climb(self, stack: Sequence[Level], inputs: Tensor, read: Callable[[Layer, Tensor], Tensor]) -> Tensor:
        """From the input through one stack of levels to its top."""
        below, written = inputs, list[Tensor]()
        for level in stack:
            # `written` is empty at the first level: it reads the input once, and adds nothing, as sizes may differ.
            seen = self.dropout(_join([inputs, below]) if written and self._connections == "skip" else below)
            outputs = _join([read(layer, seen) for layer in level])
            below = below + outputs if written and self._connections == "residual" else outputs
            written.append(below)
        return cast("Tensor", self.dropout(_join(written) if self._connections == "skip" else below))

    def _levels(self) -> list[Level]:
        ways = [cast("Sequence[Layer]", way) for way in (self.forward_layers, self.backward_layers) if len(way)]
        return list(zip(*ways, strict=True))

    def _stacks(self) -> list[list[Level]]:
        """Levels that are stacked upon each other: one stack, or one per direction."""
        levels = self._levels()
        if self._stacking == "interleaved":
            return [levels]
        return [[(layer,) for layer in way] for way in zip(*levels, strict=True)]


def _join(parts: Sequence[Tensor]) -> Tensor:
    """Features of all parts; a single part is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=2)


def detach(state: tuple[State, ...]) -> tuple[State, ...]:
    """Cut the state off from the steps that made it: gradients of truncated BPTT end here."""
    return tuple(tuple(part.detach() for part in layer) for layer in state)
