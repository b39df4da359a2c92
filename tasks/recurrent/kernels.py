"""torch's fused recurrent kernels, called with a cell's own weights."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import _VF, Tensor

from tasks.recurrent.cell import Cell, State


def fused(
    kernel: Literal["rnn_tanh", "rnn_relu", "lstm"], cell: Cell, inputs: Tensor, state: State
) -> tuple[Tensor, State]:
    """Read a sequence with one of torch's kernels, whose second bias vector is held at zero.

    Args:
        kernel: which.
        cell: gives the weights, stacked as the kernel stacks them.
        inputs: shape (time, batch, inputs).
        state: the state before the first step.
    """
    bias = cell.read.bias
    weights = [cell.read.weight, cell.recur.weight, bias, torch.zeros_like(bias)]
    before = tuple(part.unsqueeze(0) for part in state)
    run = getattr(_VF, kernel)
    outputs, *after = run(
        inputs, before if kernel == "lstm" else before[0], weights, True, 1, 0.0, cell.training, False, False
    )
    return outputs, cast("State", tuple(part.squeeze(0) for part in after))
