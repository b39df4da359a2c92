"""Arithmetic with one number at a time, on lists of scalars.

Nothing here is shared with the cells but where each gate's weights are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Vector = list[Tensor]


def dot(row: Vector, vector: Vector) -> Tensor:
    return sum((a * b for a, b in zip(row, vector, strict=True)), torch.zeros((), dtype=torch.float64))


def times(matrix: list[Vector], vector: Vector) -> Vector:
    return [dot(row, vector) for row in matrix]


def add(*vectors: Vector) -> Vector:
    return [torch.stack(values).sum() for values in zip(*vectors, strict=True)]


def logistic(vector: Vector) -> Vector:
    return [1 / (1 + torch.exp(-value)) for value in vector]


def tanh(vector: Vector) -> Vector:
    return [(torch.exp(value) - torch.exp(-value)) / (torch.exp(value) + torch.exp(-value)) for value in vector]


def relu(vector: Vector) -> Vector:
    return [value if value > 0 else 0 * value for value in vector]


def scalars(matrix: Tensor) -> list[Vector]:
    return [list(row.unbind()) for row in matrix.unbind()]


@dataclass
class Gate:
    """W, U and b of one gate."""

    w: list[Vector]
    u: list[Vector]
    b: Vector

    def __call__(self, x: Vector, h: Vector) -> Vector:
        return add(times(self.w, x), times(self.u, h), self.b)


def gates(cell: Any, count: int) -> list[Gate]:
    """The weights of each gate, in the order in which the cell's docstring says that they are stacked."""
    stacked = zip(
        cell.read.weight.chunk(count), cell.recur.weight.chunk(count), cell.read.bias.chunk(count), strict=True
    )
    return [Gate(scalars(w), scalars(u), list(b.unbind())) for w, u, b in stacked]


def normalize(vector: Vector, gain: Sequence[Tensor], shift: Sequence[Tensor] | None = None) -> Vector:
    mean = sum(vector[1:], vector[0]) / len(vector)
    variance = sum(((v - mean) ** 2 for v in vector[1:]), (vector[0] - mean) ** 2) / len(vector)
    scaled = [g * (v - mean) / (variance + 1e-5) ** 0.5 for g, v in zip(gain, vector, strict=True)]
    return scaled if shift is None else add(scaled, list(shift))
