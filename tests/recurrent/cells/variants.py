"""Every cell that is found, with every combination of its options: what the tests of this folder run over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.cells import cell_names, find_cell
from tasks.recurrent.loop import LoopName

LOOPS: tuple[LoopName, ...] = get_args(LoopName)


@dataclass(frozen=True)
class Variant:
    """A cell's name and what its constructor is told."""

    cell: str
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def build(self, *, inputs: int, hidden: int, seed: int = 0) -> Cell:
        """The cell in float64 with random weights, whatever it would begin with."""
        torch.manual_seed(seed)
        build: Any = find_cell(self.cell)
        cell: Cell = build(inputs=inputs, hidden=hidden, **self.options).double()
        for weight in cell.parameters():
            torch.nn.init.uniform_(weight, -0.8, 0.8)
        return cell

    def __str__(self) -> str:
        return "-".join([self.cell, *(f"{name}={value}" for name, value in self.options.items())])


def choices(hint: object) -> tuple[Any, ...]:
    """Values that an option can take."""
    if hint is bool:
        return (False, True)
    assert get_origin(hint) is Literal, f"an option is a bool or a Literal, received {hint}"
    return get_args(hint)


def variants() -> Iterator[Variant]:
    """Every combination can be built: an option that some other one forbids would be found too late in a study."""
    for name in cell_names():
        hints = get_type_hints(find_cell(name).__init__)
        options = {
            option: choices(hint) for option, hint in hints.items() if option not in {"inputs", "hidden", "return"}
        }
        for values in product(*options.values()):
            yield Variant(name, dict(zip(options, values, strict=True)))


VARIANTS = list(variants())


def random_state(cell: Cell, batch: int) -> State:
    """A state as it could be within a sequence, that a gradient can be taken of."""
    return tuple(torch.rand_like(part).requires_grad_() for part in cell.initial_state(batch))


def random_sequences(time: int, batch: int, inputs: int) -> Tensor:
    """Inputs that a gradient can be taken of."""
    return torch.randn(time, batch, inputs, dtype=torch.float64, requires_grad=True)
