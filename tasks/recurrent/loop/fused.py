"""torch's fused recurrent kernels, called with a cell's own weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.torch_internals import recurrent_kernel


def fused(cell: Cell, inputs: Tensor, state: State) -> tuple[Tensor, State] | None:
    """Read a sequence with torch's kernel of the cell; None where it has none.

    Args:
        cell: gives the weights, stacked as the kernel stacks them.
        inputs: shape (time, batch, inputs).
        state: the state before the first step.

    Returns:
        The outputs of all steps, shape (time, batch, hidden), and the state after the last one.
    """
    if (kernel := cell.kernel()) is None:
        return None
    second = torch.zeros_like(cell.read.bias) if kernel.second_bias is None else kernel.second_bias
    before = tuple(part.unsqueeze(0) for part in state)  # (layers * directions, batch, hidden)
    # Biases, layers, dropout, training, bidirectional, batch first. "Training" is what lets cuDNN differentiate;
    # without dropout it changes nothing else.
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
    first = before if kernel.name == "lstm" else before[0]
    weights = [cell.read.weight, cell.recur.weight, cell.read.bias, second]
    outputs, *after = recurrent_kernel(kernel.name)(inputs, first, weights, *options)
    return outputs, cast("State", tuple(part.squeeze(0) for part in after))
