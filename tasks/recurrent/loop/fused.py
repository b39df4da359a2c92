"""torch's fused recurrent kernels, called with a cell's own weights."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.torch_internals import KernelName, recurrent_kernel


def fused(
    kernel: KernelName,
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    second_bias: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Read a sequence with one of torch's kernels.

    Args:
        kernel: which.
        cell: gives the weights, stacked as the kernel stacks them.
        inputs: shape (time, batch, inputs).
        state: the state before the first step.
        second_bias: what torch adds to the recurrent product, shape (blocks * hidden,); None: zeros.

    Returns:
        The outputs of all steps, shape (time, batch, hidden), and the state after the last one.
    """
    biases = [cell.read.bias, torch.zeros_like(cell.read.bias) if second_bias is None else second_bias]
    before = tuple(part.unsqueeze(0) for part in state)  # (layers * directions, batch, hidden)
    # Biases, layers, dropout, training, bidirectional, batch first. "Training" is what lets cuDNN differentiate;
    # without dropout it changes nothing else.
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
    first = before if kernel == "lstm" else before[0]
    weights = [cell.read.weight, cell.recur.weight, *biases]
    outputs, *after = recurrent_kernel(kernel)(inputs, first, weights, *options)
    return outputs, cast("State", tuple(part.squeeze(0) for part in after))
