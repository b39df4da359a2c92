"""Initial weights, each a function of (seed, parameter name, shape) and of nothing else.

Two networks of one seed start from equal values wherever a name and a shape agree: an LSTM and an Elman network have
the same embedding and output layer. Values are drawn on the CPU in float32, whatever device and type they end in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell
from unroll.contract import derive_seed


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Initialization:
    """How a network's weights are drawn.

    Args:
        scale: every weight and bias comes from U(-scale, scale), as in Zaremba et al. 2014. None: from
            U(-1/sqrt(n), 1/sqrt(n)), where n is the hidden size for all of a recurrent layer (torch's own rule) and the
            length of a row for embedding and output matrices, so that a tied matrix has one law from either side;
            output biases are 0.
        forget_bias: bias of every forget gate; None leaves what was drawn.
    """

    scale: float | None
    forget_bias: float | None

    @torch.no_grad()
    def fill(self, network: nn.Module, *, seed: int) -> None:
        """Draw all weights of the network in place."""
        bounds = scaled_bounds(network)
        for name, parameter in network.named_parameters():
            bound = bounds[name] if self.scale is None else self.scale
            parameter.copy_(draw(name, parameter.shape, seed=seed, bound=bound))
        if self.forget_bias is not None:
            set_forget_bias(network, self.forget_bias)


def draw(name: str, shape: torch.Size, *, seed: int, bound: float) -> Tensor:
    """Uniform values in [-bound, bound): a pure function of the arguments."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "initial weight", name, *shape))
    return torch.empty(shape).uniform_(-1, 1, generator=generator).mul_(bound)


def scaled_bounds(network: nn.Module) -> dict[str, float]:
    """``1/sqrt(n)`` for each parameter, by name; see :class:`Initialization`."""
    bounds: dict[str, float] = {}
    for prefix, owner in network.named_modules():
        if isinstance(owner, Cell):
            bounds |= {name: 1 / math.sqrt(owner.hidden) for name, _ in owner.named_parameters(prefix)}
        elif isinstance(owner, nn.Linear | nn.Embedding):
            for name, parameter in owner.named_parameters(prefix):
                bounds[name] = 1 / math.sqrt(parameter.shape[1]) if parameter.ndim > 1 else 0.0
    return bounds


@torch.no_grad()
def set_forget_bias(network: nn.Module, value: float) -> None:
    """Set the bias of every forget gate."""
    for cell in network.modules():
        if isinstance(cell, Cell) and (bias := cell.forget_bias()) is not None:
            bias.fill_(value)
