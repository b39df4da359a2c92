"""Optimizers by name: one step of each by hand."""

import pytest
import torch
from torch import nn

from tasks.learning.optimizer import build_optimizer
from tasks.learning.settings import OptimizerName

GRADIENT = torch.tensor([0.5, -2.0, 0.0])


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("sgd", 0.1 * GRADIENT),
        ("adam", 0.1 * GRADIENT / (GRADIENT.abs() + 1e-8)),
        ("rmsprop", 0.1 * GRADIENT / ((0.1 * GRADIENT**2).sqrt() + 1e-8)),
    ],
)
def test_a_first_step(name: OptimizerName, step: torch.Tensor) -> None:
    weight = nn.Parameter(torch.ones(3))
    weight.grad = GRADIENT.clone()
    build_optimizer(name, [weight], learning_rate=0.1).step()
    torch.testing.assert_close(weight.detach(), 1 - step)
