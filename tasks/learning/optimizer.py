"""Optimizers by name, for all tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

import torch
from torch import nn
from torch.optim import Optimizer

OptimizerName = Literal["sgd", "adam", "rmsprop"]


def build_optimizer(name: OptimizerName, parameters: Iterable[nn.Parameter], *, learning_rate: float) -> Optimizer:
    """The optimizer of this name, with fused kernels where torch has them, which compute each weight on its own.

    Args:
        name: ``sgd``: without momentum. ``adam``: Kingma and Ba 2015 (arXiv 1412.6980) with torch's betas and epsilon.
            ``rmsprop``: Tieleman and Hinton 2012 with alpha 0.9, as Arjovsky et al. 2016 (arXiv 1511.06464) use it.
        parameters: the weights.
        learning_rate: the rate that it begins with.
    """
    match name:
        case "sgd":
            return torch.optim.SGD(parameters, lr=learning_rate, fused=True)
        case "adam":
            return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.9)
        case _:
            assert_never(name)
