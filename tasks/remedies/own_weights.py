"""Weights that a remedy has itself: a baseline, a discriminator."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.optim import Optimizer

from tasks.learning.clipping import Clipped, Clipping
from tasks.learning.optimizer import build_optimizer
from tasks.remedies.remedy import Remedy


@final
class OwnWeights:
    """They learn from :attr:`Objective.own` alone, by Adam at a constant rate, clipped as the network is.

    Args:
        remedy: has the weights.
        rate: their learning rate; None: it has none.
        clipping: of their gradient.
    """

    def __init__(self, remedy: Remedy, *, rate: float | None, clipping: Clipping) -> None:
        self._remedy, self._rate, self._clipping = remedy, rate, clipping

    def behind(self, network: Optimizer) -> Any:
        """The network's optimizer, and behind it that of these weights, if there are any."""
        if self._rate is None:
            return network
        return [network, build_optimizer("adam", self._remedy.parameters(), learning_rate=self._rate)]

    def learn(self, loss: Tensor, optimizers: Any) -> Clipped:
        """Take a step.

        Args:
            loss: a scalar that no other weight has a part in.
            optimizers: what :meth:`behind` gave.
        """
        _, optimizer = optimizers
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=list(self._remedy.parameters()))
        clipped = self._clipping.apply(self._remedy.parameters())
        if clipped.usable:
            optimizer.step()
        return clipped
