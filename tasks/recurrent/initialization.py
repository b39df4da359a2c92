"""Initial weights, each a function of (seed, parameter name, shape) and of nothing else.

Two networks of one seed start from equal values wherever a name and a shape agree: an LSTM and an Elman network have
the same embedding and output layer. Values are drawn on the CPU in float32, whatever device and type they end in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never, final

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell
from unroll.contract import derive_seed

Recipe = Literal["scaled", "uniform"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Initialization:
    """How a network's weights are drawn.

    Args:
        recipe: ``uniform`` draws every weight and bias from U(-scale, scale), as Zaremba et al. 2014 do.
            ``scaled`` draws from U(-1/sqrt(n), 1/sqrt(n)): n is the hidden size for all of a recurrent layer (torch's
            own rule), and the length of a row for embedding and output matrices, so that a tied matrix has one law
            from either side; output biases are 0.
        scale: the half-width of ``uniform``.
        forget_bias: sum of the biases of every forget gate; None leaves what was drawn.
    """

    recipe: Recipe
    scale: float
    forget_bias: float | None

    @torch.no_grad()
    def fill(self, network: nn.Module, *, seed: int) -> None:
        """Draw all weights of the network in place."""
        bounds = self._bounds(network)
        for name, parameter in network.named_parameters():
            parameter.copy_(draw(name, parameter.shape, seed=seed, bound=bounds[name]))
        if self.forget_bias is not None:
            set_forget_bias(network, self.forget_bias)

    def _bounds(self, network: nn.Module) -> Mapping[str, float]:
        """Half-width of each parameter's uniform distribution, by name."""
        match self.recipe:
            case "uniform":
                return {name: self.scale for name, _ in network.named_parameters()}
            case "scaled":
                return scaled_bounds(network)
            case _:
                assert_never(self.recipe)


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
    """Make the biases of every forget gate add up to ``value`` exactly: all of it in the first, zero in the others."""
    for cell in network.modules():
        if isinstance(cell, Cell):
            for i, bias in enumerate(cell.forget_biases()):
                bias.fill_(0.0 if i else value)
