"""How much a network computes, by its shape alone."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from tasks.recurrent.cell import Cell


def matrix_operations(network: nn.Module) -> int:
    """Operations of the matrix products of one step, a multiply and an add as two.

    Every matrix of a linear layer or of a cell is multiplied with one vector per step; embeddings are looked up.
    """
    return sum(2 * matrix.numel() for matrix in _matrices(network))


def _matrices(network: nn.Module) -> Iterator[Tensor]:
    for module in network.modules():
        if isinstance(module, nn.Linear):
            yield module.weight
        elif isinstance(module, Cell):
            yield from (own for own in module.parameters(recurse=False) if own.ndim == 2)
