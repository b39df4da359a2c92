"""What each layer read and every state that it went through, while a network runs as usual."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.layer import Layer, reverse
from tasks.recurrent.loop import LoopName, Reading
from tasks.recurrent.stack import RecurrentNetwork


@final
@dataclass(frozen=True, slots=True)
class Record:
    """One layer's last reading, in the order in which it read: backward layers begin at the end.

    Args:
        layer: the layer.
        inputs: what it read, shape (time, batch, inputs).
        before: the state before the first step, parts of shape (batch, hidden).
        states: the state after each step; each part is a tensor of its own, on which all later ones depend, and no
            other part of the same step.
        lengths: number of real steps of each sequence, shape (batch,); None: all are real.
    """

    layer: Layer
    inputs: Tensor
    before: State
    states: tuple[State, ...]
    lengths: Tensor | None

    def real(self) -> Tensor:
        """Which steps are no padding, shape (time, batch)."""
        steps, batch = self.inputs.shape[:2]
        times = torch.arange(steps, device=self.inputs.device).unsqueeze(1).expand(-1, batch)
        return times < steps if self.lengths is None else times < self.lengths


def layer_names(network: RecurrentNetwork) -> dict[Layer, str]:
    """``layer0`` for the lowest forward layer, ``layer0_backward`` for its twin, and so on upwards."""
    names: dict[Layer, str] = {}
    for way, end in (("forward", ""), ("backward", "_backward")):
        layers = [layer for layer in network.layers() if layer.way == way]
        names |= {layer: f"layer{i}{end}" for i, layer in enumerate(layers)}
    return {layer: names[layer] for layer in network.layers()}


@contextmanager
def record_states(network: RecurrentNetwork) -> Iterator[Mapping[str, Record]]:
    """Within, the network runs every step by itself, and what its layers last went through is found by their names.

    Its results are the same up to rounding. The outputs of a fused kernel are no states: the gradient of the loss with
    respect to an output holds the part that does not go through later steps, and nothing else.
    """
    names, records = layer_names(network), dict[str, Record]()
    cells = {layer.cell for layer in names}
    loops: dict[Layer, LoopName] = {layer: layer.loop for layer in names}

    def keep(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], reading: Reading) -> None:
        (inputs, state), lengths = args, kwargs["lengths"]
        before = layer.cell.initial_state(inputs.shape[1]) if state is None else state
        read = reverse(inputs, lengths) if layer.way == "backward" else inputs
        records[names[layer]] = Record(layer, read, before, cast("tuple[State, ...]", reading.steps), lengths)

    hooks = [layer.register_forward_hook(keep, with_kwargs=True) for layer in names]
    try:
        for layer in names:
            layer.loop = "plain"  # the one loop that gives single states
        for cell in cells:
            # On the instance, in front of the class's method; popped from it again at the end.
            cell.step = _separating(cell)  # type: ignore[assignment]
        yield records
    finally:
        for hook in hooks:
            hook.remove()
        for layer, loop in loops.items():
            layer.loop = loop
        for cell in cells:
            vars(cell).pop("step", None)


def _separating(cell: Cell) -> Callable[[Tensor, State], State]:
    """The cell's step whose results are independent variables: h is not made of the c that is handed on."""
    step = cell.step

    def separated(read: Tensor, state: State) -> State:
        return tuple(part.view_as(part) for part in step(read, state))

    return separated
