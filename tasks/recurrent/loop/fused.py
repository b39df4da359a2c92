"""torch's fused recurrent kernels, called with a cell's own weights."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import _VF, Tensor

from tasks.recurrent.cell import Cell, State


def fused(
    kernel: Literal["rnn_tanh", "rnn_relu", "lstm", "gru"],
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
    before = tuple(part.unsqueeze(0) for part in state)
    # Biases, layers, dropout, training, bidirectional, batch first. "Training" is what lets cuDNN differentiate;
    # without dropout it changes nothing else.
    options = (True, 1, 0.0, torch.is_grad_enabled(), False, False)
    first = before if kernel == "lstm" else before[0]
    outputs, *after = getattr(_VF, kernel)(inputs, first, [cell.read.weight, cell.recur.weight, *biases], *options)
    return outputs, cast("State", tuple(part.squeeze(0) for part in after))
