"""Initial weights, each a function of (seed, parameter name, shape) and of nothing else.

Two networks of one seed start from equal values wherever a name and a shape agree: an LSTM and an Elman network have
the same embedding, and the same output layer if they have as many hidden units, which networks of equal size have not.
Values are drawn on the CPU in float32, whatever device and type they end in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast, final, runtime_checkable

import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, InitialValue
from tasks.recurrent.recurrent_initializers import INITIALIZERS, RecurrentInitializer
from unroll.contract import UserError, derive_seed


@runtime_checkable
class GivenWeights(Protocol):
    """A module some of whose weights come from elsewhere."""

    def fill_given(self) -> None:
        """Put them over what was drawn, and leave all others."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Initialization:
    """How a network's weights are drawn. Layer normalization, and what a cell sets itself, has its own initial values.

    Weights that come from elsewhere (:class:`GivenWeights`) replace those that were drawn in their place, so that all
    others begin as they would without them.

    Args:
        scale: every weight and bias comes from U(-scale, scale), as in Zaremba et al. 2014. None: from
            U(-1/sqrt(n), 1/sqrt(n)), where n is the hidden size for all of a recurrent layer (torch's own rule) and the
            length of a row for other matrices, so that a tied matrix begins alike from either side, and of the vector
            for vectors; biases outside recurrent layers are 0.
        forget_bias: bias of every forget gate; None leaves what was drawn.
        recurrent: what draws every recurrent matrix, each gate's for itself; None: the cell's own initializer, or as
            the other weights where it has none.
        recurrent_gain: what every recurrent matrix is multiplied with.
    """

    scale: float | None = None
    forget_bias: float | None = None
    recurrent: RecurrentInitializer | None = None
    recurrent_gain: float = 1.0

    @torch.no_grad()
    def fill(self, network: nn.Module, *, seed: int) -> None:
        """Draw all weights of the network in place, and put given ones over them.

        Raises:
            UserError: a cell gives a parameter values of another shape.
        """
        # Every parameter has a generator of its own, so what replaces a draw further down changes no other weight.
        bounds, own = scaled_bounds(network), own_values(network)
        for name, parameter in network.named_parameters():
            value = own.get(name)
            if isinstance(value, float | int):
                parameter.fill_(value)
                continue
            drawn = draw(name, parameter.shape, seed=seed, bound=bounds[name] if self.scale is None else self.scale)
            parameter.copy_(drawn if value is None else _made(value, drawn, name=name, seed=seed))
        for name, cell in _cells(network):
            initializer = self.recurrent or cast("RecurrentInitializer | None", cell.recurrent_initialization)
            for gate, block in cell.recurrent_blocks().items():
                if initializer is not None:
                    generator = _generator(seed, "initial recurrent matrix", f"{name}.{gate}", *block.shape)
                    # Through float32: a network of another type begins with the same numbers.
                    block.copy_((self.recurrent_gain * INITIALIZERS[initializer](len(block), generator)).float())
                elif self.recurrent_gain != 1:
                    block.copy_(block.float() * self.recurrent_gain)
            if self.forget_bias is not None and (bias := cell.forget_bias()) is not None:
                bias.fill_(self.forget_bias)
        for module in network.modules():
            if isinstance(module, GivenWeights):
                module.fill_given()


def draw(name: str, shape: torch.Size, *, seed: int, bound: float) -> Tensor:
    """Uniform values in [-bound, bound): a pure function of the arguments."""
    generator = _generator(seed, "initial weight", name, *shape)
    # Scaled afterwards: of two bounds the weights are multiples of each other.
    return torch.empty(shape).uniform_(-1, 1, generator=generator).mul_(bound)


def scaled_bounds(network: nn.Module) -> dict[str, float]:
    """``1/sqrt(n)`` for each parameter, by name; see :class:`Initialization`."""
    bounds = {}
    for name, parameter in network.named_parameters():
        shape = parameter.shape
        size = math.prod(shape[1:] if len(shape) > 1 else shape)  # of a filter: all that one output sees
        bounds[name] = 0.0 if len(shape) == 1 and name.endswith("bias") else 1 / math.sqrt(size)
    for prefix, cell in _cells(network):
        bounds |= {name: 1 / math.sqrt(cell.hidden) for name, _ in cell.named_parameters(prefix)}  # biases too
    return bounds


def own_values(network: nn.Module) -> dict[str, InitialValue]:
    """Parameters that settings do not draw, by name, and their initial values."""
    values: dict[str, InitialValue] = {}
    for prefix, norm in network.named_modules():
        if isinstance(norm, nn.LayerNorm):
            values |= {name: float(name.endswith("weight")) for name, _ in norm.named_parameters(prefix)}
    for prefix, cell in _cells(network):
        values |= {f"{prefix}.{name}".removeprefix("."): value for name, value in cell.initial_values.items()}
    return values


def _made(make: Callable[[Tensor, torch.Generator], Tensor], drawn: Tensor, *, name: str, seed: int) -> Tensor:
    shape = drawn.shape
    values = make(drawn, _generator(seed, "initial values of a cell's own", name, *shape))
    if values.shape != shape:
        rule = "a function of a cell's initial_values must give a tensor of its parameter's shape"
        raise UserError(rule, where=name, received=f"{tuple(values.shape)} for {tuple(shape)}")
    return values


def _cells(network: nn.Module) -> list[tuple[str, Cell]]:
    return [(name, module) for name, module in network.named_modules() if isinstance(module, Cell)]


def _generator(*parts: int | str) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed(*parts))
