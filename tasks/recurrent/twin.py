"""What torch itself calls the same network: the module, and the same weights by its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import torch
from torch import Tensor

from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.torch_internals import KernelName

_MODULES: Final[Mapping[KernelName, tuple[str, str]]] = {
    "lstm": ("LSTM", ""),
    "gru": ("GRU", ""),
    "rnn_tanh": ("RNN", ""),
    "rnn_relu": ("RNN", ', nonlinearity="relu"'),
}
"""Kernel -> class of torch.nn, and what its constructor is told beside sizes."""


@final
@dataclass(frozen=True, slots=True)
class Twin:
    """A module of ``torch.nn`` that computes the same outputs where nothing is trained.

    Args:
        build: the expression that builds it: ``torch.nn.LSTM(64, 100, num_layers=2)``.
        state: its weights by its own names.
    """

    build: str
    state: Mapping[str, Tensor]


def find_twin(network: RecurrentNetwork) -> Twin | None:
    """The twin of a network; None where torch has none: other cells, connections, or a backward direction alone."""
    layers, ways = network.layers(), network.ways
    kernels = [layer.cell.kernel() for layer in layers]
    if not network.is_plain or ways[0] == "backward" or kernels[0] is None:
        return None
    state: dict[str, Tensor] = {}
    for number, (layer, kernel) in enumerate(zip(layers, kernels, strict=True)):
        cell, depth = layer.cell, number // len(ways)
        second = kernel and kernel.second_bias
        suffix = f"l{depth}_reverse" if layer.way == "backward" else f"l{depth}"
        state |= {
            f"weight_ih_{suffix}": cell.read.weight,
            f"weight_hh_{suffix}": cell.recur.weight,
            f"bias_ih_{suffix}": cell.read.bias,
            f"bias_hh_{suffix}": torch.zeros_like(cell.read.bias) if second is None else second,
        }
    name, more = _MODULES[kernels[0].name]
    depth, first = len(layers) // len(ways), layers[0].cell
    sizes = f"{first.inputs}, {first.hidden}" + (f", num_layers={depth}" if depth > 1 else "")
    both = ", bidirectional=True" if len(ways) > 1 else ""
    return Twin(f"torch.nn.{name}({sizes}{both}{more})", state)
