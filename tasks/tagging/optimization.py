"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

import torch
from torch import nn

OptimizerName = Literal["sgd", "adam"]


def build_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], *, learning_rate: float
) -> torch.optim.Optimizer:
    """The optimizer of this name; fused kernels, which compute each weight on its own."""
    match name:
        case "sgd":
            return torch.optim.SGD(parameters, lr=learning_rate, fused=True)
        case "adam":
            return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        case _:
            assert_never(name)
