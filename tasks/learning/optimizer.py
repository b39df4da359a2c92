"""Optimizers by name, for all tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import torch
from torch import nn
from torch.optim import Optimizer

from tasks.learning.settings import OptimizerName


def build_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], *, learning_rate: float, momentum: float = 0.0
) -> Optimizer:
    """The optimizer of this name, with fused kernels where torch has them, which compute each weight on its own.

    Args:
        name: ``sgd``: with momentum as in Sutskever et al. 2013 without Nesterov's change, the rate outside of the
            velocity. ``adam``: Kingma and Ba 2015 (arXiv 1412.6980) with torch's betas and epsilon. ``rmsprop``:
            Tieleman and Hinton 2012 with alpha 0.9, as Arjovsky et al. 2016 (arXiv 1511.06464) use it.
        parameters: the weights.
        learning_rate: the rate that it begins with.
        momentum: of ``sgd``: share of the velocity that is left in the next step.
    """
    match name:
        case "sgd":
            return torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum, fused=True)
        case "adam":
            return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.9)  # torch has no fused kernel of it
        case _:
            assert_never(name)


@torch.no_grad()
def shrink(optimizer: Optimizer, weight_decay: float) -> None:
    """Multiply every weight that has a gradient by ``1 - rate * weight_decay``, before the optimizer's step.

    The decay is decoupled from the gradient: neither clipping nor an optimizer's averages see it (Loshchilov and Hutter
    2019, arXiv 1711.05101). With Adam that is AdamW.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None:
                weight.mul_(1 - group["lr"] * weight_decay)
